// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import FrontendCore

struct CacheMessageTests {
    private static let key = "https://example.com/a.jpg#500x0"
    private static let rules = StoredMessage.Rules(seal: .digest, policy: CachePolicy())

    private static func variant(_ body: [UInt8] = jpeg()) -> CacheEntry {
        let headers = HTTPFields([
            ("Cache-Control", "max-age=60"), ("Date", HTTPDate.format(1_700_000_000)), ("ETag", "\"abc\""),
            ("Link", "<é>"),
        ])
        var entry = CacheEntry(
            status: 200, headers: headers, contentType: "image/jpeg", body: Blob(body),
            freshness: Freshness(status: 200, headers: headers, now: 1_700_000_005),
            source: ContentDigest(hex: String(repeating: "a1", count: 32)), variantTag: "\"tag\"")
        entry.fetchedFrom = "https://cdn.example.com/b.jpg"
        return entry
    }

    private static func message(_ entry: CacheEntry, key: String = key, seal: Seal = .digest) throws -> [UInt8] {
        let digest = ContentDigest(of: entry.body.bytes)
        return try #require(StoredMessage.head(of: entry, key: key, body: digest, seal: seal)) + entry.body.bytes
    }

    private static func decode(_ bytes: [UInt8], key: String = key, rules: StoredMessage.Rules = rules) -> CacheEntry? {
        if case .entry(let entry) = StoredMessage.decode(Blob(bytes), key: key, rules: rules) { entry } else { nil }
    }

    @Test(arguments: [0, 1, 100, 100_000])
    func `what was stored comes back`(count: Int) throws {
        let entry = Self.variant(count == 0 ? [] : jpeg(count))
        let back = try #require(Self.decode(try Self.message(entry)))
        #expect(back.status == entry.status)
        #expect(back.headers == entry.headers)
        #expect(back.contentType == entry.contentType)
        #expect(back.content == entry.content)
        #expect(back.freshness == entry.freshness)
        #expect(back.source == entry.source)
        #expect(back.variantTag == entry.variantTag)
        #expect(back.fetchedFrom == entry.fetchedFrom)
        #expect(back.body.knownDigest == ContentDigest(of: entry.body.bytes))
    }

    @Test func `a marker comes back as one`() throws {
        let marker = CacheEntry.marker(variesBy: ["bar", "foo"], now: 5)
        let back = try #require(Self.decode(try Self.message(marker)))
        #expect(back.variesBy == ["bar", "foo"])
        #expect(!back.freshness.isFresh(at: 5))
    }

    @Test func `it is a message that anybody can read`() throws {
        let text = String(decoding: try Self.message(Self.variant([65, 66])), as: UTF8.self)
        #expect(
            text.hasPrefix(
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: image/jpeg\r\nCache-Control: max-age=60\r\n"))
        #expect(text.contains("\r\nX-Imageproxy-Key: \(Self.key)\r\n"))
        #expect(text.hasSuffix("\r\n\r\nAB"))
    }

    /// Changes of every kind that a disk, a network or a hand could make.
    private static func corrupt(_ bytes: [UInt8], _ random: inout some RandomNumberGenerator) -> [UInt8] {
        var bytes = bytes
        let place = Int.random(in: 0..<bytes.count, using: &random)
        let length = Int.random(in: 1...200, using: &random)
        switch Int.random(in: 0..<8, using: &random) {
        case 0, 1: bytes[place] ^= UInt8.random(in: 1...255, using: &random)
        case 2: bytes.removeLast(min(length, bytes.count))
        case 3: bytes += (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
        case 4: bytes.removeSubrange(place..<min(place + length, bytes.count))
        case 5: bytes.insert(contentsOf: Array(bytes.prefix(length)), at: place)
        case 6: for index in place..<min(place + length, bytes.count) { bytes[index] = 0 }
        default:
            // A line of the head that is gone, or there twice.
            let head = bytes.firstIndex { $0 == 0 } ?? bytes.count
            let lines = bytes[..<head].split(separator: 10, omittingEmptySubsequences: false)
            let line = lines[Int.random(in: 0..<lines.count, using: &random)]
            let range = line.startIndex..<min(line.endIndex + 1, bytes.count)
            if Bool.random(using: &random) {
                bytes.removeSubrange(range)
            } else {
                bytes.insert(contentsOf: bytes[range], at: range.lowerBound)
            }
        }
        return bytes
    }

    @Test(arguments: [(nil, 10_000), (Array("secret".utf8), 2000)] as [([UInt8]?, Int)])
    func `of ten thousand corrupted messages none is taken for an answer`(secret: [UInt8]?, count: Int) throws {
        let seal: Seal = secret.map { .secret($0) } ?? .digest
        let rules = StoredMessage.Rules(seal: seal, policy: CachePolicy())
        let message = try Self.message(Self.variant(jpeg(500, 0)), seal: seal)
        var random = SystemRandomNumberGenerator()
        var damaged = 0
        for _ in 0..<count {
            let bytes = Self.corrupt(message, &random)
            guard bytes != message else { continue }
            switch StoredMessage.decode(Blob(bytes), key: Self.key, rules: rules) {
            case .entry, .foreign: Issue.record("accepted: \(String(decoding: bytes.prefix(900), as: UTF8.self))")
            case .damaged: damaged += 1
            case .unusable: break
            }
        }
        // Nearly all still look like ours, and are removed.
        #expect(damaged > count * 9 / 10)
    }

    @Test func `the answer to something else is not this one's`() throws {
        let message = try Self.message(Self.variant())
        #expect(Self.decode(message, key: "https://example.com/a.jpg") == nil)
        #expect(Self.decode(message, key: Self.key + "0") == nil)
        #expect(Self.decode(message) != nil)
    }

    @Test(arguments: [Int64.max, Int64.min, -1, 1 << 41])
    func `a time that cannot be is no time`(time: Int64) throws {
        var entry = Self.variant()
        entry.freshness.generatedAt = time
        #expect(Self.decode(try Self.message(entry)) == nil)
    }

    @Test func `only who knows the secret can write an entry`() throws {
        let ours = StoredMessage.Rules(seal: .secret(Array("ours".utf8)), policy: CachePolicy())
        #expect(Self.decode(try Self.message(Self.variant(), seal: ours.seal), rules: ours) != nil)
        #expect(Self.decode(try Self.message(Self.variant(), seal: .digest), rules: ours) == nil)
        #expect(Self.decode(try Self.message(Self.variant(), seal: .secret(Array("theirs".utf8))), rules: ours) == nil)
        #expect(Self.decode(try Self.message(Self.variant(), seal: ours.seal)) == nil)
        // Nor is an entry believed because it does not say whose it is.
        guard case .unusable = StoredMessage.decode(Blob(Self.upstream()), key: Self.key, rules: ours) else {
            Issue.record("an unmarked entry was believed")
            return
        }
    }

    @Test func `a line that would be two is not written`() {
        var entry = Self.variant()
        entry.headers.append("X-Bad", "a\r\nX-Imageproxy-Key: b")
        #expect(
            StoredMessage.head(of: entry, key: Self.key, body: ContentDigest(of: entry.body.bytes), seal: .digest)
                == nil)
        let good = Self.variant()
        let digest = ContentDigest(of: good.body.bytes)
        #expect(StoredMessage.head(of: good, key: "a\nb", body: digest, seal: .digest) == nil)
    }

    @Test func `an origin cannot speak for the cache`() throws {
        var entry = Self.variant()
        entry.headers.append("X-Imageproxy-Key", "https://victim.example/")
        entry.headers.append("x-imageproxy-seal", "sha-256=00")
        entry.headers.append("Content-Length", "9")
        let back = try #require(Self.decode(try Self.message(entry)))
        #expect(back.headers == Self.variant().headers)
        let sent = [
            ("X-Imageproxy-Error", "x"), ("Connection", "close, A"), ("a", "1"), ("B", "2"), ("Keep-Alive", "5"),
        ]
        let kept = OriginHeaders.kept(HTTPFields(sent), now: 0)
        #expect(kept == HTTPFields([("B", "2"), ("Date", "Thu, 01 Jan 1970 00:00:00 GMT")]))
    }

    /// As Go's `DumpResponse` writes it.
    private static func upstream(length: String? = nil, _ extra: [String] = [], body: [UInt8] = jpeg()) -> [UInt8] {
        let lines =
            [
                "HTTP/1.1 200 OK", "Content-Length: \(length ?? "\(body.count)")", "Cache-Control: max-age=3600",
                "Content-Type: image/jpeg", "Date: \(HTTPDate.format(1_700_000_000))", "X-From-Cache: 1",
            ] + extra
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
    }

    @Test func `an entry of the original program is read`() throws {
        guard
            case .foreign(let entry, let varied) = StoredMessage.decode(
                Blob(Self.upstream(["Vary: Accept", "X-Varied-Accept: image/*"])), key: "anything", rules: Self.rules)
        else {
            Issue.record("refused")
            return
        }
        #expect(entry.status == 200)
        #expect(entry.content == jpeg())
        #expect(entry.headers["X-From-Cache"] == nil)
        #expect(entry.freshness.isFresh(at: 1_700_003_599))
        #expect(!entry.freshness.isFresh(at: 1_700_003_600))
        #expect(varied["X-Varied-Accept"] == "image/*")
    }

    @Test(arguments: [
        Self.upstream(length: "1003"), Self.upstream(length: "1005"), Self.upstream(length: "x"),
        Self.upstream(["Content-Length: 1004"]), Self.upstream(["Transfer-Encoding: chunked"]),
        Self.upstream(["Content-Encoding: gzip"]), Self.upstream(["Cache-Control: private"]),
        Array(Self.upstream().dropLast()),
        [], Array("HTTP/1.1 200 OK\r\n\r\n".utf8), Array("HTTP/1.1 2000 OK\r\nA: b\r\n\r\n".utf8),
        Array("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n".utf8), Array("HTTP/1.1 200 OK\nContent-Length: 0\n\n".utf8),
        Array("HTTP/1.1 200 OK\r\n Content-Length: 0\r\n\r\n".utf8), [UInt8](repeating: 0x41, count: 200_000),
    ])
    func `what may be anything is not used, and left where it is`(bytes: [UInt8]) {
        guard case .unusable = StoredMessage.decode(Blob(bytes), key: Self.key, rules: Self.rules) else {
            Issue.record("used, or taken for ours: \(String(decoding: bytes.prefix(200), as: UTF8.self))")
            return
        }
    }

    @Test func `a head without end is not looked for for ever`() {
        let line = Array("A: b\r\n".utf8)
        let bytes = Array("HTTP/1.1 200 OK\r\n".utf8) + (0..<1000).flatMap { _ in line } + Array("\r\n".utf8)
        guard case .unusable = StoredMessage.decode(Blob(bytes), key: Self.key, rules: Self.rules) else {
            Issue.record("a thousand fields were read")
            return
        }
    }
}
