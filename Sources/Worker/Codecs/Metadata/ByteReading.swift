// SPDX-License-Identifier: Apache-2.0

/// Numbers from bytes that may end anywhere: nil where there are none.
extension Span<UInt8> {
    func half(_ at: Int, isLittleEndian: Bool = false) -> Int? {
        guard at >= 0, at <= self.count - 2 else { return nil }
        return isLittleEndian ? Int(self[at]) | Int(self[at + 1]) << 8 : Int(self[at]) << 8 | Int(self[at + 1])
    }

    func word(_ at: Int, isLittleEndian: Bool = false) -> Int? {
        guard let first = self.half(at, isLittleEndian: isLittleEndian),
            let second = self.half(at + 2, isLittleEndian: isLittleEndian)
        else { return nil }
        return isLittleEndian ? first | second << 16 : first << 16 | second
    }

    /// Whether the text stands there.
    func has(_ text: StaticString, at offset: Int) -> Bool {
        guard offset >= 0, offset <= self.count - text.utf8CodeUnitCount else { return false }
        for index in 0..<text.utf8CodeUnitCount where self[offset + index] != text.utf8Start[index] { return false }
        return true
    }

    /// A range for `extracting`, cut where the bytes end.
    func range(_ from: Int, _ length: Int) -> Range<Int> {
        let start = Swift.min(Swift.max(0, from), self.count)
        return start..<start + Swift.min(self.count - start, Swift.max(0, length))
    }
}
