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

    enum Attempt {
        case ordinary
        /// The one request that finds out whether the rest is over.
        case trial
    }

    /// What a request that is made now is; nil when none may be.
    mutating func attempt(at now: ContinuousClock.Instant) -> Attempt? {
        guard let retryAt = self.retryAt else { return .ordinary }
        guard now >= retryAt else { return nil }
        self.retryAt = now + self.rest
        return .trial
    }

    /// - Returns: whether this is news.
    mutating func succeeded() -> Bool {
        let isNews = self.retryAt != nil
        self = ObjectHealth()
        return isNews
    }

    /// - Returns: whether this is news.
    mutating func failed(_ attempt: Attempt, at now: ContinuousClock.Instant) -> Bool {
        guard self.isWorking else {
            // Those that were on their way when the rest began say nothing new.
            guard attempt == .trial else { return false }
            self.rest = min(self.rest * 2, Self.longest)
            self.retryAt = now + self.rest
            return false
        }
        self.failures += 1
        guard self.failures >= Self.enough else { return false }
        self.retryAt = now + self.rest
        return true
    }
}
