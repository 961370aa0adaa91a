// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Glibc
internal import Synchronization

/// Writes the lines of the access log on a thread of its own, so that whatever takes them may be as slow as it likes.
///
/// Lines wait in order, and only so many: beyond that they are dropped, counted, and the log says so.
///
/// `@unchecked`: the semaphore is made for many threads; everything else that changes is behind `state`.
final class AccessLog: @unchecked Sendable {
    private struct State {
        var waiting: [AccessLine] = []
        /// What the thread has taken and not yet written.
        var taken = 0
        /// To be used from the next line on, in place of what is used now.
        var next: Int32?
        var dropped: UInt64 = 0
        var unsaid: UInt64 = 0
    }

    /// A few megabytes; at 10,000 requests in a second, what takes the lines may be busy for one.
    static let most = 10_000
    /// Lines that are longer than this together are written in parts: a pipe takes no more at once, and others write to
    /// the same one.
    private static let part = Int(PIPE_BUF)

    private let state = Mutex(State())
    private let wake = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    private var isStarted = false

    /// - Parameter file: nil = standard error.
    init(file: String?) throws(UsageError) {
        sem_init(self.wake, 0, 0)
        try self.open(file)
    }

    /// Lines that nobody will see.
    var dropped: UInt64 { self.state.withLock { $0.dropped } }

    /// Goes on in this file, or in one that has taken its place under its name. If it cannot be opened nothing changes.
    func open(_ file: String?) throws(UsageError) {
        let descriptor: Int32
        if let file {
            // A pipe that nobody reads is an error here, and no reason to wait.
            descriptor = Glibc.open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o640)
            guard descriptor >= 0 else {
                throw UsageError(
                    description: "cannot open -accessLogFile \(file): \(String(cString: strerror(errno)))",
                    exitStatus: 1)
            }
        } else {
            descriptor = STDERR_FILENO
        }
        let unused = self.state.withLock { state in
            defer { state.next = descriptor }
            return state.next
        }
        if let unused { Self.close(unused) }
    }

    /// Never waits.
    @LoopActor
    func put(_ line: AccessLine) {
        self.start()
        let isFirst = self.state.withLock { state in
            guard state.waiting.count + state.taken < Self.most else {
                state.dropped += 1
                state.unsaid += 1
                return false
            }
            state.waiting.append(line)
            return state.waiting.count == 1
        }
        if isFirst { sem_post(self.wake) }
    }

    /// Until everything is written, or for as long as this may take.
    @LoopActor
    func finish(atMost limit: Duration) async {
        let deadline = ContinuousClock.now + limit
        while !self.state.withLock({ $0.waiting.isEmpty && $0.taken == 0 }), ContinuousClock.now < deadline {
            try? await sleep(for: .milliseconds(2))
        }
    }

    // MARK: The thread

    @LoopActor
    private func start() {
        guard !self.isStarted else { return }
        self.isStarted = true
        var thread = pthread_t()
        let status = pthread_create(&thread, nil, runAccessLog, Unmanaged.passRetained(self).toOpaque())
        precondition(status == 0, "no thread for the access log")
        pthread_detach(thread)
    }

    fileprivate func run() {
        var file = STDERR_FILENO
        while true {
            // Whoever asks for many pictures at once should not wake this thread for each.
            while sem_wait(self.wake) != 0 {}
            usleep(2000)
            let (lines, next, unsaid) = self.state.withLock { state in
                defer {
                    state.taken = state.waiting.count
                    state.waiting = []
                    state.next = nil
                    state.unsaid = 0
                }
                return (state.waiting, state.next, state.unsaid)
            }
            if let next {
                Self.close(file)
                file = next
            }
            let lost = Self.write(lines, to: file)
            self.state.withLock { state in
                state.taken = 0
                state.dropped += lost
            }
            if unsaid > 0 { Log.line("\(unsaid) lines of the access log were dropped: it takes them too slowly") }
            if lost > 0 { Log.line("\(lost) lines of the access log could not be written") }
        }
    }

    /// - Returns: how many lines could not be written.
    private static func write(_ lines: [AccessLine], to file: Int32) -> UInt64 {
        var lost: UInt64 = 0
        var part: [UInt8] = []
        var count: UInt64 = 0
        func flush() {
            if !Self.write(part, to: file) { lost += count }
            part.removeAll(keepingCapacity: true)
            count = 0
        }
        for line in lines {
            let text = line.text.utf8
            if part.count + text.count > Self.part { flush() }
            part += text
            count += 1
        }
        flush()
        return lost
    }

    private static func write(_ bytes: [UInt8], to file: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if written >= 0 {
                rest = rest.dropFirst(written)
            } else if errno == EAGAIN {
                var wait = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
                poll(&wait, 1, -1)
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }

    private static func close(_ file: Int32) {
        if file != STDERR_FILENO { Glibc.close(file) }
    }
}

/// A closure inside `start` would belong to the loop's actor, and be stopped for not being on its thread.
private func runAccessLog(_ log: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    Unmanaged<AccessLog>.fromOpaque(log!).takeUnretainedValue().run()
    return nil
}
