// SPDX-License-Identifier: Apache-2.0

/// Everything that is counted, as one value: a copy of it is what was counted up to then.
struct Counters: Sendable {
    struct RequestKey: Hashable {
        var outcome: Metrics.Outcome
        var status: Int
    }

    struct TransformationKey: Hashable {
        var source: String
        var result: String
        var end: String
    }

    struct LookupKey: Hashable {
        var tier: String
        var isHit: Bool
    }

    struct StoreKey: Hashable {
        var tier: String
        var end: Metrics.StoreEnd
    }

    /// By outcome, from the request's head to the answer.
    var durations = [Histogram](repeating: Histogram(), count: Metrics.Outcome.allCases.count)
    /// Those of hits, by the cache that had the picture.
    var hits: [String: Histogram] = [:]
    /// As the original counts it: the picture, or what it was made from, was in a cache.
    var servedFromCache: UInt64 = 0
    var requests: [RequestKey: UInt64] = [:]
    var errors: [String: UInt64] = [:]
    /// All of them from the start: an alert compares with 0.
    var refusals = Dictionary(uniqueKeysWithValues: Busy.Reason.allCases.map { ($0.rawValue, UInt64(0)) })
    var stages = [Histogram](repeating: Histogram(), count: Metrics.Stage.allCases.count)
    /// By the source's format.
    var formats: [String: Histogram] = [:]
    var transformations: [TransformationKey: UInt64] = [:]
    var fetches: [String: UInt64] = [:]
    var fetchErrors: UInt64 = 0
    var lookups: [LookupKey: UInt64] = [:]
    /// How long caches beyond this process's memory took to answer.
    var lookupTimes: [String: Histogram] = [:]
    var stores: [StoreKey: UInt64] = [:]
    var purges: [String: UInt64] = [:]
    var deaths: [String: UInt64] = [:]
    var transformTime = (sum: 0.0, count: UInt64(0))
    var originBytes: UInt64 = 0
    var clientBytes: UInt64 = 0
    var sourceBytes: UInt64 = 0
    var resultBytes: UInt64 = 0
    var restarts: UInt64 = 0
    var reloads: [String: UInt64] = [:]

    func count(of outcome: Metrics.Outcome) -> UInt64 { self.durations[outcome.index].count }
}
