// SPDX-License-Identifier: Apache-2.0

/// Whether a cache directory can be written to, and when that is worth another try.
///
///     working ─failed→ failing(until) ─succeeded→ working          failing ─failed→ failing, later
///
/// It speaks when the state changes, and only then.
struct DiskHealth {
    private var retryAt: ContinuousClock.Instant?

    /// How long a disk that could not be written to is left alone: short enough that one that has room again is used
    /// again within two seconds, and long enough that trying costs nothing.
    static let pause = Duration.milliseconds(1500)

    var isWorking: Bool { self.retryAt == nil }

    func mayWrite(at now: ContinuousClock.Instant) -> Bool { self.retryAt.map { now >= $0 } ?? true }

    /// - Returns: whether this is news.
    mutating func failed(at now: ContinuousClock.Instant) -> Bool {
        let isNews = self.retryAt == nil
        self.retryAt = now + Self.pause
        return isNews
    }

    /// - Returns: whether this is news.
    mutating func succeeded() -> Bool {
        let isNews = self.retryAt != nil
        self.retryAt = nil
        return isNews
    }
}
