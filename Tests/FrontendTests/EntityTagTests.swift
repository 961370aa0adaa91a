// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FrontendCore

struct EntityTagTests {
    private static func tag(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { EntityTag.of($0) } }

    /// Of no bytes it is the cipher of the nonce and a counter of one, test case 1 in the GCM specification
    /// (McGrew and Viega); of others what Python's `cryptography` gives for them as associated data.
    @Test func `tags are those of GMAC under a key of zeros`() {
        #expect(Self.tag([]) == "\"58e2fccefa7e3061367f1d57a4e7455a\"")
        #expect(Self.tag(Array("abc".utf8)) == "\"258281014dcf7bc2eac3be27cc039fb4\"")
        #expect(Self.tag((0..<100_000).map { UInt8(truncatingIfNeeded: $0) }) == "\"bdd364f2d73def23b9ae1d054958487e\"")
    }

    @Test func `another byte anywhere makes another tag`() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        var tags: Set<String> = [Self.tag(bytes), Self.tag(bytes + [0]), Self.tag(Array(bytes.dropLast()))]
        for index in bytes.indices {
            var other = bytes
            other[index] ^= 1
            tags.insert(Self.tag(other))
        }
        #expect(tags.count == bytes.count + 3)
    }
}
