// SPDX-License-Identifier: Apache-2.0

public import EventLoop

/// Keeps entries in this process, as many as fit a number of bytes.
///
///     stored ─▶ window ─oldest, when full─▶ trial ─asked for again─▶ proven ─oldest, when full─▶ trial
///                                  └─▶ dropped, unless asked for more often than the oldest on trial
///
/// Each part is in the order of last use. The window gives what is new the time to be asked for again; the contest at its
/// end keeps one pass over many cold URLs, or a flood of made-up options, from flushing what everybody asks for; and what
/// has been asked for again is not even in reach of it (W-TinyLFU of G. Einziger, R. Friedman and B. Manes, 2017). A hit
/// allocates nothing.
@LoopActor
public final class MemoryCache {
    private enum Part {
        case window, trial, proven
    }

    private struct Node {
        var key: String
        var hash: Int
        /// nil = the slot is free.
        var entry: CacheEntry?
        var cost: Int
        var storedAt: ContinuousClock.Instant
        /// Which of all entries that were ever stored it is.
        var serial: UInt64
        var part = Part.window
    }

    /// Where an entry is, for as long as it is there.
    struct Place {
        fileprivate let slot: Int
        fileprivate let serial: UInt64
    }

    /// Entries in the order of last use, and the bytes they take.
    private struct Share {
        var list = RecencyList()
        var size = 0
        let capacity: Int
    }

    private let settings: MemoryCacheSettings
    private let clock = ContinuousClock()
    private var index: [String: Int] = [:]
    private var nodes: ContiguousArray<Node> = []
    private var links: ContiguousArray<RecencyList.Link> = []
    private var free: [Int] = []
    /// How many entries were ever stored.
    private var stored: UInt64 = 0
    private var window: Share
    private var trial: Share
    private var proven: Share
    private var sketch: FrequencySketch
    /// Contests that ended in a tie.
    private var ties = 0

    /// A sixteenth for the window: enough for a burst of new pictures, and for an original while its variants are made.
    private static let windowShare = 16
    /// Bytes of an entry to expect, for the size of the sketch.
    private static let typicalCost = 16 << 10
    private static let mostExpectedEntries = 1 << 20
    /// Of those that were asked for once, as was what would have to go for them, one in so many is kept: so that a cache
    /// of cold pictures moves on, and a flood of them still does not get far.
    private static let tiesForOne = 8

    /// Bytes that the entries take now.
    public var size: Int { self.window.size + self.trial.size + self.proven.size }

    public var count: Int { self.index.count }

    /// Places for entries, of which some may be free.
    var slots: Int { self.nodes.count }

    public init(_ settings: MemoryCacheSettings) {
        self.settings = settings
        let window = settings.capacity / Self.windowShare
        let main = settings.capacity - window
        self.window = Share(capacity: window)
        // What is proven may take four fifths of the rest; what is on trial takes what is left.
        self.trial = Share(capacity: main)
        self.proven = Share(capacity: main / 5 * 4)
        self.sketch = FrequencySketch(entries: min(settings.capacity / Self.typicalCost, Self.mostExpectedEntries))
    }

    /// The entry for a key, which becomes the most recently used.
    public func entry(for key: String) -> CacheEntry? {
        // What is not here is counted, too: it may be stored in a moment, and be weighed by it.
        self.sketch.add(key.hashValue)
        guard let slot = self.index[key] else { return nil }
        guard !self.isTooOld(slot) else {
            self.drop(slot)
            return nil
        }
        self.touch(slot)
        return self.nodes[slot].entry
    }

    /// The place of an entry, to be used instead of its key as often as it is asked for.
    func place(of key: String) -> Place? {
        self.index[key].map { Place(slot: $0, serial: self.nodes[$0].serial) }
    }

    /// As `entry(for:)`, for an entry that was found before; nil when it is there no more, or another has taken its place.
    func body(at place: Place) -> Blob? {
        let slot = place.slot
        guard self.nodes[slot].serial == place.serial, let body = self.nodes[slot].entry?.body, !self.isTooOld(slot)
        else { return nil }
        self.sketch.add(self.nodes[slot].hash)
        self.touch(slot)
        return body
    }

    private func touch(_ slot: Int) {
        switch self.nodes[slot].part {
        case .window: self.window.list.touch(slot, &self.links)
        case .proven: self.proven.list.touch(slot, &self.links)
        case .trial:
            self.move(slot, to: .proven)
            while self.proven.size > self.proven.capacity, let oldest = self.proven.list.oldest {
                self.move(oldest, to: .trial)
            }
        }
    }

    /// The same for somebody who has asked already, which counts only once.
    func peek(_ key: String) -> CacheEntry? {
        guard let slot = self.index[key], !self.isTooOld(slot) else { return nil }
        return self.nodes[slot].entry
    }

    private func isTooOld(_ slot: Int) -> Bool {
        let limit = self.settings.maximumAge
        return limit > .zero && self.clock.now - self.nodes[slot].storedAt > limit
    }

    /// Stores an entry, and drops what has to go for it. What could never fit is not stored, and drops nothing but its
    /// own older version.
    public func store(_ entry: CacheEntry, for key: String) {
        let cost = entry.cost + key.utf8.count
        let older = self.index[key]
        // A newer version of what is here has no need to prove itself.
        let part = older.map { self.nodes[$0].part } ?? .window
        if let older { self.drop(older) }
        guard cost <= self.trial.capacity else { return }

        self.stored += 1
        let slot = self.insert(
            Node(
                key: key, hash: key.hashValue, entry: entry, cost: cost, storedAt: self.clock.now, serial: self.stored),
            into: part)
        while self.excess(0) > 0, let victim = self.victim(sparing: slot) { self.drop(victim) }
        while self.window.size > self.window.capacity, let candidate = self.window.list.oldest { self.judge(candidate) }
    }

    /// Notes that an entry has outlived all purges up to a stamp.
    func confirm(_ key: String, upTo stamp: Int64) {
        if let slot = self.index[key] { self.nodes[slot].entry?.stamp = stamp }
    }

    public func remove(_ key: String) {
        if let slot = self.index[key] { self.drop(slot) }
    }

    // MARK: The contest

    /// Puts what leaves the window on trial, or drops it when what would have to go for it is worth more.
    private func judge(_ candidate: Int) {
        let excess = self.excess(self.nodes[candidate].cost)
        guard self.isWorthMore(candidate, than: excess) else { return self.drop(candidate) }
        self.move(candidate, to: .trial)
        while self.excess(0) > 0, let victim = self.victim(sparing: candidate) { self.drop(victim) }
    }

    /// Bytes that have to go from outside the window before so many more fit.
    private func excess(_ cost: Int) -> Int { self.trial.size + self.proven.size + cost - self.trial.capacity }

    /// What goes next: the oldest on trial, else the oldest of all.
    private func victim(sparing slot: Int) -> Int? {
        for oldest in [self.trial.list.oldest, self.proven.list.oldest] {
            if let oldest, oldest != slot { return oldest }
        }
        return nil
    }

    /// Whether an entry was asked for more often than all together that would have to go for it.
    private func isWorthMore(_ candidate: Int, than excess: Int) -> Bool {
        let frequency = self.sketch.frequency(of: self.nodes[candidate].hash)
        var excess = excess
        var against = 0
        // In the order of `victim`.
        for list in [self.trial.list, self.proven.list] {
            var next = list.oldest
            while excess > 0, let victim = next {
                against += self.sketch.frequency(of: self.nodes[victim].hash)
                if against > frequency { return false }
                excess -= self.nodes[victim].cost
                next = list.newer(than: victim, self.links)
            }
        }
        guard against == frequency, against > 0 else { return true }
        self.ties += 1
        return frequency == 1 && self.ties.isMultiple(of: Self.tiesForOne)
    }

    // MARK: Slots

    private func insert(_ node: Node, into part: Part) -> Int {
        let slot = self.free.popLast() ?? self.nodes.count
        if slot == self.nodes.count {
            self.nodes.append(node)
            self.links.append(RecencyList.Link())
        } else {
            self.nodes[slot] = node
        }
        self.index[node.key] = slot
        self.enter(slot, part)
        return slot
    }

    private func move(_ slot: Int, to part: Part) {
        self.leave(slot)
        self.enter(slot, part)
    }

    private func drop(_ slot: Int) {
        self.leave(slot)
        self.index[self.nodes[slot].key] = nil
        self.nodes[slot].key = ""
        self.nodes[slot].entry = nil
        self.free.append(slot)
    }

    private func enter(_ slot: Int, _ part: Part) {
        self.nodes[slot].part = part
        let cost = self.nodes[slot].cost
        switch part {
        case .window:
            self.window.list.insert(slot, &self.links)
            self.window.size += cost
        case .trial:
            self.trial.list.insert(slot, &self.links)
            self.trial.size += cost
        case .proven:
            self.proven.list.insert(slot, &self.links)
            self.proven.size += cost
        }
    }

    private func leave(_ slot: Int) {
        let cost = self.nodes[slot].cost
        switch self.nodes[slot].part {
        case .window:
            self.window.list.remove(slot, &self.links)
            self.window.size -= cost
        case .trial:
            self.trial.list.remove(slot, &self.links)
            self.trial.size -= cost
        case .proven:
            self.proven.list.remove(slot, &self.links)
            self.proven.size -= cost
        }
    }
}
