// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// The SHA-256 of some bytes, by which they are known to be the same on every front and after every restart.
public struct ContentDigest: Sendable, Hashable {
    /// 64 lower-case hexadecimal digits.
    public let hex: String

    init(of bytes: UnsafeRawBufferPointer) {
        self.hex = Digest.hex(Digest.sha256(bytes))
    }

    init(_ digest: consuming RunningDigest) {
        self.hex = Digest.hex(digest.finish())
    }

    /// - Returns: nil for what is not written as `hex` is.
    init?(hex: some StringProtocol) {
        guard hex.utf8.count == 64, hex.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        self.hex = String(hex)
    }
}

extension Blob {
    /// Up to here hashing takes no longer than handing it to another thread would, on processors that have instructions
    /// for it.
    static let smallDigest = 64 << 10

    /// The digest of the bytes, which is computed once, and not on the loop when there are many.
    @LoopActor
    func digest() async -> ContentDigest {
        if let known = self.knownDigest { return known }
        let digest =
            self.count <= Self.smallDigest
            ? ContentDigest(of: self.bytes) : await work { ContentDigest(of: self.bytes) }
        self.remember(digest)
        return digest
    }

    /// A strong entity tag (RFC 9110 8.8.3), quotes included: the same bytes have the same on every front.
    @LoopActor
    func entityTag() async -> String { "\"\(await self.digest().hex.prefix(32))\"" }
}
