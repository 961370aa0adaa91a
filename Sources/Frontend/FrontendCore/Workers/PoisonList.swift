// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import ImageJob

/// Pictures that have killed those who tried to make them.
///
/// The same bytes with the same options get two tries, then none for a while. With Redis among the caches this is so for
/// all fronts together. Only what the keeper reports as a crash or as an overrun deadline counts.
@LoopActor
final class PoisonList {
    /// A source and what was to be made of it.
    struct Key: Hashable, Sendable {
        let text: String

        init(source: ContentDigest, options: TransformOptions) {
            self.text = "\(source.hex)#\(options.canonicalForCache)"
        }
    }

    private struct Record {
        var deaths: Int
        var until: ContinuousClock.Instant
    }

    static let maximumDeaths = 2
    /// Counted from the last death.
    static let lifetime = Duration.seconds(600)
    /// Above it the record that ends first is dropped: whoever has this many pills can as well send another.
    private static let capacity = 4096

    private let shared: RedisClient?
    private let seal: Seal
    private let now: @LoopActor () -> ContinuousClock.Instant
    private var records: [Key: Record] = [:]

    /// - Parameters:
    ///   - shared: where all fronts count together; nil = each for itself.
    ///   - seal: with a secret, nobody else can name a picture's count in Redis.
    init(
        shared: RedisClient?, seal: Seal, now: @escaping @LoopActor () -> ContinuousClock.Instant = { .now }
    ) {
        self.shared = shared
        self.seal = seal
        self.now = now
    }

    /// Whether `isPoison` can be true for anything: without that nobody needs to compute a digest first.
    var isWorthAsking: Bool { self.shared != nil || !self.records.isEmpty }

    /// What this front knows by itself.
    func isKnown(_ key: Key) -> Bool { self.deaths(key) >= Self.maximumDeaths }

    /// Whether a picture has had its tries.
    func isPoison(_ key: Key) async -> Bool {
        if self.isKnown(key) { return true }
        guard let shared, let deaths = await shared.number(self.name(key)), deaths >= Self.maximumDeaths else {
            return false
        }
        self.record(key, deaths: Int(clamping: deaths))
        return true
    }

    /// Notes a death.
    ///
    /// - Returns: how many that makes.
    func blame(_ key: Key) async -> Int {
        let deaths = self.deaths(key) + 1
        self.record(key, deaths: deaths)
        guard let shared, let all = await shared.increment(self.name(key), for: Self.lifetime), all > deaths else {
            return deaths
        }
        self.record(key, deaths: Int(clamping: all))
        return Int(clamping: all)
    }

    private func deaths(_ key: Key) -> Int {
        guard let record = self.records[key] else { return 0 }
        if record.until > self.now() { return record.deaths }
        self.records[key] = nil
        return 0
    }

    private func record(_ key: Key, deaths: Int) {
        if self.records[key] == nil, self.records.count >= Self.capacity {
            self.records.min { $0.value.until < $1.value.until }.map { self.records[$0.key] = nil }
        }
        self.records[key] = Record(deaths: deaths, until: self.now() + Self.lifetime)
    }

    private func name(_ key: Key) -> String { "imageproxy:poison:" + self.seal.mark(key.text.utf8) }
}
