// SPDX-License-Identifier: Apache-2.0

internal import CCrypto

/// The name of an entry's file: the MD5 of its key, as in the original program. Two keys can be made to have the same
/// one, which is why the key stands in the file as well.
struct DiskName: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    init(key: String) {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: UInt32 = 0
        let key = Array(key.utf8)
        let isMade = EVP_Digest(key, key.count, &digest, &length, EVP_md5(), nil)
        precondition(isMade == 1 && length == 16, "libcrypto has no MD5")
        self.high = digest[..<8].reduce(0) { $0 << 8 | UInt64($1) }
        self.low = digest[8..<16].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// - Returns: nil for what is not 32 lower-case hexadecimal digits.
    init?(_ text: String) {
        let digits = Array(text.utf8)
        guard digits.count == 32, digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
            let high = UInt64(text.prefix(16), radix: 16), let low = UInt64(text.suffix(16), radix: 16)
        else { return nil }
        self.high = high
        self.low = low
    }

    var text: String {
        var bytes: [UInt8] = []
        for word in [self.high, self.low] {
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        return Digest.hex(bytes)
    }

    /// `aa/bb`, the folder that the file is in.
    var folder: String {
        let text = self.text
        return "\(text.prefix(2))/\(text.dropFirst(2).prefix(2))"
    }
}
