// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Glibc
internal import Platform

/// A cache directory, in the original program's layout, which may be an existing one of it.
///
/// Everything that touches the disk runs on the thread pool, on a lane that leaves threads to others. A disk that is
/// full, read-only, gone or hanging costs misses, and one line in the log when that begins and when it ends.
@LoopActor
final class DiskStore: ByteStore {
    nonisolated let name = "disk"

    private let directory: DiskDirectory
    private let settings: DiskCacheSettings
    private let lane = WorkLane(width: 3, mostWaiting: 128)
    private let clock = ContinuousClock()
    private var health = DiskHealth()
    /// When a read has failed last, until reading has gone well for a while.
    private var readFailedAt: ContinuousClock.Instant?
    /// A read has taken longer than its limit, and no other has finished since.
    private var isHanging = false
    /// Only where the size is bounded.
    private var index: DiskIndex?
    private var isIndexComplete = false
    private var isEvicting = false
    private var housekeeping: Task<Void, Never>?

    /// How long an answer waits for the disk.
    private let readLimit: Duration
    /// One file that cannot be read among many that can is one line in this time, not one for every request.
    private static let readRecovery = Duration.seconds(10)
    /// How long the end of the process waits for it.
    private static let closeLimit = Duration.seconds(1)
    /// Other fronts may share the directory: how often what they have done to it is looked at.
    private static let scanInterval = Duration.seconds(900)
    /// Files that are removed in one go.
    private static let evictionBatch = 64
    /// The list of purges is no entry: it does not go to make room for one.
    private static let purges = DiskName(key: PurgeStamps.key)
    /// An index takes about a hundred bytes for each file; beyond so many the oldest go, as if there were no room.
    private static let mostFiles = 2_000_000

    init(_ settings: DiskCacheSettings, readLimit: Duration = .seconds(1)) {
        self.settings = settings
        self.readLimit = readLimit
        self.directory = DiskDirectory(path: settings.path)
        if settings.maximumBytes != nil { self.index = DiskIndex() }
    }

    /// Begins to look at what is there, in the background.
    func start() {
        self.housekeeping = spawn {
            repeat {
                await self.tidy()
                if self.index != nil { try? await sleep(for: Self.scanInterval) }
            } while self.index != nil && !Task.isCancelled
            self.housekeeping = nil
        }
    }

    var availability: StoreAvailability {
        StoreAvailability(canRead: self.readFailedAt == nil && !self.isHanging, canWrite: self.health.isWorking)
    }

    func load(_ key: String) async -> Blob? {
        if case .message(let blob) = await self.ask(key) { blob } else { nil }
    }

    func ask(_ key: String) async -> ByteStoreAnswer {
        guard !self.isHanging else { return .unknown }
        let file = DiskName(key: key)
        let directory = self.directory
        let limit = self.settings.largestEntry
        let outcome = await patiently(self.readLimit) {
            let outcome = await self.lane.run { () -> Result<Blob?, SystemError> in
                Result { () throws(SystemError) in try directory.read(file, atMost: limit) }
            }
            self.setHanging(false)
            return outcome
        }
        switch outcome {
        case .none:
            self.setHanging(true)
            return .unknown
        case .some(.none): return .unknown
        case .some(.some(.success(let blob))):
            // That there is no such file says nothing about the others.
            guard let blob else { return .nothing }
            self.readSucceeded()
            self.index?.touch(file, at: Int64(time(nil)))
            return .message(blob)
        case .some(.some(.failure(let error))):
            if self.readFailedAt == nil { self.say("\(error); what cannot be read is made again") }
            self.readFailedAt = self.clock.now
            return .unknown
        }
    }

    @discardableResult
    func store(_ key: String, head: [UInt8], body: Blob, lifetime: Duration?) async -> Bool {
        let size = head.count + body.count
        guard size <= self.settings.largestEntry, size <= self.settings.maximumBytes ?? size,
            self.health.mayWrite(at: self.clock.now)
        else { return false }
        let file = DiskName(key: key)
        let directory = self.directory
        let outcome = await self.lane.run { () -> Result<Void, SystemError> in
            Result { () throws(SystemError) in try directory.write(file, head: head, body: body) }
        }
        switch outcome {
        case .none: return false
        case .success:
            if self.health.succeeded() { self.say("can be written to again") }
            if file != Self.purges {
                self.index?.insert(DiskIndex.File(name: file, bytes: size, lastUse: Int64(time(nil))))
            }
            self.evictIfNeeded()
            return true
        case .failure(let error):
            if self.health.failed(at: self.clock.now) { self.say("\(error); nothing is stored until that is over") }
            return false
        }
    }

    func remove(_ key: String) async {
        let file = DiskName(key: key)
        let directory = self.directory
        _ = await self.lane.run { directory.remove(file) }
        self.index?.remove(file)
    }

    func close() async {
        self.housekeeping?.cancel()
        // What the disk does not give back by then is left to the end of the process.
        let deadline = self.clock.now + Self.closeLimit
        while !self.lane.isIdle || self.isEvicting || self.housekeeping != nil, self.clock.now < deadline {
            try? await sleep(for: .milliseconds(5))
        }
    }

    // MARK: Room

    /// Removes what was left behind, and counts what is there.
    private func tidy() async {
        let directory = self.directory
        _ = await self.lane.run { directory.removeAbandoned() }
        guard self.index != nil else { return }
        let start = Int64(time(nil))
        var found: [DiskIndex.File] = []
        for number in 0..<256 {
            guard !Task.isCancelled else { return }
            // A folder that could not be looked at is one whose files are not known yet, not one without any.
            guard let files = await self.lane.run({ directory.entries(inFolder: number) }) else { return }
            found += files.filter { $0.name != Self.purges }
        }
        self.index?.replace(by: found, scannedSince: start)
        self.isIndexComplete = true
        self.evictIfNeeded()
    }

    /// Whether more is there than may be. Before everything was counted, nobody knows which are the oldest.
    private var isOverfull: Bool {
        guard self.isIndexComplete, let index = self.index, let limit = self.settings.maximumBytes else { return false }
        return index.bytes > limit || index.count > Self.mostFiles
    }

    private func evictIfNeeded() {
        guard self.isOverfull, !self.isEvicting else { return }
        self.isEvicting = true
        spawn {
            while self.isOverfull { await self.evictSome() }
            self.isEvicting = false
        }
    }

    private func evictSome() async {
        var batch: [DiskIndex.File] = []
        while self.isOverfull, batch.count < Self.evictionBatch, let file = self.index?.popOldest() {
            batch.append(file)
        }
        let directory = self.directory
        let chosen = batch
        guard let kept = await self.lane.run({ chosen.compactMap { directory.evict($0) } }) else {
            // The lane is full: they are found again by the next scan.
            return
        }
        for file in kept { self.index?.insert(file) }
    }

    // MARK: State

    private func setHanging(_ isHanging: Bool) {
        guard self.isHanging != isHanging else { return }
        self.isHanging = isHanging
        self.say(isHanging ? "takes too long to answer; it is not asked until it does" : "answers again")
    }

    private func readSucceeded() {
        guard let failedAt = self.readFailedAt, self.clock.now - failedAt > Self.readRecovery else { return }
        self.readFailedAt = nil
        self.say("can be read again")
    }

    private func say(_ what: String) { Log.line("cache \(self.settings.path): \(what)") }
}

/// Waits for `body` no longer than a time, and then lets it go on alone.
///
/// - Returns: nil when it took too long.
@LoopActor
private func patiently<Value: Sendable>(
    _ limit: Duration, _ body: @escaping @LoopActor () async -> Value
) async -> Value? {
    let wait = Wait<Value>()
    return await withUnsafeContinuation { continuation in
        wait.continuation = continuation
        wait.timer = LoopTimer(after: limit) { wait.end(nil) }
        spawn { wait.end(await body()) }
    }
}

@LoopActor
private final class Wait<Value: Sendable> {
    var continuation: UnsafeContinuation<Value?, Never>?
    var timer: LoopTimer?

    func end(_ value: Value?) {
        self.timer?.stop()
        self.continuation?.resume(returning: value)
        self.continuation = nil
        self.timer = nil
    }
}
