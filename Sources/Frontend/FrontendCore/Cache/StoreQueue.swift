// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// What is on its way to one place beyond this process.
///
/// Nobody waits for it: an entry is here from the moment it is stored, is found here until it has been written, and goes
/// by when there is too much to write. Changes of one key are made in order, and only the last of those that wait.
@LoopActor
final class StoreQueue {
    private enum Change {
        /// With a lease, which ends when the place has the entry, or when it goes by.
        case entry(CacheEntry, lifetime: Duration?, FleetLease?)
        case removal

        var bytes: Int {
            switch self {
            case .entry(let entry, _, _): entry.cost
            case .removal: 0
            }
        }
    }

    let place: any ByteStore
    private let seal: Seal
    private let metrics: Metrics?
    private var waiting: [CacheKey: Change] = [:]
    private var running: [CacheKey: Change] = [:]
    /// Keys that wait, and are not being written at this moment.
    private var order: [CacheKey] = []
    private var bytes = 0
    private var isOverflowing = false

    private static let mostRunning = 8
    private static let mostWaiting = 256
    private static let mostBytes = 64 << 20

    init(_ place: any ByteStore, seal: Seal, metrics: Metrics? = nil) {
        self.place = place
        self.seal = seal
        self.metrics = metrics
    }

    var isIdle: Bool { self.running.isEmpty && self.waiting.isEmpty }

    func store(_ entry: CacheEntry, for key: CacheKey, lifetime: Duration?, _ lease: FleetLease? = nil) {
        self.add(.entry(entry, lifetime: lifetime, lease), for: key)
    }

    func remove(_ key: CacheKey) {
        self.add(.removal, for: key)
    }

    /// What will be at a key once everything is written; nil when nothing of it is on its way, and an optional that is
    /// nil when it is about to be removed.
    func pending(_ key: CacheKey) -> CacheEntry?? {
        guard let change = self.waiting[key] ?? self.running[key] else { return nil }
        if case .entry(let entry, _, _) = change { return .some(entry) }
        return .some(nil)
    }

    private func add(_ change: Change, for key: CacheKey) {
        let replaced = self.waiting[key]
        let bytes = self.bytes + change.bytes - (replaced?.bytes ?? 0)
        guard bytes <= Self.mostBytes, replaced != nil || self.waiting.count < Self.mostWaiting else {
            if !self.isOverflowing { Log.line("cache \(self.place.name): too much to write at once; entries go by") }
            self.isOverflowing = true
            if case .entry = change { self.metrics?.wrote(to: self.place.name, .dropped) }
            return
        }
        self.bytes = bytes
        self.waiting[key] = change
        if replaced == nil, self.running[key] == nil { self.order.append(key) }
        self.start()
    }

    private func start() {
        while self.running.count < Self.mostRunning, !self.order.isEmpty {
            let key = self.order.removeFirst()
            guard let change = self.waiting.removeValue(forKey: key) else { continue }
            self.running[key] = change
            spawn {
                await self.perform(change, key)
                self.finish(key, change)
            }
        }
    }

    private func perform(_ change: Change, _ key: CacheKey) async {
        switch change {
        case .removal: await self.place.remove(key.text)
        case .entry(let entry, let lifetime, let lease):
            let digest = await entry.body.digest()
            guard let head = StoredMessage.head(of: entry, key: key.primary, body: digest, seal: self.seal) else {
                return
            }
            let isThere = await self.place.store(key.text, head: head, body: entry.body, lifetime: lifetime)
            self.metrics?.wrote(to: self.place.name, isThere ? .stored : .refused)
            lease?.end(isThere ? .stored : .notStored)
        }
    }

    private func finish(_ key: CacheKey, _ change: Change) {
        self.bytes -= change.bytes
        self.running[key] = nil
        if self.waiting[key] != nil { self.order.append(key) }
        self.start()
        if self.isIdle, self.isOverflowing {
            self.isOverflowing = false
            Log.line("cache \(self.place.name): has caught up")
        }
    }
}
