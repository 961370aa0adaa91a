// SPDX-License-Identifier: Apache-2.0

internal import CCrypto

/// SHA-256 by OpenSSL's libcrypto.
enum Digest {
    /// 32 bytes.
    static func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let digest = RunningDigest()
        digest.append(bytes)
        return digest.finish()
    }

    /// Of several parts, one after the other.
    static func sha256(_ parts: [UnsafeRawBufferPointer]) -> [UInt8] {
        let digest = RunningDigest()
        for part in parts { digest.append(part) }
        return digest.finish()
    }

    static func sha256(_ text: String) -> [UInt8] {
        Array(text.utf8).withUnsafeBytes { Self.sha256($0) }
    }

    /// Lower case.
    static func hex(_ bytes: some Collection<UInt8>) -> String {
        String(unsafeUninitializedCapacity: 2 * bytes.count) { text in
            var end = 0
            for byte in bytes {
                text[end] = Self.digit(byte >> 4)
                text[end + 1] = Self.digit(byte & 15)
                end += 2
            }
            return end
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
}
