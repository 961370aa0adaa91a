// SPDX-License-Identifier: Apache-2.0

internal import CCrypto
internal import ImageJob
internal import Synchronization

/// The keys that requests may be signed with; several, so that one can take another's place.
///
/// A signature is HMAC-SHA256 over the remote URL, or over that with `#` and the canonical options without the signature
/// itself. The first form is good for any options.
public struct SigningKeys: Sendable {
    /// An empty one signs nothing, but it is there: with an empty key file nobody gets in, rather than everybody.
    private var keys: [[UInt8]] = []

    /// For lines that stand beside the one about the refusal.
    private static let undecodable = Mutex(LineLimit(burst: 100, perSecond: 1))
    private static let start = ContinuousClock.now

    public init() {}

    public var isEmpty: Bool { self.keys.isEmpty }
    public var count: Int { self.keys.count }
    var hasEmptyKey: Bool { self.keys.contains { $0.isEmpty } }

    public mutating func add(_ key: [UInt8]) { self.keys.append(key) }

    /// Whether the URL's signature is one of these keys'.
    package func isSigned(_ url: RequestURL) -> Bool {
        let given = url.options.signature
        guard !given.isEmpty, !self.keys.isEmpty else { return false }
        guard let signature = Self.decode(given) else {
            if Self.undecodable.withLock({ $0.admits(at: ContinuousClock.now - Self.start) }) {
                Log.line("error base64 decoding signature \(GoQuoting.quote(Array(given.utf8)))")
            }
            return false
        }
        let messages = [url.signedURL, url.signedURLWithOptions]
        // All are tried and none ends the search, so that the time it takes says nothing.
        var isSigned = false
        for key in self.keys where !key.isEmpty {
            for message in messages {
                let isMatch = Self.isEqual(Self.authenticationCode(of: message, key: key), signature)
                isSigned = isMatch || isSigned
            }
        }
        return isSigned
    }

    /// HMAC-SHA256, 32 bytes.
    package static func authenticationCode(of message: [UInt8], key: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        var count: UInt32 = 0
        // The key is passed with its length, so a pointer to an empty one is never followed.
        let result = HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, &code, &count)
        precondition(result != nil && count == code.count, "libcrypto cannot do HMAC-SHA256")
        return code
    }

    /// URL-safe base64; of its padding any part may be missing, which is how it comes out of URLs.
    private static func decode(_ signature: String) -> [UInt8]? {
        let text = Array(signature.utf8)
        let padding = text.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        let characters = text.dropLast(padding)
        guard padding <= (4 - characters.count % 4) % 4 else { return nil }
        return Base64.decodeUnpadded(characters)
    }

    private static func isEqual(_ first: [UInt8], _ second: [UInt8]) -> Bool {
        first.count == second.count && CRYPTO_memcmp(first, second, first.count) == 0
    }
}

extension RequestURL {
    /// The message of a signature that is good for any options.
    var signedURL: [UInt8] { Array(self.remote.string.utf8) }

    /// The message of a signature for these options only.
    var signedURLWithOptions: [UInt8] {
        var options = self.options
        options.signature = ""
        return self.signedURL + [UInt8(ascii: "#")] + URLComponent.fragment.escape(options.canonical.utf8)
    }
}
