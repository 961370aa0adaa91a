// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// How fast workers do what waits for them, whoever's workers they are and however many others they serve: the cost of
/// the jobs that were done while others waited, by the time that it took. The last seconds count most.
struct WorkRate {
    /// After this long an observation counts half.
    private static let halfLife = 5.0
    /// With less to go by nothing is said.
    private static let leastTime = 0.5

    /// Milliseconds of expected cost that were done in `time` seconds.
    private var work = 0.0
    private var time = 0.0
    private var last = Duration.zero
    private var isBacklogged = false

    /// To be called before and after everything that changes the queue.
    ///
    /// - Parameters:
    ///   - isBacklogged: whether jobs wait from now on.
    ///   - now: since any fixed moment.
    mutating func note(isBacklogged: Bool, at now: Duration) {
        if self.isBacklogged {
            let passed = (now - self.last) / .seconds(1)
            let kept = exp2(-passed / Self.halfLife)
            self.work *= kept
            self.time = self.time * kept + passed
        }
        self.last = now
        self.isBacklogged = isBacklogged
    }

    /// A worker has done a job.
    mutating func done(cost: Int64) {
        if self.isBacklogged { self.work += Double(cost) }
    }

    /// How long this much work would take from now on; nil when that is not known.
    func time(for cost: Int64) -> Duration? {
        guard self.time >= Self.leastTime else { return nil }
        // As if a little had been done: nothing at all would make every wait endless.
        return .seconds(min(Double(cost) * self.time / max(self.work, 0.001), 1e6))
    }
}
