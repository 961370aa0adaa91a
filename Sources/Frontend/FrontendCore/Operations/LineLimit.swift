// SPDX-License-Identifier: Apache-2.0

/// How many lines about one kind of failure may be written: a number at once, and after that so many a second. The rest is
/// counted, so that a flood of requests is not one of lines.
struct LineLimit {
    private let burst: Double
    private let perSecond: Double
    private var budget: Double
    private var last = Duration.zero
    /// Since the last time that somebody asked.
    private var leftOut: UInt64 = 0

    init(burst: Double, perSecond: Double) {
        self.burst = burst
        self.perSecond = perSecond
        self.budget = burst
    }

    /// Whether one more may be written.
    ///
    /// - Parameter now: since any fixed moment.
    mutating func admits(at now: Duration) -> Bool {
        self.budget = min(self.burst, self.budget + (now - self.last) / .seconds(1) * self.perSecond)
        self.last = now
        guard self.budget >= 1 else {
            self.leftOut += 1
            return false
        }
        self.budget -= 1
        return true
    }

    /// How many were left out since the last time.
    mutating func takeLeftOut() -> UInt64 {
        defer { self.leftOut = 0 }
        return self.leftOut
    }
}
