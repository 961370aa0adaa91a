// SPDX-License-Identifier: Apache-2.0

/// Measurements by pairs, one of each kind right after the other, and whether the kinds differ.
///
/// - Units: nanoseconds, or whatever both are in.
struct Pairs {
    /// Beyond this, chance is no explanation any more. (Source: O. Reparaz et al., "Dude, is my code constant time?", 2017.)
    static let limit = 4.5
    /// What is slower than so many of all was interrupted, and its pair is left out; which share is best, nobody knows before.
    private static let shares = [1.0, 0.99, 0.9, 0.5]
    /// A machine that is slow for a while makes neighbours alike, and a test that takes them for independent too sure of
    /// itself. So it is the means of this many blocks that are tested, and they are long enough not to know each other.
    private static let blocks = 500

    private var first: [UInt32] = []
    private var second: [UInt32] = []

    mutating func append(_ first: UInt32, _ second: UInt32) {
        self.first.append(first)
        self.second.append(second)
    }

    /// The largest |t| of the differences over the shares: how far their mean is from none, in units of what chance explains.
    var largestT: Double {
        let all = (self.first + self.second).sorted()
        return Self.shares.map { share in
            let bound = all[min(all.count - 1, Int(Double(all.count) * share))]
            return abs(self.t(upTo: bound))
        }.max()!
    }

    private func t(upTo bound: UInt32) -> Double {
        let differences = zip(self.first, self.second).compactMap { first, second in
            max(first, second) <= bound ? Double(first) - Double(second) : nil
        }
        let size = differences.count / Self.blocks
        guard size > 1 else { return 0 }
        let means = (0..<Self.blocks).map { block in
            differences[block * size..<(block + 1) * size].reduce(0, +) / Double(size)
        }
        let mean = means.reduce(0, +) / Double(means.count)
        let variance = means.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(means.count - 1)
        return variance > 0 ? mean / (variance / Double(means.count)).squareRoot() : 0
    }
}
