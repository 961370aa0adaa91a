// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// The list of purges in Redis: the sorted set `imageproxy:purges` of digests, the stamps being their scores.
@LoopActor
final class RedisPurges {
    private let client: RedisClient
    /// The newest stamp that was read.
    private var readUpTo: Int64 = 0
    /// All that Redis had to say was heard, at least once.
    private(set) var isUpToDate = false

    private static let key = "imageproxy:purges"
    private static let channel = "imageproxy:purges"
    /// Entries that are read, or written, with one command.
    private static let batch = 1000

    init(_ client: RedisClient) {
        self.client = client
    }

    /// Calls `handler` when somebody says that there is news.
    func onNews(_ handler: @escaping @LoopActor () -> Void) {
        self.client.subscribe(to: Self.channel) { _ in handler() }
    }

    /// Adds a purge and tells everybody.
    ///
    /// - Returns: its stamp; nil when Redis did not take it.
    func add(_ digest: UInt64, atLeast least: Int64) async -> Int64? {
        let arguments = [PurgeStamps.hex(digest), "\(least)", "\(PurgeStamps.most)"]
        guard let reply = await self.client.run(.purge, Self.key, arguments, atMost: self.client.settings.storeLimit),
            let stamp = Self.stamp(reply)
        else { return nil }
        await self.client.publish("\(stamp)", to: Self.channel)
        return stamp
    }

    /// What is new since the last time. If Redis has lost what it knew, it is told all again.
    func news(orAll known: PurgeStamps) async -> PurgeStamps? {
        var news = PurgeStamps()
        while true {
            // With what was read last, so that nothing at all means that it is gone.
            let reply = await self.client.query(
                RedisCommand(
                    "ZRANGEBYSCORE", Self.key, "\(self.readUpTo)", "+inf", "WITHSCORES", "LIMIT", "0", "\(Self.batch)",
                    key: Self.key))
            guard case .array(let items) = reply, items.count.isMultiple(of: 2) else { return nil }
            if items.isEmpty, known.newest > 0 { guard await self.restore(known) else { return nil } }
            let before = self.readUpTo
            for index in stride(from: 0, to: items.count, by: 2) {
                guard let digest = items[index].text.flatMap({ PurgeStamps.digest(hex: $0) }),
                    let stamp = Self.stamp(items[index + 1])
                else { continue }
                news.add(digest, stamp)
                self.readUpTo = max(self.readUpTo, stamp)
            }
            // A server that says the same again and again has no more to say.
            guard items.count == 2 * Self.batch, self.readUpTo > before else { break }
        }
        self.isUpToDate = true
        return Self.withFloor(news)
    }

    /// Of a list that is as long as it may be, what was older than its oldest is gone.
    private static func withFloor(_ news: PurgeStamps) -> PurgeStamps {
        guard news.stamps.count >= PurgeStamps.most, let oldest = news.stamps.values.min() else { return news }
        var news = news
        news.raiseFloor(to: oldest - 1)
        return news
    }

    private func restore(_ known: PurgeStamps) async -> Bool {
        var rest = known.stamps.sorted { $0.value < $1.value }[...]
        while !rest.isEmpty {
            let part = rest.prefix(Self.batch)
            rest = rest.dropFirst(part.count)
            let pairs = part.flatMap { ["\($0.value)", PurgeStamps.hex($0.key)] }
            // NX: what others have purged since then is newer.
            guard
                case .integer = await self.client.query(RedisCommand(["ZADD", Self.key, "NX"] + pairs, key: Self.key))
            else { return false }
        }
        return true
    }

    private static func stamp(_ reply: RedisReply) -> Int64? {
        guard let number = reply.text.flatMap({ Double($0) }), number >= 1, number <= Double(PurgeStamps.latest) else {
            return nil
        }
        return Int64(number)
    }
}
