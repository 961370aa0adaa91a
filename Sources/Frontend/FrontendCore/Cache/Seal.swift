// SPDX-License-Identifier: Apache-2.0

internal import CCrypto

/// What proves that a stored head is as it was written: a digest, or with a secret a code that nobody else can make.
enum Seal: Sendable {
    case digest
    case secret([UInt8])

    init(_ configuration: Configuration) {
        self = configuration.cacheSecret.map { .secret($0) } ?? .digest
    }

    /// `sha-256=` or `hmac-sha-256=`, and 64 hexadecimal digits.
    func mark(_ bytes: some Collection<UInt8>) -> String {
        let bytes = Array(bytes)
        switch self {
        case .digest: return "sha-256=" + Digest.hex(bytes.withUnsafeBytes { Digest.sha256($0) })
        case .secret(let secret):
            var code = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
            var length: UInt32 = 0
            let made = HMAC(EVP_sha256(), secret, Int32(secret.count), bytes, bytes.count, &code, &length)
            precondition(made != nil && length == 32, "libcrypto has no HMAC")
            return "hmac-sha-256=" + Digest.hex(code.prefix(32))
        }
    }

    /// In a time that does not depend on where they differ.
    func isRight(_ mark: String, for bytes: some Collection<UInt8>) -> Bool {
        let expected = Array(self.mark(bytes).utf8)
        let given = Array(mark.utf8)
        return expected.count == given.count && CRYPTO_memcmp(expected, given, expected.count) == 0
    }

    /// Whether entries that carry no mark may be believed: with a secret, anybody could write one.
    var trustsUnmarked: Bool {
        if case .digest = self { true } else { false }
    }
}
