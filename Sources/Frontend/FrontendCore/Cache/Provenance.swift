// SPDX-License-Identifier: Apache-2.0

/// How an entry came to be at hand.
enum Provenance: Sendable, Equatable {
    /// Fetched, or made, for who asks.
    case made
    /// In a cache, which is called as in metrics.
    case found(in: String)
    /// In a cache, and its origin has said that nothing has changed.
    case revalidated
    /// In a cache, and served although it is no longer fresh.
    case stale
    /// Fetched for somebody who asked for the same a moment earlier.
    case coalesced

    /// What is counted when the source is the answer, since nothing was to be changed.
    var outcome: Metrics.Outcome {
        switch self {
        case .made: .passedThrough
        case .found: .hit
        case .revalidated: .revalidated
        case .stale: .stale
        case .coalesced: .coalesced
        }
    }

    /// Whether a cache had it; the original program counts such requests.
    var isCached: Bool {
        switch self {
        case .found, .revalidated, .stale: true
        case .made, .coalesced: false
        }
    }
}
