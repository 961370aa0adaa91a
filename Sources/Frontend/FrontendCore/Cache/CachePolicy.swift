// SPDX-License-Identifier: Apache-2.0

/// What the operator decides about how long answers are kept; seconds.
public struct CachePolicy: Sendable, Equatable {
    /// The lifetime of answers that come without one and give nothing to guess it from; 0 = they are stale at once.
    public var defaultLifetime: Int64 = 0
    /// No answer is reused for longer than this without asking its origin; 0 = no bound.
    public var maximumLifetime: Int64 = 0
    /// An answer that is an error is never reused for longer than this, whatever it says.
    public var negativeLifetime: Int64 = 10

    public init() {}
}
