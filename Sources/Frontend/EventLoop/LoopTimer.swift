// SPDX-License-Identifier: Apache-2.0

internal import CLibuv

/// A timer on the loop. It fires once, or again and again, until it is stopped; dropping it does not stop it.
@LoopActor
public final class LoopTimer {
    private let handle = Handle<uv_timer_t>()
    private let action: @LoopActor () -> Void
    private let isRepeating: Bool
    /// When a timer that fires once is over.
    private let due: ContinuousClock.Instant
    private var isStopped = false

    /// - Parameters:
    ///   - delay: rounded up to whole milliseconds; never fires before it is over.
    ///   - interval: nil = fires once.
    @discardableResult
    public init(after delay: Duration, every interval: Duration? = nil, _ action: @escaping @LoopActor () -> Void) {
        self.action = action
        self.isRepeating = interval != nil
        self.due = .now + delay
        // The loop's idea of "now" is from the last poll: without this a timer set late in a long turn fires early.
        uv_update_time(Loop.shared.handle)
        uv_timer_init(Loop.shared.handle, self.handle.pointer)
        self.handle.attach(self)
        self.start(self.ticks(in: delay), every: interval?.milliseconds ?? 0)
    }

    private func start(_ milliseconds: UInt64, every interval: UInt64) {
        uv_timer_start(
            self.handle.pointer,
            { pointer in
                nonisolated(unsafe) let pointer = pointer!
                LoopActor.assumeIsolated { Handle<uv_timer_t>.owner(of: pointer, as: LoopTimer.self).expire() }
            }, milliseconds, interval)
    }

    /// libuv reads a clock that lags by up to a tick of the kernel's, so it may be early.
    private func expire() {
        let rest = self.isRepeating ? .zero : self.due - .now
        if rest > .zero { self.start(rest.milliseconds, every: 0) } else { self.fire() }
    }

    /// libuv counts in whole milliseconds, and the one that runs now may be all but over.
    private func ticks(in delay: Duration) -> UInt64 {
        let milliseconds = delay.milliseconds
        return milliseconds == 0 ? 0 : milliseconds + 1
    }

    private func fire() {
        if !self.isRepeating { self.stop() }
        self.action()
    }

    public func stop() {
        guard !self.isStopped else { return }
        self.isStopped = true
        self.handle.close()
    }
}

extension Duration {
    /// Whole milliseconds, rounded up; negative ones are none.
    var milliseconds: UInt64 {
        let (seconds, attoseconds) = self.components
        guard seconds >= 0 else { return 0 }
        return UInt64(seconds) * 1000 + UInt64((max(0, attoseconds) + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}

/// Suspends the task for a time, or until it is cancelled.
@LoopActor
public func sleep(for duration: Duration) async throws(CancellationError) {
    let sleeper = Sleeper()
    await withTaskCancellationHandler {
        await sleeper.run(duration)
    } onCancel: {
        spawn { sleeper.wake() }
    }
    if Task.isCancelled { throw CancellationError() }
}

@LoopActor
private final class Sleeper {
    private var continuation: UnsafeContinuation<Void, Never>?
    private var timer: LoopTimer?

    func run(_ duration: Duration) async {
        guard !Task.isCancelled else { return }
        await withUnsafeContinuation { continuation in
            self.continuation = continuation
            self.timer = LoopTimer(after: duration) { self.wake() }
        }
    }

    func wake() {
        self.timer?.stop()
        self.timer = nil
        self.continuation?.resume()
        self.continuation = nil
    }
}
