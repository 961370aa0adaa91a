// SPDX-License-Identifier: Apache-2.0

internal import CLibuv

/// Calls an action on the loop whenever a signal arrives.
@LoopActor
public final class SignalWatcher {
    private let handle = Handle<uv_signal_t>()
    private let action: @LoopActor () -> Void
    private var isStopped = false

    public init(_ signal: Int32, _ action: @escaping @LoopActor () -> Void) {
        self.action = action
        uv_signal_init(Loop.shared.handle, self.handle.pointer)
        self.handle.attach(self)
        uv_signal_start(
            self.handle.pointer,
            { pointer, _ in
                nonisolated(unsafe) let pointer = pointer!
                LoopActor.assumeIsolated { Handle<uv_signal_t>.owner(of: pointer, as: SignalWatcher.self).action() }
            }, signal)
    }

    public func stop() {
        guard !self.isStopped else { return }
        self.isStopped = true
        self.handle.close()
    }
}
