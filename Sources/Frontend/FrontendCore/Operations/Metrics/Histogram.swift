// SPDX-License-Identifier: Apache-2.0

/// Counts durations in fixed buckets; observing one costs a few comparisons and no memory.
struct Histogram: Sendable {
    /// Upper bounds in seconds, from what a cache hit takes to what a client still waits for.
    static let bounds: [Double] = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
    ]

    /// Per bucket, not cumulative; the last is for what exceeds all bounds.
    private(set) var counts = [UInt64](repeating: 0, count: Histogram.bounds.count + 1)
    private(set) var sum = 0.0
    private(set) var count: UInt64 = 0

    init() {}

    /// - Parameter counts: as ``counts``; of another length there are no observations at all.
    init(counts: [UInt64], sum: Double) {
        guard counts.count == self.counts.count else { return }
        self.counts = counts
        self.sum = sum
        self.count = counts.reduce(0, &+)
    }

    /// What was observed since `earlier`, which is a copy of this histogram as it was.
    func since(_ earlier: Histogram) -> Histogram {
        Histogram(counts: zip(self.counts, earlier.counts).map { $0 &- $1 }, sum: self.sum - earlier.sum)
    }

    mutating func add(_ other: Histogram) {
        self = Histogram(counts: zip(self.counts, other.counts).map { $0 &+ $1 }, sum: self.sum + other.sum)
    }

    mutating func observe(_ duration: Duration) {
        let seconds = duration / .seconds(1)
        self.counts[Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count] += 1
        self.sum += seconds
        self.count += 1
    }

    /// The duration that a part of all observations did not exceed, in seconds, interpolated within its bucket; nil
    /// without observations.
    func quantile(_ part: Double) -> Double? {
        guard self.count > 0 else { return nil }
        let wanted = part * Double(self.count)
        var seen = 0.0
        for (index, count) in self.counts.enumerated() where count > 0 {
            let next = seen + Double(count)
            if next >= wanted {
                let low = index == 0 ? 0 : Self.bounds[index - 1]
                // Beyond the last bound nothing is known but that.
                let high = index < Self.bounds.count ? Self.bounds[index] : low
                return low + (high - low) * (wanted - seen) / Double(count)
            }
            seen = next
        }
        return Self.bounds.last
    }
}
