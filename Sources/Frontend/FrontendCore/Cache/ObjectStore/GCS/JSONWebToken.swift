// SPDX-License-Identifier: Apache-2.0

internal import CCrypto

/// Claims signed with an RSA key (RFC 7515, RS256).
enum JSONWebToken {
    /// - Parameter key: in PEM, PKCS#8 or PKCS#1.
    /// - Returns: nil when the key is none.
    static func signed(_ claims: JSON, header: [(String, JSON)], key: String) -> String? {
        let head = JSON.object([("alg", .string("RS256")), ("typ", .string("JWT"))] + header)
        let message = "\(Self.encoded(Array(head.text.utf8))).\(Self.encoded(Array(claims.text.utf8)))"
        return Self.signature(of: Array(message.utf8), key: key).map { "\(message).\(Self.encoded($0))" }
    }

    private static func encoded(_ bytes: [UInt8]) -> String { String(Base64.encode(bytes).filter { $0 != "=" }) }

    private static func signature(of message: [UInt8], key: String) -> [UInt8]? {
        // The source reads from these bytes, and does not copy them.
        let parsed = Array(key.utf8).withUnsafeBytes { pem -> OpaquePointer? in
            guard let source = BIO_new_mem_buf(pem.baseAddress, Int32(clamping: pem.count)) else { return nil }
            defer { BIO_free(source) }
            // The callback refuses a password, which would be asked for on the terminal.
            return PEM_read_bio_PrivateKey(source, nil, { _, _, _, _ in -1 }, nil)
        }
        guard let key = parsed else {
            ERR_clear_error()
            return nil
        }
        defer { EVP_PKEY_free(key) }
        guard EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA, let context = EVP_MD_CTX_new() else { return nil }
        defer { EVP_MD_CTX_free(context) }
        var signature = [UInt8](repeating: 0, count: Int(EVP_PKEY_get_size(key)))
        var count = signature.count
        guard EVP_DigestSignInit(context, nil, EVP_sha256(), nil, key) == 1,
            EVP_DigestSign(context, &signature, &count, message, message.count) == 1
        else {
            ERR_clear_error()
            return nil
        }
        return Array(signature[..<count])
    }
}
