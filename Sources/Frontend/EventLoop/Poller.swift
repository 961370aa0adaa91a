// SPDX-License-Identifier: Apache-2.0

internal import CLibuv

/// Watches a descriptor that somebody else owns: tells when it can be read or written, and does neither.
@LoopActor
public final class Poller {
    public struct Events: OptionSet, Sendable {
        public let rawValue: Int32
        public init(rawValue: Int32) { self.rawValue = rawValue }

        public static let readable = Events(rawValue: Int32(UV_READABLE.rawValue))
        public static let writable = Events(rawValue: Int32(UV_WRITABLE.rawValue))
        /// The peer has closed, or shut down its writing half.
        public static let hangUp = Events(rawValue: Int32(UV_DISCONNECT.rawValue))
        /// The descriptor is broken; never asked for, only reported.
        public static let failed = Events(rawValue: 1 << 16)
    }

    private let handle: Handle<uv_poll_t>
    private var action: (@LoopActor (Events) -> Void)?
    /// What libuv watches for. It goes on when nobody waits, until something happens: whoever waits for the same again
    /// and again, as everybody does here, would otherwise pay for three system calls each time.
    private var watched: Events = []
    private var isClosed = false
    private var pendingWait: Wait?

    /// - Parameter descriptor: must stay open until `close` has been called.
    public init(_ descriptor: Int32) throws(LoopError) {
        self.handle = Handle()
        let status = uv_poll_init(Loop.shared.handle, self.handle.pointer, descriptor)
        guard status == 0 else {
            self.handle.deallocate()
            throw LoopError(status, "cannot watch a descriptor")
        }
        self.handle.attach(self)
    }

    /// Calls `action` whenever one of `events` is there, until `stop`.
    public func start(_ events: Events, _ action: @escaping @LoopActor (Events) -> Void) {
        guard !self.isClosed else { return }
        self.action = action
        guard self.watched != events else { return }
        self.watched = events
        uv_poll_start(self.handle.pointer, events.rawValue) { pointer, status, events in
            nonisolated(unsafe) let pointer = pointer!
            LoopActor.assumeIsolated {
                let poller = Handle<uv_poll_t>.owner(of: pointer, as: Poller.self)
                poller.happened(status < 0 ? .failed : Events(rawValue: events))
            }
        }
    }

    private func happened(_ events: Events) {
        // libuv has stopped by itself.
        if events == .failed { self.watched = [] }
        guard let action = self.action else { return self.unwatch() }
        action(events)
    }

    private func unwatch() {
        self.watched = []
        uv_poll_stop(self.handle.pointer)
    }

    /// Calls nobody any more.
    public func stop() { self.action = nil }

    /// After this the descriptor may be closed.
    public func close() {
        guard !self.isClosed else { return }
        self.stop()
        self.unwatch()
        self.isClosed = true
        self.handle.close()
        self.pendingWait?.end(nil)
    }

    /// Waits until one of `events` is there.
    ///
    /// One wait at a time.
    ///
    /// - Returns: what is there; nil when the time has passed, the task was cancelled or the poller closed.
    public func wait(for events: Events, atMost limit: Duration? = nil) async -> Events? {
        let wait = Wait()
        return await withTaskCancellationHandler {
            guard !Task.isCancelled, !self.isClosed else { return nil }
            return await withUnsafeContinuation { continuation in
                wait.continuation = continuation
                wait.poller = self
                self.pendingWait = wait
                self.start(events) { wait.end($0) }
                if let limit { wait.timer = LoopTimer(after: limit) { wait.end(nil) } }
            }
        } onCancel: {
            spawn { wait.end(nil) }
        }
    }

    /// One `wait`, which ends once, by whatever comes first.
    @LoopActor
    private final class Wait {
        var continuation: UnsafeContinuation<Events?, Never>?
        var poller: Poller?
        var timer: LoopTimer?

        func end(_ events: Events?) {
            guard let continuation else { return }
            self.continuation = nil
            self.timer?.stop()
            self.timer = nil
            self.poller?.stop()
            self.poller?.pendingWait = nil
            self.poller = nil
            continuation.resume(returning: events)
        }
    }
}
