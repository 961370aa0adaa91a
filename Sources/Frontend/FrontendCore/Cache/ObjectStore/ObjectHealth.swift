// SPDX-License-Identifier: Apache-2.0

/// Decides when an object store that fails is left alone, and when it is tried again.
///
///     working ─failures in a row→ resting(until) ─until→ one trial ─succeeded→ working
///                                                                  ─failed→ resting, longer
///
/// It speaks when the state changes, and only then.
struct ObjectHealth {
    private var failures = 0
    private var rest: Duration = Self.shortest
    private var retryAt: ContinuousClock.Instant?

    /// Less can be one bad moment of a service that is spread over many machines.
    static let enough = 5
    static let shortest = Duration.milliseconds(500)
    /// A store that is back is found again within two seconds, for one request in that time that may be in vain.
    static let longest = Duration.milliseconds(1500)

    var isWorking: Bool { self.retryAt == nil }

    /// Whether a request may be made now. While it rests, the one that is let through is a trial.
    mutating func mayTry(at now: ContinuousClock.Instant) -> Bool {
        guard let retryAt = self.retryAt else { return true }
        guard now >= retryAt else { return false }
        self.retryAt = now + self.rest
        return true
    }

    /// - Returns: whether this is news.
    mutating func succeeded() -> Bool {
        let isNews = self.retryAt != nil
        self = ObjectHealth()
        return isNews
    }

    /// - Returns: whether this is news.
    mutating func failed(at now: ContinuousClock.Instant) -> Bool {
        self.failures += 1
        guard self.failures >= Self.enough else { return false }
        let isNews = self.retryAt == nil
        if !isNews { self.rest = min(self.rest * 2, Self.longest) }
        self.retryAt = now + self.rest
        return isNews
    }
}
