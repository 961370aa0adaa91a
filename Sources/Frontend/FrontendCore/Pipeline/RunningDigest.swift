// SPDX-License-Identifier: Apache-2.0

internal import CCrypto

/// The SHA-256 of bytes that come in parts, by OpenSSL's libcrypto.
struct RunningDigest: ~Copyable {
    private let context = EVP_MD_CTX_new()

    /// Looked up once: OpenSSL would go through its providers for every digest. Never changes, and is never freed.
    nonisolated(unsafe) private static let algorithm = EVP_MD_fetch(nil, "SHA256", nil)

    init() {
        precondition(EVP_DigestInit_ex(self.context, Self.algorithm, nil) == 1, "libcrypto cannot do SHA-256")
    }

    deinit { EVP_MD_CTX_free(self.context) }

    borrowing func append(_ bytes: UnsafeRawBufferPointer) {
        precondition(EVP_DigestUpdate(self.context, bytes.baseAddress, bytes.count) == 1, "SHA-256 has failed")
    }

    /// 32 bytes.
    consuming func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        precondition(EVP_DigestFinal_ex(self.context, &digest, nil) == 1, "SHA-256 has failed")
        return digest
    }
}
