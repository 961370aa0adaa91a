// SPDX-License-Identifier: Apache-2.0

/// Guesses how often each of many keys was asked for lately, in a fixed amount of memory.
///
/// A count-min sketch of four-bit counters that are all halved now and then, so that what was popular once is forgotten:
/// the admission filter of G. Einziger, R. Friedman and B. Manes, "TinyLFU", 2017. A guess is never too low, but for the
/// halving.
struct FrequencySketch {
    /// Sixteen counters in each.
    private var words: [UInt64]
    private var additions = 0
    private let period: Int

    private static let highest = 15
    private static let lowBits: UInt64 = 0x7777_7777_7777_7777

    /// - Parameter entries: how many keys are to be told apart.
    init(entries: Int) {
        let entries = max(entries, 256)
        // Sixteen counters a row for each, so that of the keys that pass by in a period few share one.
        self.words = [UInt64](repeating: 0, count: 1 << (Int.bitWidth - (4 * entries - 1).leadingZeroBitCount))
        self.period = 16 * entries
    }

    mutating func add(_ hash: Int) {
        let lowest = self.frequency(of: hash)
        guard lowest < Self.highest else { return }
        // A counter that is higher than the lowest was raised by others: to raise it once more would only blur it.
        for row in 0..<4 {
            let (word, shift) = self.place(hash, row)
            if (self.words[word] >> shift) & 15 == UInt64(lowest) { self.words[word] += 1 << shift }
        }
        self.additions += 1
        if self.additions >= self.period { self.halve() }
    }

    func frequency(of hash: Int) -> Int {
        var lowest = Self.highest
        for row in 0..<4 {
            let (word, shift) = self.place(hash, row)
            lowest = min(lowest, Int((self.words[word] >> shift) & 15))
        }
        return lowest
    }

    private mutating func halve() {
        for index in self.words.indices { self.words[index] = (self.words[index] >> 1) & Self.lowBits }
        self.additions /= 2
    }

    /// Each row looks at other bits of the hash, and has four of a word's counters to itself.
    private func place(_ hash: Int, _ row: Int) -> (word: Int, shift: UInt64) {
        // The odd multipliers are those of xxHash64 and MurmurHash3's finalizers.
        let mixed = UInt64(bitPattern: Int64(hash)) &* Self.multipliers[row]
        let word = Int(mixed >> 33) & (self.words.count - 1)
        return (word, UInt64(row) * 16 + (mixed >> 62) * 4)
    }

    private static let multipliers: [UInt64] = [
        0x9E37_79B1_85EB_CA87, 0xC2B2_AE3D_27D4_EB4F, 0xFF51_AFD7_ED55_8CCD, 0xC4CE_B9FE_1A85_EC53,
    ]
}
