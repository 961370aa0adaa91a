// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Purges URLs in this front, tells the others of it, and hears of theirs.
///
/// With Redis, the list of purges is a sorted set there, and the stamps are given out by it: one after the other, over all
/// fronts. Whoever has added to it says so on a channel, and everybody reads what is new; as what is said can be lost,
/// everybody also looks once a second. Each other place keeps the list, too, so that its entries stay purged after a
/// restart without Redis.
@LoopActor
final class Purges {
    /// How far a purge reaches.
    enum Reach: String, CaseIterable {
        /// All fronts that share a Redis.
        case all
        /// There is no Redis.
        case thisFront = "this_front"
        /// Redis does not answer. It is told as soon as it does.
        case thisFrontForNow = "this_front_for_now"
    }

    struct Outcome {
        var reach: Reach
        /// Places that could not write the purge down: after a restart they may bring back what was purged.
        var forgetful: [String] = []
    }

    private(set) var stamps = PurgeStamps()
    private let clock: WallClock
    private let seal: Seal
    private let redis: RedisPurges?
    private let places: [any ByteStore]
    /// Purges that Redis has not been told of.
    private var untold: Set<UInt64> = []
    /// Places that have not told yet what was purged before: what they keep may have been.
    private var unread: Set<ObjectIdentifier> = []
    private var reading: [Task<Void, Never>] = []
    private var starting: Task<Void, Never>?
    private var timer: LoopTimer?
    private var isSynchronizing = false
    private var mustSynchronizeAgain = false
    private var writing: Task<[String], any Error>?
    /// The one after it.
    private var next: Task<[String], any Error>?

    private static let interval = Duration.seconds(1)
    /// Between attempts to read what a place knows; one that rests is not troubled by them.
    private static let pause = Duration.milliseconds(100)
    /// How long the first look-ups wait to hear what was purged while this front was away.
    private static let patience = Duration.milliseconds(500)

    /// - Parameter places: those but Redis.
    init(seal: Seal = .digest, redis: RedisClient? = nil, places: [any ByteStore] = [], clock: WallClock = WallClock())
    {
        self.seal = seal
        self.redis = redis.map { RedisPurges($0) }
        self.places = places
        self.clock = clock
    }

    /// Begins to read what was purged before, and to listen.
    func start() {
        guard self.redis != nil || !self.places.isEmpty else { return }
        let deadline = ContinuousClock.now + Self.patience
        self.unread = Set(self.places.map { ObjectIdentifier($0) })
        self.reading = self.places.map { place in spawn { await self.read(place) } }
        self.starting = spawn {
            while !self.isUpToDate, ContinuousClock.now < deadline, !Task.isCancelled {
                await self.synchronize()
                if !self.isUpToDate { try? await sleep(for: .milliseconds(5)) }
            }
            self.starting = nil
        }
        redis?.onNews { [weak self] in self?.synchronizeSoon() }
        guard self.redis != nil else { return }
        self.timer = LoopTimer(after: Self.interval, every: Self.interval) { [weak self] in
            self?.synchronizeSoon()
        }
    }

    func close() {
        self.timer?.stop()
        self.timer = nil
        self.starting?.cancel()
        for task in self.reading { task.cancel() }
    }

    private var isUpToDate: Bool { self.unread.isEmpty && self.redis?.isUpToDate ?? true }

    /// Until it is known what was purged before, or cannot be.
    func ready() async { await self.starting?.value }

    /// Whether a place has told what was purged before.
    func knows(_ place: any ByteStore) -> Bool { !self.unread.contains(ObjectIdentifier(place)) }

    /// Whether an entry was purged after its origin was asked.
    func covers(_ entry: CacheEntry, key: String) -> Bool {
        // What says only that there are several answers says nothing that could be out of date.
        entry.stamp < self.stamps.newest && entry.variesBy.isEmpty && self.stamps.covers(entry.stamp, key: key)
    }

    /// A word that is another after each purge: who asks after it is not to get what was begun before.
    func word(_ key: String) -> String {
        guard self.stamps.newest > 0, let stamp = self.stamps.stamps[PurgeStamps.digest(ofKey: key)] else { return "" }
        return "\n\(stamp)"
    }

    /// Purges an original and all that was made from it.
    func purge(_ url: String) async -> Outcome {
        await self.ready()
        let digest = PurgeStamps.digest(ofKey: url)
        let least = self.stamps.next(now: self.clock.now() * 1_000_000)
        // Here at once, whatever Redis says.
        self.stamps.add(digest, least)
        var outcome = Outcome(reach: .thisFront)
        if self.redis != nil { outcome.reach = await self.tell(digest) ? .all : .thisFrontForNow }
        outcome.forgetful = await self.write()
        return outcome
    }

    // MARK: Redis

    private func tell(_ digest: UInt64) async -> Bool {
        guard let stamp = await self.redis?.add(digest, atLeast: self.stamps.newest + 1) else {
            self.untold.insert(digest)
            return false
        }
        self.untold.remove(digest)
        self.stamps.add(digest, stamp)
        return true
    }

    private func synchronizeSoon() { spawn { await self.synchronize() } }

    /// Tells Redis what it does not know, and learns what is new there.
    private func synchronize() async {
        guard let redis else { return }
        guard !self.isSynchronizing else { return self.mustSynchronizeAgain = true }
        self.isSynchronizing = true
        defer { self.isSynchronizing = false }
        repeat {
            self.mustSynchronizeAgain = false
            for digest in self.untold { guard await self.tell(digest) else { return } }
            guard let news = await redis.news(orAll: self.stamps) else { return }
            if self.stamps.merge(news) { self.writeSoon() }
        } while self.mustSynchronizeAgain
    }

    // MARK: Other places

    private func read(_ place: any ByteStore) async {
        while true {
            switch await place.ask(PurgeStamps.key) {
            case .message(let bytes):
                if let known = bytes.withBytes({ PurgeStamps($0, self.seal) }) {
                    _ = self.stamps.merge(known)
                } else {
                    Log.line("cache \(place.name): the list of purges is damaged; what was purged may come back")
                }
            case .nothing: break
            case .unknown:
                guard (try? await sleep(for: Self.pause)) != nil else { return }
                continue
            }
            self.unread.remove(ObjectIdentifier(place))
            return
        }
    }

    private func writeSoon() {
        guard !self.places.isEmpty else { return }
        spawn { _ = await self.write() }
    }

    /// Writes the list as it is now. Whoever asks while another waits for its turn is served by that.
    ///
    /// - Returns: the names of places that did not take it.
    private func write() async -> [String] {
        guard !self.places.isEmpty else { return [] }
        if let next { return (try? await next.value) ?? [] }
        let before = self.writing
        let task = spawn { () async throws -> [String] in
            _ = await before?.result
            self.next = nil
            return await self.writeAll()
        }
        self.next = task
        self.writing = task
        return (try? await task.value) ?? []
    }

    private func writeAll() async -> [String] {
        var forgetful: [String] = []
        for place in self.places {
            // Others may share the place.
            switch await place.ask(PurgeStamps.key) {
            case .message(let bytes):
                if let known = bytes.withBytes({ PurgeStamps($0, self.seal) }) { _ = self.stamps.merge(known) }
            case .nothing: break
            case .unknown:
                // Their list must not be replaced by one without their purges.
                forgetful.append(place.name)
                continue
            }
            let list = self.stamps.encoded(self.seal)
            if await !place.store(PurgeStamps.key, head: list, body: Blob([]), lifetime: nil) {
                forgetful.append(place.name)
            }
        }
        return forgetful
    }
}
