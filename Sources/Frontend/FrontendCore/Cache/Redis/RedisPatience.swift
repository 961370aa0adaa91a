// SPDX-License-Identifier: Apache-2.0

/// Decides when a server that is connected but does not answer in time is given up for a while.
///
/// Not at the first late answer, and not when a hundred are late because of one hiccup: several in a row, over several
/// times as long as one may take.
struct RedisPatience {
    private static let lateAnswers = 5
    private static let limits = 4

    /// What one answer may take.
    let limit: Duration
    private var late = 0
    private var firstLate: ContinuousClock.Instant?

    init(limit: Duration) {
        self.limit = limit
    }

    /// What had more time than others, and took it, says nothing for those.
    mutating func answered(after time: Duration) {
        guard time <= self.limit else { return }
        self.late = 0
        self.firstLate = nil
    }

    /// - Returns: true when it is enough.
    mutating func answerIsLate(at now: ContinuousClock.Instant) -> Bool {
        self.late += 1
        let first = self.firstLate ?? now
        self.firstLate = first
        return self.late >= Self.lateAnswers && now - first >= self.limit * Self.limits
    }
}
