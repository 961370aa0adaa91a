// SPDX-License-Identifier: Apache-2.0

/// A set of ASCII bytes that is asked about in a few instructions; no other byte is in it.
struct ByteSet: Sendable {
    static let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    static let digits = "0123456789"

    private var low: UInt64 = 0
    private var high: UInt64 = 0

    /// - Parameter members: ASCII; what is not is left out.
    init(_ members: String) {
        for byte in members.utf8 where byte < 128 {
            if byte < 64 { self.low |= 1 << UInt64(byte) } else { self.high |= 1 << UInt64(byte - 64) }
        }
    }

    func contains(_ byte: UInt8) -> Bool {
        let word = byte < 64 ? self.low : self.high
        return byte < 128 && word >> UInt64(byte & 63) & 1 != 0
    }
}
