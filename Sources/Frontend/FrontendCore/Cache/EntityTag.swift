// SPDX-License-Identifier: Apache-2.0

internal import CCrypto

/// The strong entity tag (RFC 9110 8.8.3) of bytes that are made here: the same bytes have the same on every front.
///
/// GMAC (NIST SP 800-38D) under a key that is no secret: 128 bits that no two pictures share by accident, in a seventh
/// of SHA-256's time. Who picks the bytes could make two of one tag; that is an origin, which may as well answer every
/// `If-None-Match` with 304. Tags tell versions of one URL apart, and nothing here finds bytes by them.
enum EntityTag {
    /// Looked up once: OpenSSL would go through its providers for every tag. Never changes, and is never freed.
    nonisolated(unsafe) private static let algorithm = EVP_CIPHER_fetch(nil, "AES-128-GCM", nil)

    private static let key = [UInt8](repeating: 0, count: 16)
    private static let nonce = [UInt8](repeating: 0, count: 12)
    private static let length = 16

    /// 32 lower-case hexadecimal digits in quotes.
    static func of(_ bytes: UnsafeRawBufferPointer) -> String {
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        var tag = [UInt8](repeating: 0, count: Self.length)
        var isDone = EVP_EncryptInit_ex2(context, Self.algorithm, Self.key, Self.nonce, nil) == 1
        // A length is an Int32 there.
        var rest = bytes[...]
        while isDone, !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            var count: Int32 = 0
            // Bytes without a place to go are authenticated, and not encrypted.
            isDone =
                EVP_EncryptUpdate(
                    context, nil, &count, part.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32(part.count))
                == 1
            rest = rest.dropFirst(part.count)
        }
        var none: Int32 = 0
        isDone =
            isDone && EVP_EncryptFinal_ex(context, &tag, &none) == 1
            && EVP_CIPHER_CTX_ctrl(context, Int32(EVP_CTRL_AEAD_GET_TAG), Int32(Self.length), &tag) == 1
        precondition(isDone, "libcrypto cannot do AES-GCM")
        return "\"\(Digest.hex(tag))\""
    }
}
