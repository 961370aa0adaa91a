// SPDX-License-Identifier: Apache-2.0

/// The answer to a request, before it is made into HTTP.
struct Picture: Sendable {
    var entry: CacheEntry
    var outcome: Metrics.Outcome
    /// Why the source is served although something else was asked for; nil in every other case.
    var transformError: String?
    /// Whether clients that can show other formats get another picture.
    var isNegotiated = false
}
