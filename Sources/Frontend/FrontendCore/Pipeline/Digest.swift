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
    static func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
