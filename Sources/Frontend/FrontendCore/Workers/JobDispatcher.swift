// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Glibc
internal import ImageJob
internal import Platform
internal import WorkerProtocol

/// Hands jobs to workers.
///
/// A connection to the jobs socket is a ticket: it waits in the kernel's queue until a keeper accepts it and says hello,
/// and only then is a job picked for it. At each socket there are never fewer tickets out than jobs that wait, so a job
/// waits for nothing but a worker, at whichever socket, and no worker takes one whose client has gone.
@LoopActor
final class JobDispatcher {
    /// A job that has waited this long gets another ticket: the keeper that took its first one may have been stopped
    /// with the connection in its hands.
    private static let patience = Duration.milliseconds(500)
    /// Tickets beyond the number of waiting jobs.
    private static let maximumSpareTickets = 8
    /// Of one job. Those of a picture, whichever job asked for it, are the list's to count.
    private static let maximumDeaths = 2
    private static let maximumStalls = 2
    /// So few may always wait: an estimate from a few jobs says little.
    private static let leastQueue = 8
    /// A bound for the case that somebody kills workers faster than they can work.
    private static let maximumLosses = 50

    private var sockets: [JobsSocket]
    private let metrics: Metrics
    private let poison: PoisonList
    private let maxWait: Duration
    private let clock = ContinuousClock()
    private let start = ContinuousClock().now
    private var queue: JobQueue<PendingJob>
    /// By token: everything that was asked for and is not answered, with its place in the queue.
    private var waiting: [UInt64: (id: UInt64, pending: PendingJob)] = [:]
    private var nextToken: UInt64 = 0
    /// Tickets that no keeper has taken yet.
    private var untaken: [ObjectIdentifier: WorkerConnection] = [:]
    private var hedge: LoopTimer?
    private var vetting: WorkerVetting
    private var meter = LoadMeter()
    private var rate = WorkRate()
    private var isClosed = false

    /// Jobs that workers are busy with now.
    private(set) var running = 0

    /// - Parameters:
    ///   - socketPaths: where workers accept; each place has workers of its own.
    ///   - maxQueue: jobs that may wait for a worker.
    ///   - maxWait: how long, by what is known of the workers' speed; who would wait longer is refused at once.
    init(
        socketPaths: [String], maxQueue: Int, maxWait: Duration, requirement: SandboxRequirement, poison: PoisonList,
        metrics: Metrics
    ) {
        self.sockets = socketPaths.map { JobsSocket(path: $0) }
        self.maxWait = maxWait
        self.poison = poison
        self.vetting = WorkerVetting(requirement: requirement)
        self.metrics = metrics
        self.queue = JobQueue(capacity: maxQueue)
    }

    /// How busy workers were in the last minute.
    func load() -> LoadMeter.Load { self.meter.load(at: self.clock.now - self.start) }

    /// Whether one of the workers' sockets took the last connection that was tried.
    var isReachable: Bool { self.sockets.contains { $0.isReachable } }

    /// What the last worker that said hello has said.
    var sandbox: SandboxLayers? { self.vetting.sandbox }

    var seen: SeenVersions { self.vetting.seen }

    /// Looks whether anybody is there, unless that was seen a moment ago. Workers that somebody else starts can go, and
    /// come, while no job shows it.
    func lookForWorkers() {
        for index in self.sockets.indices where self.sockets[index].isWorthAsking(at: self.clock.now) {
            self.look(at: index)
        }
        self.armHedge()
    }

    /// With a ticket that no job waits for, if none is out.
    private func look(at index: Int) {
        if self.sockets[index].ticketsOut == 0, !self.isClosed { _ = self.sendTicket(to: index) }
    }

    /// Has workers say what they are, those of each socket: a ticket without a job. Who is busy says it with the next job.
    func meetWorkers(atMost limit: Duration) async {
        let asked = self.clock.now
        for index in self.sockets.indices where self.sockets[index].ticketsOut <= self.queue.count {
            _ = self.sendTicket(to: index)
        }
        func isMissing(_ socket: JobsSocket) -> Bool {
            socket.isReachable && (socket.lastHello.map { $0 < asked } ?? true)
        }
        while self.sockets.contains(where: isMissing), self.clock.now - asked < limit {
            try? await sleep(for: .milliseconds(5))
        }
    }

    /// Why all workers that have come lately were sent away; nil when one was not.
    var rejectsWorkers: String? { self.vetting.rejection(at: self.clock.now) }

    var isFull: Bool { self.queue.count >= self.queue.capacity }

    /// Why a job that came now would be refused; nil when it would not.
    var refusal: Busy? {
        guard self.isFull || self.queue.count >= Self.leastQueue else { return nil }
        self.noteQueue()
        let wait = self.rate.time(for: self.queue.cost)
        if self.isFull { return Busy(reason: .queue, detail: "the queue of jobs is full", wait: wait ?? .zero) }
        guard let wait, wait > self.maxWait else { return nil }
        return Busy(
            reason: .wait, detail: "the wait for a worker would be \(wait.roundedUpMilliseconds) ms", wait: wait)
    }

    /// - Throws: `RequestError` for a job that would be refused now, which is counted as one that was.
    func admit() throws {
        guard let refusal else { return }
        self.meter.refuse(at: self.clock.now - self.start)
        throw RequestError(refusal)
    }

    /// Jobs that may wait.
    var queueLimit: Int {
        get { self.queue.capacity }
        set { self.queue.capacity = newValue }
    }

    /// Jobs that wait for a worker now.
    var queued: Int { self.queue.count }

    /// Has a job done. Cancelling the task takes it out of the queue, or ends the child that is at it.
    func run(_ job: PictureJob) async throws -> TransformedPicture {
        self.nextToken += 1
        let token = self.nextToken
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<_, Never>) in
                self.enqueue(PendingJob(job, now: self.clock.now, continuation), token: token)
            }
        } onCancel: {
            spawn { self.abandon(token) }
        }
        self.waiting[token] = nil
        try Task.checkCancellation()
        return try result.get()
    }

    private func enqueue(_ pending: PendingJob, token: UInt64) {
        guard !Task.isCancelled else { return pending.finish(.failure(.timedOut(detail: "cancelled"))) }
        let now = (self.clock.now - self.start).roundedUpMilliseconds
        if let refusal {
            self.meter.refuse(at: self.clock.now - self.start)
            return pending.finish(.failure(.overloaded(refusal)))
        }
        guard let id = self.queue.push(pending, cost: pending.cost, now: Int64(now)) else { return }
        self.noteQueue()
        self.waiting[token] = (id, pending)
        self.sendTickets()
    }

    private func abandon(_ token: UInt64) {
        guard let (id, pending) = self.waiting.removeValue(forKey: token) else { return }
        _ = self.queue.remove(id)
        self.noteQueue()
        // A running job notices by itself: its ticket looks at `isWanted` while it waits for the reply.
        pending.finish(.failure(.timedOut(detail: "cancelled")))
    }

    private func noteQueue() {
        self.rate.note(isBacklogged: !self.queue.isEmpty, at: self.clock.now - self.start)
    }

    /// After the last job.
    func close() {
        self.isClosed = true
        self.hedge?.stop()
        self.hedge = nil
        // Spare ones wait in the kernel's queue, which outlives every worker.
        for connection in self.untaken.values { connection.close() }
    }

    // MARK: Tickets

    private func sendTickets() {
        for index in self.sockets.indices {
            while self.sockets[index].ticketsOut < self.queue.count { guard self.sendTicket(to: index) else { break } }
        }
        self.armHedge()
    }

    /// Connects to a jobs socket; false when no worker's queue takes another connection there.
    private func sendTicket(to index: Int) -> Bool {
        let connection: WorkerConnection
        do throws(SystemError) {
            connection = try WorkerConnection(path: self.sockets[index].path)
            self.note(nil, at: index)
        } catch {
            self.note(error, at: index)
            return false
        }
        self.sockets[index].ticketsOut += 1
        spawn { await self.use(connection, from: index) }
        return true
    }

    /// While jobs wait, tries again: with another ticket if there are enough, or because the socket took none. While no
    /// worker can be had it tries without a job, too: a front that says so on `/ready` may be asked for nothing else.
    private func armHedge() {
        guard self.hedge == nil, !self.queue.isEmpty || self.isWithoutWorkers, !self.isClosed else { return }
        self.hedge = LoopTimer(after: Self.patience) { [weak self] in
            guard let self else { return }
            self.hedge = nil
            guard !self.queue.isEmpty else {
                if self.isWithoutWorkers { for index in self.sockets.indices { self.look(at: index) } }
                return self.armHedge()
            }
            self.giveUpOverdue()
            let most = self.queue.count + Self.maximumSpareTickets
            for index in self.sockets.indices where self.sockets[index].ticketsOut < most {
                _ = self.sendTicket(to: index)
            }
            self.sendTickets()
        }
    }

    private var isWithoutWorkers: Bool { !self.isReachable || self.vetting.rejectsAll }

    private func giveUpOverdue() {
        let now = self.clock.now
        for (id, pending) in self.waiting.values where pending.latestStart < now {
            if self.queue.remove(id) { pending.finish(.failure(.timedOut(detail: "no worker took the job in time"))) }
        }
        self.noteQueue()
    }

    /// One ticket's life: hello, job, reply.
    private func use(_ connection: WorkerConnection, from index: Int) async {
        self.untaken[ObjectIdentifier(connection)] = connection
        let offer = await connection.offer()
        self.untaken[ObjectIdentifier(connection)] = nil
        self.sockets[index].ticketsOut -= 1
        if case .hello = offer { self.sockets[index].lastHello = self.clock.now }
        let verdict = self.vetting.verdict(on: offer, at: self.clock.now)
        guard verdict != .rejected else {
            connection.close()
            // Its job waits on, for another worker or a while: the same one would take the next ticket at once.
            return self.armHedge()
        }
        guard verdict == .accepted, let pending = self.nextWanted() else {
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
        await self.settle(pending, end)
    }

    private func nextWanted() -> PendingJob? {
        defer { self.noteQueue() }
        while let pending = self.queue.pop() {
            guard pending.isWanted else { continue }
            // It may have become known as one while this job waited.
            if let source = pending.job.source.knownDigest,
                self.poison.isKnown(PoisonList.Key(source: source, options: pending.job.options))
            {
                pending.finish(.failure(.poisonous(detail: "has killed workers")))
                continue
            }
            return pending
        }
        return nil
    }

    private func settle(_ pending: PendingJob, _ end: JobEnd) async {
        switch end {
        case .done(let picture):
            self.noteQueue()
            self.rate.done(cost: pending.cost)
            self.note(picture.cost)
            pending.finish(.success(picture))
        case .failed(let failure): pending.finish(.failure(.failed(failure)))
        case .unwanted: break
        case .died(let how):
            await self.blame(pending, how)
        case .lied(let how):
            self.metrics.childDied("picture")
            Log.line("a worker \(how); its answer was thrown away", for: pending.trace)
            pending.deaths += 1
            self.retry(pending, unless: pending.deaths >= Self.maximumDeaths, .poisonous(detail: how))
        case .unread(let how):
            Log.line("a worker's result was lost on this side: \(how)", for: pending.trace)
            pending.stalls += 1
            self.retry(pending, unless: pending.stalls >= Self.maximumStalls, .timedOut(detail: how))
        case .stalled(let how):
            self.metrics.childDied("outside")
            Log.line("a worker \(how)")
            pending.stalls += 1
            self.retry(pending, unless: pending.stalls >= Self.maximumStalls, .timedOut(detail: how))
        case .lost(let how):
            self.metrics.childDied("outside")
            Log.detail("lost a worker: \(how)")
            pending.losses += 1
            self.retry(pending, unless: pending.losses >= Self.maximumLosses, .timedOut(detail: how))
        }
    }

    /// The job's bytes have ended the process that was at them.
    private func blame(_ pending: PendingJob, _ how: String) async {
        self.metrics.childDied("picture")
        let source = await pending.job.source.digest()
        let all = await self.poison.blame(PoisonList.Key(source: source, options: pending.job.options))
        pending.deaths += 1
        let isLast = max(all, pending.deaths) >= Self.maximumDeaths
        Log.line(
            "a worker's child \(how) over a picture of \(pending.job.source.count) bytes, SHA-256 \(source.hex.prefix(16))..."
                + (isLast ? "; it is not tried again for \(PoisonList.lifetime.components.seconds / 60) minutes" : ""),
            for: pending.trace)
        self.retry(pending, unless: isLast, .poisonous(detail: how))
    }

    private func retry(_ pending: PendingJob, unless isOver: Bool, _ failure: JobError) {
        if isOver { pending.finish(.failure(failure)) } else { self.requeue(pending) }
    }

    private func note(_ cost: Reply.Cost) {
        self.metrics.observe(.header, .microseconds(Int64(cost.header)))
        self.metrics.observe(.decode, .microseconds(Int64(cost.decode)))
        self.metrics.observe(.resize, .microseconds(Int64(cost.resize)))
        self.metrics.observe(.encode, .microseconds(Int64(cost.encode)))
    }

    private func requeue(_ pending: PendingJob) {
        guard pending.isWanted else { return }
        let id = self.queue.pushFirst(pending, cost: pending.cost)
        self.noteQueue()
        if let token = self.waiting.first(where: { $0.value.pending === pending })?.key {
            self.waiting[token] = (id, pending)
        }
        self.sendTickets()
    }

    /// Says so once when a socket of workers goes away, and once when it is back.
    private func note(_ error: SystemError?, at index: Int) {
        guard self.sockets[index].note(error, at: self.clock.now) else { return }
        let path = self.sockets[index].path
        guard let error, !self.sockets[index].isReachable else {
            return Log.line("workers can be reached again at \(path)")
        }
        let rest = self.isReachable ? "others are left" : "pictures wait, cached ones are still served"
        Log.line("no workers at \(path): \(error); \(rest)")
    }
}
