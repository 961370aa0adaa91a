// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FrontendCore

struct PurgeStampsTests {
    private static func stamps(_ pairs: (String, Int64)...) -> PurgeStamps {
        var stamps = PurgeStamps()
        for (url, stamp) in pairs { stamps.add(PurgeStamps.digest(ofKey: url), stamp) }
        return stamps
    }

    @Test func `a purge covers what is older, of its URL and all variants, and nothing else`() {
        let stamps = Self.stamps(("https://a/b.jpg", 100), ("https://a/c.jpg", 200))
        #expect(stamps.newest == 200)
        for key in ["https://a/b.jpg", "https://a/b.jpg#100x0", "https://a/b.jpg#5x5\naccept 0", "https://a/b.jpg\nx"] {
            #expect(stamps.covers(99, key: key))
            #expect(!stamps.covers(100, key: key))
        }
        for key in ["https://a/b.jp", "https://a/b.jpg?x", "https://a/d.jpg#1x1"] {
            #expect(!stamps.covers(0, key: key))
        }
    }

    @Test func `stamps only grow`() {
        var stamps = Self.stamps(("a", 100))
        let refused: [(String, Int64)] = [("a", 100), ("a", 50), ("b", 0), ("b", .max)]
        for (url, stamp) in refused {
            let isNews = stamps.add(PurgeStamps.digest(ofKey: url), stamp)
            #expect(!isNews)
        }
        #expect(stamps.next(now: 5) == 101)
        #expect(stamps.next(now: 500) == 500)
    }

    @Test func `beyond what is remembered everything that is as old counts as purged`() {
        var stamps = PurgeStamps()
        for number in 0...PurgeStamps.most { stamps.add(UInt64(number), Int64(number + 1)) }
        #expect(stamps.stamps.count < PurgeStamps.most)
        #expect(stamps.floor > 0)
        #expect(stamps.covers(stamps.floor - 1, key: "anything"))
        #expect(!stamps.covers(stamps.floor, key: "anything"))
        #expect(stamps.newest == Int64(PurgeStamps.most + 1))
    }

    @Test(arguments: [Seal.digest, .secret(Array("secret".utf8))])
    func `a list is read as it was written, or not at all`(seal: Seal) {
        var stamps = Self.stamps(("a", 100), ("b", 200))
        stamps.raiseFloor(to: 50)
        let bytes = stamps.encoded(seal)
        #expect(bytes.withUnsafeBytes { PurgeStamps($0, seal) } == stamps)
        for place in bytes.indices {
            var damaged = bytes
            damaged[place] ^= 1
            #expect(damaged.withUnsafeBytes { PurgeStamps($0, seal) } == nil)
            #expect(bytes[..<place].withUnsafeBytes { PurgeStamps($0, seal) } == nil)
        }
        #expect(bytes.withUnsafeBytes { PurgeStamps($0, .secret(Array("other".utf8))) } == nil)
    }

    @Test func `lists are put together`() {
        var first = Self.stamps(("a", 100), ("b", 200))
        var isNews = first.merge(Self.stamps(("a", 150), ("c", 120)))
        #expect(isNews)
        #expect(first == Self.stamps(("a", 150), ("b", 200), ("c", 120)))
        isNews = first.merge(Self.stamps(("a", 150)))
        #expect(!isNews)
    }
}

struct AdminAccessTests {
    @Test(arguments: [
        ("unix:/run/a.sock", true), ("127.0.0.1:80", true), ("localhost:80", true), ("[::1]:80", true),
        ("127.9.9.9:1", true), (":80", false), ("0.0.0.0:80", false), ("[::]:80", false), ("192.168.1.1:80", false),
        ("127.evil.example:80", false), ("example.com:80", false),
    ])
    func `what only this machine reaches is told apart`(address: String, isLocal: Bool) {
        #expect(AdminAccess.isLocal(address) == isLocal)
        let refusal = AdminAccess(addresses: ["unix:/a", address], token: nil).refusal(authorization: nil)
        #expect(refusal?.status == (isLocal ? nil : 403))
    }

    @Test(arguments: [
        ("Bearer secret", true), ("bearer secret", true), ("Bearer secre", false), ("Bearer secret ", false),
        ("Bearer", false), ("", false), ("secret", false), ("Basic secret", false),
    ])
    func `the token counts, wherever one comes from`(authorization: String, isRight: Bool) {
        let access = AdminAccess(addresses: ["unix:/a"], token: Array("secret".utf8))
        #expect((access.refusal(authorization: authorization) == nil) == isRight)
        #expect(access.refusal(authorization: nil)?.status == 401)
    }
}
