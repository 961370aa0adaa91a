// SPDX-License-Identifier: Apache-2.0

/// How indices become LZW codes.
enum GIFCodes: CaseIterable {
    /// Codes that stand for one index each; the dictionary is cleared before it makes them longer.
    case literal
    /// As encoders do it: the dictionary is cleared when it is full.
    case strings
    /// It is used to the end once it is full.
    case stringsWithoutClearing

    /// The size of the codes, sub-blocks of them, and the one without any.
    func compress(_ indices: [UInt8], bits: Int) -> [UInt8] {
        let clear = 1 << bits
        var packed = PackedCodes(width: bits + 1)
        var strings: [Int: Int] = [:]
        var next = clear + 2
        func startOver() {
            packed.put(clear)
            packed.width = bits + 1
            strings = [:]
            next = clear + 2
        }
        if self == .literal {
            for (number, index) in indices.enumerated() {
                if number % (clear - 2) == 0 { packed.put(clear) }
                packed.put(Int(index))
            }
            packed.put(clear + 1)
            return [UInt8(bits)] + packed.blocks
        }
        startOver()
        var prefix: Int?
        for index in indices {
            guard let known = prefix else {
                prefix = Int(index)
                continue
            }
            let key = known << 8 | Int(index)
            if let longer = strings[key] {
                prefix = longer
                continue
            }
            packed.put(known)
            prefix = Int(index)
            if next < 4096 {
                // The reader has this one a code later.
                if next == 1 << packed.width { packed.width += 1 }
                strings[key] = next
                next += 1
            } else if self == .strings {
                startOver()
            }
        }
        if let prefix { packed.put(prefix) }
        if next < 4096, next == 1 << packed.width { packed.width += 1 }
        packed.put(clear + 1)
        return [UInt8(bits)] + packed.blocks
    }
}

/// Codes one after the other, from the lowest bit on.
private struct PackedCodes {
    var width: Int
    private var bytes: [UInt8] = []
    private var held = 0
    private var count = 0

    init(width: Int) { self.width = width }

    mutating func put(_ code: Int) {
        self.held |= code << self.count
        self.count += self.width
        while self.count >= 8 {
            self.bytes.append(UInt8(self.held & 255))
            self.held >>= 8
            self.count -= 8
        }
    }

    var blocks: [UInt8] {
        let all = self.count > 0 ? self.bytes + [UInt8(self.held)] : self.bytes
        var blocks: [UInt8] = []
        for start in stride(from: 0, to: all.count, by: 255) {
            let block = all[start..<min(start + 255, all.count)]
            blocks += [UInt8(block.count)] + block
        }
        return blocks + [0]
    }
}
