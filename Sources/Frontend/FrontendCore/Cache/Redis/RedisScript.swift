// SPDX-License-Identifier: Apache-2.0

internal import CCrypto

/// A script that a server runs as one step. It is known to the server by its digest once it has run there.
struct RedisScript: Sendable {
    let source: String
    /// SHA-1 in lower-case hex, which is how Redis names scripts.
    let digest: String

    init(_ source: String) {
        self.source = source
        var digest = [UInt8](repeating: 0, count: Int(SHA_DIGEST_LENGTH))
        let bytes = Array(source.utf8)
        _ = SHA1(bytes, bytes.count, &digest)
        self.digest = Digest.hex(digest)
    }

    /// Deletes KEYS[1] if it holds ARGV[1]: a lease that has run out may be somebody else's by now.
    static let release = RedisScript(
        "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0")

    /// Adds one to KEYS[1], which is forgotten ARGV[1] milliseconds after the last time.
    static let count = RedisScript(
        "local count = redis.call('INCR', KEYS[1]) redis.call('PEXPIRE', KEYS[1], ARGV[1]) return count")

    /// Lets KEYS[1] live for ARGV[2] more milliseconds if it holds ARGV[1].
    static let extend = RedisScript(
        "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0")
}
