// SPDX-License-Identifier: Apache-2.0

internal import CCrypto

/// SHA-256 by OpenSSL's libcrypto.
enum Digest {
    /// 32 bytes.
    static func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        _ = SHA256(bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count, &digest)
        return digest
    }

    /// Of several parts, one after the other.
    static func sha256(_ parts: [UnsafeRawBufferPointer]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        let context = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(context) }
        var isDone = EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1
        for part in parts where isDone { isDone = EVP_DigestUpdate(context, part.baseAddress, part.count) == 1 }
        precondition(isDone && EVP_DigestFinal_ex(context, &digest, nil) == 1, "libcrypto cannot do SHA-256")
        return digest
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
