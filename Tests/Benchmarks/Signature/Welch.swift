// SPDX-License-Identifier: Apache-2.0

/// Welch's t between two samples: how far apart their means are, in units of what chance would explain.
enum Welch {
    /// Beyond this, chance is no explanation any more. (Source: O. Reparaz et al., "Dude, is my code constant time?", 2017.)
    static let limit = 4.5
    /// What is slower than so many of all samples was interrupted, and is left out; which share is best, nobody knows before.
    private static let shares = [1.0, 0.99, 0.9, 0.5]

    /// The largest |t| over the shares.
    ///
    /// - Units: nanoseconds, or whatever both are in.
    static func largest(_ first: [UInt32], _ second: [UInt32]) -> Double {
        let all = (first + second).sorted()
        return Self.shares.map { share in
            let bound = all[min(all.count - 1, Int(Double(all.count) * share))]
            return abs(Self.statistic(first.filter { $0 <= bound }, second.filter { $0 <= bound }))
        }.max()!
    }

    private static func statistic(_ first: [UInt32], _ second: [UInt32]) -> Double {
        let (one, other) = (Self.moments(first), Self.moments(second))
        let error = one.variance / Double(first.count) + other.variance / Double(second.count)
        return error > 0 ? (one.mean - other.mean) / error.squareRoot() : 0
    }

    private static func moments(_ values: [UInt32]) -> (mean: Double, variance: Double) {
        let mean = values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
        let squares = values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
        return (mean, squares / Double(values.count - 1))
    }
}
