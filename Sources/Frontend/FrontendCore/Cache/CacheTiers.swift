// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// All caches, in the order the operator gave them: read through and filled upwards, written through.
///
/// Answers that depend on what the client sent (Vary) are kept side by side: a marker at the key itself says which
/// fields tell them apart, and each answer is at a key of its own.
@LoopActor
final class CacheTiers {
    enum Tier {
        case memory(MemoryCache)
        case place(StoreQueue)

        /// As metrics call it.
        @LoopActor var name: String {
            switch self {
            case .memory: "memory"
            case .place(let queue): queue.place.name
            }
        }
    }

    let tiers: [Tier]
    /// Where all fronts find what one has made; nil without such a place.
    let fleet: Fleet?
    let purges: Purges
    /// The memory in front of everything else.
    private let front: [MemoryCache]
    private let rules: StoredMessage.Rules
    let clock: WallClock
    private let metrics: Metrics?
    /// See `init`.
    var admits: @LoopActor (CacheEntry) -> Bool

    /// How long an origin that fails is left alone while something stale is served, in seconds.
    private static let grace: Int64 = 10

    /// - Parameter admits: whether an entry that was found in a place may be served at all. What is in a place may be
    ///   older than the configuration.
    init(
        _ tiers: [Tier], fleet: Fleet? = nil, rules: StoredMessage.Rules, clock: WallClock = WallClock(),
        metrics: Metrics? = nil, admits: @escaping @LoopActor (CacheEntry) -> Bool
    ) {
        self.tiers = tiers
        self.fleet = fleet
        self.purges = Purges(
            seal: rules.seal, redis: fleet?.client,
            places: tiers.compactMap {
                if case .place(let queue) = $0, !(queue.place is RedisStore) { queue.place } else { nil }
            }, clock: clock)
        self.front = tiers.prefix { if case .memory = $0 { true } else { false } }.compactMap {
            if case .memory(let memory) = $0 { memory } else { nil }
        }
        self.rules = rules
        self.clock = clock
        self.metrics = metrics
        metrics?.tiers = tiers.map(\.name)
        self.admits = admits
    }

    /// Entries and bytes of every cache in memory, in the order of the tiers.
    var memoryUse: [(entries: Int, bytes: Int)] {
        self.tiers.compactMap { if case .memory(let memory) = $0 { (memory.count, memory.size) } else { nil } }
    }

    /// By the names of the places. Of several of a kind, the worst.
    var availability: [String: StoreAvailability] {
        var all: [String: StoreAvailability] = [:]
        for case .place(let queue) in self.tiers {
            let now = queue.place.availability
            let known = all[queue.place.name] ?? StoreAvailability()
            all[queue.place.name] = StoreAvailability(
                canRead: known.canRead && now.canRead, canWrite: known.canWrite && now.canWrite)
        }
        return all
    }

    /// What the memory in front of everything else has, at once.
    func recent(_ primary: String, for request: ClientFields) -> CacheEntry? {
        guard let entry = self.recent(primary) else { return nil }
        guard !entry.variesBy.isEmpty else { return entry }
        return self.recent(CacheKey(primary, selection: request.selection(entry.variesBy)).text)
    }

    /// Where in memory an entry is that `recent` has just found.
    struct RecentPlace {
        fileprivate let memory: MemoryCache
        fileprivate let place: MemoryCache.Place
        /// The newest purge that it has outlived.
        fileprivate let stamp: Int64
    }

    /// Where `recent` finds this very entry; nil when it would find another, or none.
    func recentPlace(of entry: CacheEntry, _ primary: String, for request: ClientFields) -> RecentPlace? {
        for memory in self.front {
            guard let first = memory.peek(primary) else { continue }
            let isSame = first.variesBy.isEmpty
            let key = isSame ? primary : CacheKey(primary, selection: request.selection(first.variesBy)).text
            guard let found = isSame ? first : memory.peek(key), found.isSame(as: entry),
                found.stamp >= self.purges.stamps.newest, let place = memory.place(of: key)
            else { return nil }
            return RecentPlace(memory: memory, place: place, stamp: self.purges.stamps.newest)
        }
        return nil
    }

    /// The bytes of the entry at a place, if `recent` would find it there now.
    func body(at place: RecentPlace) -> Blob? {
        guard place.stamp == self.purges.stamps.newest, let body = place.memory.body(at: place.place) else {
            return nil
        }
        self.metrics?.lookedUp("memory", isHit: true)
        return body
    }

    /// What any of the caches has, for a request for which `recent` was asked before.
    func load(_ primary: String, for request: ClientFields) async -> CacheEntry? {
        await self.load(primary, for: request, in: self.tiers.indices)
    }

    private func load(_ primary: String, for request: ClientFields, in tiers: Range<Int>) async -> CacheEntry? {
        guard let entry = await self.find(CacheKey(primary), for: request, in: tiers) else { return nil }
        guard !entry.variesBy.isEmpty else { return entry }
        let key = CacheKey(primary, selection: request.selection(entry.variesBy))
        guard let answer = await self.find(key, for: request, in: tiers), answer.variesBy.isEmpty else { return nil }
        return answer
    }

    /// The same, but only what is where all fronts look: what has just been made is not in a bucket behind it before.
    func loadShared(_ primary: String, for request: ClientFields) async -> CacheEntry? {
        guard let fleet else { return nil }
        return await self.load(primary, for: request, in: fleet.position..<fleet.position + 1)
    }

    /// Keeps an entry in all caches, as far as it may be kept. Nobody waits for it.
    ///
    /// - Parameter lease: ends when all fronts can find it.
    func store(_ entry: CacheEntry, _ primary: String, for request: ClientFields, _ lease: FleetLease? = nil) {
        self.store(entry, primary, for: request, in: self.tiers, lease)
    }

    /// A stale entry that may be served instead of what its origin does not give; nil when it may not.
    func stale(
        _ entry: CacheEntry, _ primary: String, for request: ClientFields, because failure: Freshness.OriginFailure
    ) -> CacheEntry? {
        let now = self.clock.now()
        guard entry.status < 400, entry.freshness.mayServeStale(at: now, because: failure) else { return nil }
        var stale = entry
        // Who comes next need not wait for the same failure.
        stale.freshness.graceUntil = now + Self.grace
        stale.provenance = .stale
        self.remember(stale, primary, for: request)
        return stale
    }

    /// Keeps an entry as it is now in memory only.
    func remember(_ entry: CacheEntry, _ primary: String, for request: ClientFields) {
        let memories = self.tiers.filter { if case .memory = $0 { true } else { false } }
        self.store(entry, primary, for: request, in: memories)
    }

    private func store(
        _ entry: CacheEntry, _ primary: String, for request: ClientFields, in tiers: [Tier], _ lease: FleetLease? = nil
    ) {
        // What was purged while it was made does not take the place of what was made since.
        guard entry.freshness.isStorable, !request.directives.noStore, !self.purges.covers(entry, key: primary),
            case .names(let names) = VaryFields(entry.headers)
        else { return }
        guard !names.isEmpty else { return self.put(entry, CacheKey(primary), in: tiers, lease) }
        var entry = entry
        let selection = request.selection(names)
        entry.selection = selection
        // Where the client has no say in any of the fields, every request has the same answer.
        guard !request.passable(names).isEmpty else { return self.put(entry, CacheKey(primary), in: tiers, lease) }
        if self.marker(primary) != names {
            self.put(.marker(variesBy: names, now: self.clock.now()), CacheKey(primary), in: tiers)
        }
        self.put(entry, CacheKey(primary, selection: selection), in: tiers, lease)
    }

    /// Forgets the answer to a request, wherever it is.
    func remove(_ primary: String, for request: ClientFields) {
        var key = CacheKey(primary)
        if let names = self.marker(primary), !names.isEmpty {
            key = CacheKey(primary, selection: request.selection(names))
        }
        for tier in self.tiers {
            switch tier {
            case .memory(let memory): memory.remove(key.text)
            case .place(let queue): queue.remove(key)
            }
        }
    }

    /// Finishes writing, for as long as that may take, and lets go of everything.
    func close(atMost limit: Duration) async {
        let clock = ContinuousClock()
        let deadline = clock.now + limit
        self.purges.close()
        for case .place(let queue) in self.tiers {
            while !queue.isIdle, clock.now < deadline { try? await sleep(for: .milliseconds(5)) }
            await queue.place.close()
        }
    }

    private func recent(_ key: String) -> CacheEntry? {
        guard !self.front.isEmpty else { return nil }
        for memory in self.front {
            guard var entry = memory.entry(for: key) else { continue }
            guard !self.purges.covers(entry, key: key) else {
                memory.remove(key)
                continue
            }
            let newest = self.purges.stamps.newest
            if entry.stamp < newest { memory.confirm(key, upTo: newest) }
            self.metrics?.lookedUp("memory", isHit: true)
            entry.provenance = .found(in: "memory")
            return entry
        }
        self.metrics?.lookedUp("memory", isHit: false)
        return nil
    }

    /// What tells answers apart, as far as the memory knows of more than one.
    private func marker(_ primary: String) -> [String]? {
        for memory in self.front {
            if let entry = memory.peek(primary) { return entry.variesBy }
        }
        return nil
    }

    private func put(
        _ entry: CacheEntry, _ key: CacheKey, in tiers: some Sequence<Tier>, _ lease: FleetLease? = nil
    ) {
        for tier in tiers {
            switch tier {
            case .memory(let memory): memory.store(entry, for: key.text)
            case .place(let queue):
                // What is an error is gone again before it is worth a place.
                guard entry.status < 400 else { continue }
                queue.store(
                    entry, for: key, lifetime: self.keepingTime(of: entry), queue === self.fleet?.place ? lease : nil)
            }
        }
    }

    /// nil for what can be made fresh again without being fetched.
    private func keepingTime(of entry: CacheEntry) -> Duration? {
        if entry.hasValidator || entry.source != nil || !entry.variesBy.isEmpty { return nil }
        return .seconds(entry.freshness.usefulFor(at: self.clock.now()))
    }

    private func find(_ key: CacheKey, for request: ClientFields, in range: Range<Int>) async -> CacheEntry? {
        for (position, tier) in zip(range, self.tiers[range]) {
            let entry =
                if position < self.front.count {
                    self.front[position].peek(key.text)
                } else {
                    await self.entry(key, in: tier, for: request)
                }
            guard var entry, !self.purges.covers(entry, key: key.text) else { continue }
            entry.stamp = max(entry.stamp, self.purges.stamps.newest)
            self.put(entry, key, in: self.tiers[..<position])
            entry.provenance = .found(in: tier.name)
            return entry
        }
        return nil
    }

    private func entry(_ key: CacheKey, in tier: Tier, for request: ClientFields) async -> CacheEntry? {
        switch tier {
        case .memory(let memory): return memory.entry(for: key.text)
        case .place(let queue):
            if let pending = queue.pending(key) { return pending }
            await self.purges.ready()
            guard self.purges.knows(queue.place) else { return nil }
            let started = ContinuousClock.now
            let loaded = await queue.place.load(key.text)
            self.metrics?.lookedUp(queue.place.name, isHit: loaded != nil, after: .now - started)
            guard let message = loaded else { return nil }
            let rules = self.rules
            let decoded =
                message.count <= Blob.smallDigest
                ? StoredMessage.decode(message, key: key.primary, rules: rules)
                : await work { StoredMessage.decode(message, key: key.primary, rules: rules) }
            switch decoded {
            case .entry(let entry): return self.checked(entry, for: request)
            case .foreign(let entry, let varied):
                guard Self.isSelected(entry, varied: varied, by: request) else { return nil }
                return await self.adopted(entry, key, for: request)
            case .unusable: return nil
            case .damaged:
                // Something newer may have been stored while this was read.
                if queue.pending(key) == nil { queue.remove(key) }
                return nil
            }
        }
    }

    /// The entry, if it answers this request and may be served.
    private func checked(_ entry: CacheEntry, for request: ClientFields) -> CacheEntry? {
        guard entry.variesBy.isEmpty else { return entry }
        guard case .names(let names) = VaryFields(entry.headers),
            names.isEmpty || entry.selection == request.selection(names)
        else { return nil }
        return self.admits(entry) ? entry : nil
    }

    /// An entry of the original program, made into one of ours.
    private func adopted(_ entry: CacheEntry, _ key: CacheKey, for request: ClientFields) async -> CacheEntry? {
        var entry = entry
        let announced = entry.contentType
        // Its types are those that origins claimed.
        guard let type = entry.body.servedType(announced: announced) else {
            return nil
        }
        entry.contentType = type
        if case .names(let names) = VaryFields(entry.headers), !names.isEmpty {
            entry.selection = request.selection(names)
        }
        // All its variants have their original's tag: a client must not take one for another.
        if key.primary.contains("#") { entry.variantTag = await entry.body.entityTag() }
        return self.admits(entry) ? entry : nil
    }

    /// Whether the request is like the one that an entry of the original program was the answer to.
    private static func isSelected(_ entry: CacheEntry, varied: HTTPFields, by request: ClientFields) -> Bool {
        guard case .names(let names) = VaryFields(entry.headers) else { return false }
        return names.allSatisfy { (request.value($0) ?? "") == (varied["X-Varied-\($0)"] ?? "") }
    }
}
