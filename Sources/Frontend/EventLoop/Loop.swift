// SPDX-License-Identifier: Apache-2.0

internal import CLibuv
internal import Glibc
internal import Synchronization

/// The front's one event loop: libuv underneath, and the executor of every task above.
///
/// Jobs that are enqueued on the loop's own thread go into an array and run before and after the loop polls for I/O;
/// those from other threads wake the loop first. The process stays at one thread, and an `await` costs no system call.
///
/// `@unchecked`: `ready` and `spare` are touched on the loop's thread only, and the handles are written in `init` alone;
/// what other threads touch is behind `remote` and `owner`.
public final class Loop: SerialExecutor, TaskExecutor, @unchecked Sendable {
    public static let shared = Loop()

    let handle: UnsafeMutablePointer<uv_loop_t>
    private let wakeUp = UnsafeMutablePointer<uv_async_t>.allocate(capacity: 1)
    private let beforePoll = UnsafeMutablePointer<uv_prepare_t>.allocate(capacity: 1)
    private let afterPoll = UnsafeMutablePointer<uv_check_t>.allocate(capacity: 1)

    private var ready: [UnownedJob] = []
    private var spare: [UnownedJob] = []

    /// When the first callback of this turn began; 0 = there was none yet.
    private var turnStart: UInt64 = 0
    private var longestTurn: UInt64 = 0

    private let remote = Mutex<[UnownedJob]>([])
    private let owner = Atomic<UInt>(0)

    /// The loop's own handles, which live as long as it does.
    private static let ownHandles = 3
    /// Rounds of ready jobs that may run before I/O is polled again.
    private static let roundsPerTurn = 64

    /// Bytes that are lent to whichever stream libuv is about to read from. One is enough: the loop reads one stream at
    /// a time, and hands the bytes on before it reads the next. So a connection that waits owns no buffer.
    let lentBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)

    private init() {
        self.handle = .allocate(capacity: 1)
        precondition(uv_loop_init(self.handle) == 0, "libuv has no loop to give")
        self.ready.reserveCapacity(256)
        self.spare.reserveCapacity(256)
        uv_async_init(self.handle, self.wakeUp) { _ in Loop.shared.takeRemote() }
        uv_prepare_init(self.handle, self.beforePoll)
        uv_check_init(self.handle, self.afterPoll)
        uv_prepare_start(self.beforePoll) { _ in
            Loop.shared.drain()
            Loop.shared.endTurn()
        }
        uv_check_start(self.afterPoll) { _ in Loop.shared.drain() }
        // These two never keep the loop alive; `wakeUp` does, until `shutDown`.
        uv_unref(UnsafeMutableRawPointer(self.beforePoll).assumingMemoryBound(to: uv_handle_t.self))
        uv_unref(UnsafeMutableRawPointer(self.afterPoll).assumingMemoryBound(to: uv_handle_t.self))
    }

    // MARK: Running

    /// Makes the calling thread the loop's.
    public func bind() {
        self.owner.store(UInt(pthread_self()), ordering: .sequentiallyConsistent)
    }

    /// Runs on the calling thread, which becomes the loop's, until `stop`.
    public func run() {
        self.bind()
        uv_run(self.handle, UV_RUN_DEFAULT)
    }

    /// Makes `run` return soon. On the loop's thread only.
    public func stop() {
        uv_stop(self.handle)
    }

    /// Handles that somebody opened and has not closed yet, closing ones included. On the loop's thread only.
    public var openHandles: Int {
        var count = 0
        withUnsafeMutablePointer(to: &count) { pointer in
            uv_walk(self.handle, { _, count in count?.assumingMemoryBound(to: Int.self).pointee += 1 }, pointer)
        }
        return count - Self.ownHandles
    }

    /// Closes the loop after `run` has returned. Call it on the loop's thread, and nothing of the loop's after it.
    ///
    /// - Returns: the handles that nobody closed. Zero proves that the shutdown was clean.
    public func shutDown() -> Int {
        // Let everything that is closing finish, and the tasks that wait for it.
        for _ in 0..<1000 where self.openHandles > 0 {
            self.drain()
            uv_run(self.handle, UV_RUN_NOWAIT)
        }
        let leaked = self.openHandles
        for own in [
            UnsafeMutableRawPointer(self.wakeUp), UnsafeMutableRawPointer(self.beforePoll),
            UnsafeMutableRawPointer(self.afterPoll),
        ] {
            uv_close(own.assumingMemoryBound(to: uv_handle_t.self)) { UnsafeMutableRawPointer($0)?.deallocate() }
        }
        uv_run(self.handle, UV_RUN_NOWAIT)
        return uv_loop_close(self.handle) == 0 ? leaked : max(leaked, 1)
    }

    // MARK: Executor

    /// Whether the caller is on the loop's thread.
    @inline(__always)
    public var isCurrent: Bool { self.owner.load(ordering: .relaxed) == UInt(pthread_self()) }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        guard !self.isCurrent else { return self.ready.append(job) }
        let isFirst = self.remote.withLock { queue in
            queue.append(job)
            return queue.count == 1
        }
        if isFirst { uv_async_send(self.wakeUp) }
    }

    private func takeRemote() {
        let jobs = self.remote.withLock { queue in
            let jobs = queue
            queue.removeAll(keepingCapacity: true)
            return jobs
        }
        self.ready.append(contentsOf: jobs)
    }

    private func drain() {
        for _ in 0..<Self.roundsPerTurn {
            guard !self.ready.isEmpty else { return }
            self.beginTurn()
            swap(&self.ready, &self.spare)
            for job in self.spare {
                job.runSynchronously(
                    isolatedTo: self.asUnownedSerialExecutor(), taskExecutor: self.asUnownedTaskExecutor())
            }
            self.spare.removeAll(keepingCapacity: true)
        }
        // More is ready, but I/O has waited long enough: come back right after polling it.
        uv_async_send(self.wakeUp)
    }

    // MARK: How long a turn takes

    /// Something happens, after the loop has waited for it. Called at every callback, so it costs next to nothing when
    /// the turn has begun already.
    @inline(__always)
    func beginTurn() {
        if self.turnStart == 0 { self.turnStart = uv_hrtime() }
    }

    /// The loop is about to wait.
    private func endTurn() {
        guard self.turnStart != 0 else { return }
        self.longestTurn = max(self.longestTurn, uv_hrtime() &- self.turnStart)
        self.turnStart = 0
    }

    /// The longest turn since the last call with `forgetting`; meanwhile everything else had to wait. On the loop's
    /// thread only.
    public func longestTurn(forgetting: Bool) -> Duration {
        defer { if forgetting { self.longestTurn = 0 } }
        return .nanoseconds(Int64(clamping: self.longestTurn))
    }

    public func checkIsolated() { precondition(self.isCurrent, "not on the loop's thread") }

    public func isIsolatingCurrentContext() -> Bool? { self.isCurrent }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    public func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }
}
