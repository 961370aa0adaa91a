// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Glibc
internal import ImageJob
internal import Platform
internal import WorkerProtocol

/// Hands jobs to workers.
///
/// A connection to the jobs socket is a ticket: it waits in the kernel's queue until a keeper accepts it and says hello,
/// and only then is a job picked for it. There are never fewer tickets out than jobs that wait, so a job waits for
/// nothing but a worker, and no worker takes one whose client has gone.
@LoopActor
final class JobDispatcher {
    /// One job on its way, and whoever waits for it.
    private final class Pending {
        let job: PictureJob
        private var continuation: UnsafeContinuation<Result<TransformedPicture, JobError>, Never>?
        let enqueuedAt: ContinuousClock.Instant
        /// When it has waited too long for a worker.
        let latestStart: ContinuousClock.Instant
        /// How often the job's bytes were to blame for the end of a worker's child.
        var deaths = 0
        /// How often a worker went away without the bytes being to blame.
        var losses = 0

        init(
            _ job: PictureJob, now: ContinuousClock.Instant,
            _ continuation: UnsafeContinuation<Result<TransformedPicture, JobError>, Never>
        ) {
            self.job = job
            self.enqueuedAt = now
            self.latestStart = now + JobDispatcher.maximumWait
            self.continuation = continuation
        }

        /// False once somebody has been told, or nobody listens any more.
        var isWanted: Bool { self.continuation != nil }

        func finish(_ result: Result<TransformedPicture, JobError>) {
            self.continuation?.resume(returning: result)
            self.continuation = nil
        }
    }

    /// A job that has waited this long gets another ticket: the keeper that took its first one may have been stopped
    /// with the connection in its hands.
    private static let patience = Duration.milliseconds(500)
    /// Tickets beyond the number of waiting jobs.
    private static let maximumSpareTickets = 8
    private static let maximumDeaths = 2
    /// A job that no worker has taken by then is given up: its client has waited long enough to be told to come back.
    private nonisolated static let maximumWait = Duration.seconds(15)
    /// A bound for the case that somebody kills workers faster than they can work.
    private static let maximumLosses = 50

    private let socketPath: String
    private let requirement: SandboxRequirement
    private let metrics: Metrics
    private let clock = ContinuousClock()
    private let start = ContinuousClock().now
    private var queue: JobQueue<Pending>
    /// By token: everything that was asked for and is not answered, with its place in the queue.
    private var waiting: [UInt64: (id: UInt64, pending: Pending)] = [:]
    private var nextToken: UInt64 = 0
    private var ticketsOut = 0
    /// Tickets that no keeper has taken yet.
    private var untaken: [ObjectIdentifier: WorkerConnection] = [:]
    private var hedge: LoopTimer?
    /// What the last worker that said hello has said.
    private(set) var sandbox: SandboxLayers?
    private var meter = LoadMeter()
    private var isUnreachable = false

    /// Jobs that workers are busy with now.
    private(set) var running = 0

    init(socketPath: String, maxQueue: Int, requirement: SandboxRequirement, metrics: Metrics) {
        self.socketPath = socketPath
        self.requirement = requirement
        self.metrics = metrics
        self.queue = JobQueue(capacity: maxQueue)
    }

    /// How busy workers were in the last minute.
    func load() -> LoadMeter.Load { self.meter.load(at: self.clock.now - self.start) }

    /// Whether the workers' socket took the last connection that was tried.
    var isReachable: Bool { !self.isUnreachable }

    var isFull: Bool { self.queue.count >= self.queue.capacity }

    /// Jobs that may wait.
    var queueLimit: Int { self.queue.capacity }

    /// Jobs that wait for a worker now.
    var queued: Int { self.queue.count }

    /// Has a job done. Cancelling the task takes it out of the queue, or ends the child that is at it.
    func run(_ job: PictureJob) async throws -> TransformedPicture {
        self.nextToken += 1
        let token = self.nextToken
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<_, Never>) in
                self.enqueue(Pending(job, now: self.clock.now, continuation), token: token)
            }
        } onCancel: {
            spawn { self.abandon(token) }
        }
        self.waiting[token] = nil
        try Task.checkCancellation()
        return try result.get()
    }

    private func enqueue(_ pending: Pending, token: UInt64) {
        guard !Task.isCancelled else { return pending.finish(.failure(.overloaded)) }
        let now = (self.clock.now - self.start).roundedUpMilliseconds
        guard let id = self.queue.push(pending, cost: pending.job.cost, now: Int64(now)) else {
            return pending.finish(.failure(.overloaded))
        }
        self.waiting[token] = (id, pending)
        self.sendTickets()
    }

    private func abandon(_ token: UInt64) {
        guard let (id, pending) = self.waiting.removeValue(forKey: token) else { return }
        _ = self.queue.remove(id)
        // A running job notices by itself: its ticket looks at `isWanted` while it waits for the reply.
        pending.finish(.failure(.overloaded))
    }

    /// After the last job.
    func close() {
        self.hedge?.stop()
        self.hedge = nil
        // Spare ones wait in the kernel's queue, which outlives every worker.
        for connection in self.untaken.values { connection.close() }
    }

    // MARK: Tickets

    private func sendTickets() {
        while self.ticketsOut < self.queue.count { guard self.sendTicket() else { break } }
        self.armHedge()
    }

    /// Connects to the jobs socket; false when no worker's queue takes another connection.
    private func sendTicket() -> Bool {
        let connection: WorkerConnection
        do {
            connection = try WorkerConnection(path: self.socketPath)
            self.noteReachable(true)
        } catch {
            // A full queue is no failure: there are workers, and they are busy.
            self.noteReachable(error.code == EAGAIN, "\(error)")
            return false
        }
        self.ticketsOut += 1
        spawn { await self.use(connection) }
        return true
    }

    /// While jobs wait, tries again: with another ticket if there are enough, or because the socket took none.
    private func armHedge() {
        guard self.hedge == nil, !self.queue.isEmpty else { return }
        self.hedge = LoopTimer(after: Self.patience) { [unowned self] in
            self.hedge = nil
            guard !self.queue.isEmpty else { return }
            self.giveUpOverdue()
            if self.ticketsOut < self.queue.count + Self.maximumSpareTickets { _ = self.sendTicket() }
            self.sendTickets()
        }
    }

    private func giveUpOverdue() {
        let now = self.clock.now
        for (id, pending) in self.waiting.values where pending.latestStart < now {
            if self.queue.remove(id) { pending.finish(.failure(.timedOut(detail: "no worker took the job in time"))) }
        }
    }

    /// One ticket's life: hello, job, reply.
    private func use(_ connection: WorkerConnection) async {
        self.untaken[ObjectIdentifier(connection)] = connection
        let hello = await connection.hello()
        self.untaken[ObjectIdentifier(connection)] = nil
        self.ticketsOut -= 1
        if let hello, !self.accepts(hello) {
            connection.close()
            // Its job waits on, for another worker or a while: the same one would take the next ticket at once.
            return self.armHedge()
        }
        guard hello != nil, let pending = self.nextWanted() else {
            connection.close()
            // A broken ticket leaves its job waiting; a surplus one leaves nobody.
            return self.sendTickets()
        }
        self.running += 1
        let started = self.clock.now
        let waited = started - pending.enqueuedAt
        self.metrics.observe(.queue, waited)
        let end = await connection.perform(pending.job, while: { pending.isWanted })
        self.running -= 1
        connection.close()
        self.meter.add(busy: self.clock.now - started, waited: waited, at: self.clock.now - self.start)
        self.settle(pending, end)
    }

    private func nextWanted() -> Pending? {
        while let pending = self.queue.pop() {
            if pending.isWanted { return pending }
        }
        return nil
    }

    private func accepts(_ hello: Hello) -> Bool {
        if self.sandbox != hello.sandbox {
            self.sandbox = hello.sandbox
            Log.line("workers run with sandbox layers: \(hello.sandbox)")
        }
        switch self.requirement {
        case .off: return true
        case .standard: return hello.sandbox.contains(.seccomp)
        case .strict: return hello.sandbox == .all
        }
    }

    private func settle(_ pending: Pending, _ end: JobEnd) {
        switch end {
        case .done(let picture):
            self.note(picture.cost)
            pending.finish(.success(picture))
        case .failed(let failure): pending.finish(.failure(.failed(failure)))
        case .unwanted: break
        case .died(let how):
            pending.deaths += 1
            self.metrics.childDied("picture")
            Log.line("a worker's child \(how) over a picture of \(pending.job.source.count) bytes")
            if pending.deaths >= Self.maximumDeaths { return pending.finish(.failure(.poisonous(detail: how))) }
            self.requeue(pending)
        case .lost(let how):
            pending.losses += 1
            self.metrics.childDied("outside")
            Log.detail("lost a worker: \(how)")
            guard pending.losses < Self.maximumLosses else { return pending.finish(.failure(.timedOut(detail: how))) }
            self.requeue(pending)
        }
    }

    private func note(_ cost: Reply.Cost) {
        self.metrics.observe(.decode, .microseconds(Int64(cost.decode)))
        self.metrics.observe(.resize, .microseconds(Int64(cost.resize)))
        self.metrics.observe(.encode, .microseconds(Int64(cost.encode)))
    }

    private func requeue(_ pending: Pending) {
        guard pending.isWanted else { return }
        let id = self.queue.pushFirst(pending)
        if let token = self.waiting.first(where: { $0.value.pending === pending })?.key {
            self.waiting[token] = (id, pending)
        }
        self.sendTickets()
    }

    /// Says so once when the workers' socket goes away, and once when it is back.
    private func noteReachable(_ isReachable: Bool, _ why: String = "") {
        guard self.isUnreachable == isReachable else { return }
        self.isUnreachable = !isReachable
        Log.line(
            isReachable
                ? "workers can be reached again at \(self.socketPath)"
                : "no workers at \(self.socketPath): \(why); pictures wait, cached ones are still served")
    }
}
