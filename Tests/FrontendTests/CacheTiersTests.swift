// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import FrontendCore

struct CacheTiersTests {
    private static let key = "https://example.com/a.jpg"

    private static func made(
        _ headers: [(String, String)] = [("Cache-Control", "max-age=60"), ("ETag", "\"a\"")], status: Int = 200,
        _ body: [UInt8] = jpeg(), at now: Int64 = 1_700_000_000
    ) -> CacheEntry {
        let headers = HTTPFields(headers)
        return CacheEntry(
            status: status, headers: headers, contentType: "image/jpeg", body: Blob(body),
            freshness: Freshness(status: status, headers: headers, now: now))
    }

    @LoopActor
    private struct Bench {
        let memory = MemoryCache(MemoryCacheSettings(capacity: 10_000_000, maximumAge: .zero))
        let places: [TestStore]
        let queues: [StoreQueue]
        let tiers: CacheTiers
        let clock = ManualClock()
        let metrics = Metrics()

        init(
            _ places: Int = 1, hasMemory: Bool = true, admits: @escaping @LoopActor (CacheEntry) -> Bool = { _ in true }
        ) {
            self.places = (0..<places).map { _ in TestStore() }
            self.queues = self.places.map { StoreQueue($0, seal: .digest) }
            let memories = hasMemory ? [CacheTiers.Tier.memory(self.memory)] : []
            self.tiers = CacheTiers(
                memories + self.queues.map { .place($0) },
                rules: StoredMessage.Rules(seal: .digest, policy: CachePolicy()), clock: self.clock.wall,
                metrics: self.metrics, admits: admits)
        }

        func settle() async throws { try await eventually { self.queues.allSatisfy(\.isIdle) } }
    }

    @Test func `what is stored is everywhere`() async throws {
        try await onLoop {
            let bench = Bench(2)
            bench.tiers.store(Self.made(), Self.key, for: .plain)
            #expect(bench.tiers.recent(Self.key, for: .plain) != nil)
            try await bench.settle()
            #expect(bench.places.allSatisfy { Array($0.messages.keys) == [Self.key] })
        }
    }

    @Test func `look-ups are counted`() async throws {
        try await onLoop {
            let bench = Bench()
            _ = bench.tiers.recent(Self.key, for: .plain)
            _ = await bench.tiers.load(Self.key, for: .plain)
            bench.tiers.store(Self.made(), Self.key, for: .plain)
            try await bench.settle()
            _ = bench.tiers.recent(Self.key, for: .plain)
            bench.memory.remove(Self.key)
            _ = await bench.tiers.load(Self.key, for: .plain)
            let lines = bench.metrics.text().split(separator: "\n").filter {
                $0.hasPrefix("imageproxy_cache_lookups_total")
            }
            #expect(lines.count == 4 && lines.allSatisfy { $0.hasSuffix(" 1") }, "\(lines)")
        }
    }

    @Test func `what only the last has is in all before it afterwards`() async throws {
        try await onLoop {
            let bench = Bench(2)
            bench.tiers.store(Self.made(), Self.key, for: .plain)
            try await bench.settle()
            bench.memory.remove(Self.key)
            bench.places[0].messages = [:]
            let found = await bench.tiers.load(Self.key, for: .plain)
            #expect(found?.content == jpeg())
            try await bench.settle()
            #expect(bench.tiers.recent(Self.key, for: .plain) != nil)
            #expect(bench.places[0].messages[Self.key] != nil)
            let loads = bench.places[1].loads
            bench.memory.remove(Self.key)
            _ = await bench.tiers.load(Self.key, for: .plain)
            #expect(bench.places[1].loads == loads)
        }
    }

    @Test func `a memory behind a place is a tier like any other`() async throws {
        try await onLoop {
            let memory = MemoryCache(MemoryCacheSettings(capacity: 1_000_000, maximumAge: .zero))
            let place = TestStore()
            let tiers = CacheTiers(
                [.place(StoreQueue(place, seal: .digest)), .memory(memory)],
                rules: StoredMessage.Rules(seal: .digest, policy: CachePolicy())
            ) { _ in true }
            tiers.store(Self.made(), Self.key, for: .plain)
            #expect(tiers.recent(Self.key, for: .plain) == nil)
            #expect(await tiers.load(Self.key, for: .plain) != nil)
            #expect(memory.count == 1)
        }
    }

    @Test func `what is being written is found already`() async throws {
        try await onLoop {
            let bench = Bench(hasMemory: false)
            bench.places[0].holdsStores = true
            bench.tiers.store(Self.made(), Self.key, for: .plain)
            #expect(await bench.tiers.load(Self.key, for: .plain) != nil)
            #expect(bench.places[0].loads == 0)
            bench.tiers.remove(Self.key, for: .plain)
            #expect(await bench.tiers.load(Self.key, for: .plain) == nil)
            bench.places[0].holdsStores = false
            try await bench.settle()
            #expect(bench.places[0].messages.isEmpty)
        }
    }

    @Test func `a place that is slow delays nobody, and gets the last version only`() async throws {
        try await onLoop {
            let bench = Bench(hasMemory: false)
            bench.places[0].holdsStores = true
            for number in 0..<100 { bench.tiers.store(Self.made(jpeg(number)), Self.key, for: .plain) }
            bench.places[0].holdsStores = false
            try await bench.settle()
            #expect(bench.places[0].stores == 2)
            #expect(await bench.tiers.load(Self.key, for: .plain)?.body.count == 103)
        }
    }

    private static func made(_ body: [UInt8]) -> CacheEntry {
        Self.made([("Cache-Control", "max-age=60"), ("ETag", "\"a\"")], status: 200, body)
    }

    @Test func `what cannot be written in time goes by`() async throws {
        try await onLoop {
            let bench = Bench(hasMemory: false)
            bench.places[0].holdsStores = true
            for number in 0..<1000 { bench.tiers.store(Self.made(), "\(Self.key)?\(number)", for: .plain) }
            bench.places[0].holdsStores = false
            try await bench.settle()
            #expect(bench.places[0].stores <= 264)
            // By bytes, too: five of twenty megabytes.
            bench.places[0].holdsStores = true
            bench.places[0].stores = 0
            for number in 0..<5 { bench.tiers.store(Self.made(jpeg(20 << 20)), "\(Self.key)?\(number)", for: .plain) }
            bench.places[0].holdsStores = false
            try await bench.settle()
            #expect(bench.places[0].stores == 3)
        }
    }

    @Test func `what is damaged is a miss, and is removed`() async throws {
        try await onLoop {
            let bench = Bench()
            bench.tiers.store(Self.made(), Self.key, for: .plain)
            try await bench.settle()
            bench.memory.remove(Self.key)
            bench.places[0].messages[Self.key]?[900] ^= 1
            #expect(await bench.tiers.load(Self.key, for: .plain) == nil)
            try await bench.settle()
            #expect(bench.places[0].removals == [Self.key])
        }
    }

    @Test func `what is under another's name is a miss, and is removed`() async throws {
        try await onLoop {
            let bench = Bench()
            bench.tiers.store(Self.made(), Self.key, for: .plain)
            try await bench.settle()
            bench.places[0].messages["other"] = bench.places[0].messages[Self.key]
            #expect(await bench.tiers.load("other", for: .plain) == nil)
            try await bench.settle()
            #expect(bench.places[0].removals == ["other"])
        }
    }

    private static func upstream(_ lines: [String] = [], type: String = "image/png", _ body: [UInt8] = jpeg())
        -> [UInt8]
    {
        let head =
            [
                "HTTP/1.1 200 OK", "Content-Length: \(body.count)", "Content-Type: \(type)",
                "Cache-Control: max-age=60",
                "Date: \(HTTPDate.format(1_700_000_000))", "Etag: \"origin\"",
            ] + lines
        return Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
    }

    @Test func `an entry of the original program is served, under its real type and a tag of its own`() async throws {
        try await onLoop {
            let bench = Bench()
            bench.places[0].messages[Self.key + "#500x0"] = Self.upstream()
            bench.places[0].messages[Self.key] = Self.upstream()
            let variant = await bench.tiers.load(Self.key + "#500x0", for: .plain)
            #expect(variant?.contentType == "image/jpeg")
            #expect(variant?.variantTag?.count == 34)
            #expect(variant?.freshness.isFresh(at: 1_700_000_059) == true)
            let original = await bench.tiers.load(Self.key, for: .plain)
            #expect(original?.variantTag == nil)
            try await bench.settle()
            #expect(bench.places[0].removals.isEmpty)
        }
    }

    @Test func `an entry of the original program that cannot be served is left alone`() async throws {
        try await onLoop {
            let bench = Bench { ContentType.matches($0.contentType, patterns: ["image/*"]) }
            bench.places[0].messages["a"] = Self.upstream(type: "image/png", Array("<html>".utf8))
            bench.places[0].messages["b"] = Self.upstream(type: "text/html", Array("<html>".utf8))
            bench.places[0].messages["c"] = Self.upstream().dropLast()
            bench.places[0].messages["d"] = Self.upstream(["Vary: Foo", "X-Varied-Foo: 1"])
            bench.places[0].messages["e"] = Self.upstream(["Vary: *"])
            for key in ["a", "b", "c", "d", "e"] {
                #expect(await bench.tiers.load(key, for: .plain) == nil)
                #expect(bench.tiers.recent(key, for: .plain) == nil)
            }
            #expect(await bench.tiers.load("d", for: .sending(("Foo", "1"))) != nil)
            try await bench.settle()
            #expect(bench.places[0].removals.isEmpty)
        }
    }

    @Test func `errors stay in memory`() async throws {
        try await onLoop {
            let bench = Bench()
            bench.tiers.store(Self.made([("Cache-Control", "max-age=60")], status: 404, []), Self.key, for: .plain)
            try await bench.settle()
            #expect(bench.tiers.recent(Self.key, for: .plain) != nil)
            #expect(bench.places[0].messages.isEmpty)
        }
    }

    @Test func `a place is told how long an entry is of use`() async throws {
        try await onLoop {
            let bench = Bench()
            bench.tiers.store(Self.made([("Cache-Control", "max-age=60, must-revalidate")]), "a", for: .plain)
            bench.tiers.store(Self.made([("Cache-Control", "max-age=60")]), "b", for: .plain)
            bench.tiers.store(Self.made([("Cache-Control", "max-age=60"), ("ETag", "\"a\"")]), "c", for: .plain)
            try await bench.settle()
            #expect(bench.places[0].lifetimes["a"] == .some(.seconds(60)))
            #expect(bench.places[0].lifetimes["b"] == .some(.seconds(86_460)))
            #expect(bench.places[0].lifetimes["c"] == .some(nil))
        }
    }

    // MARK: Vary

    private static func varying(_ names: String, _ fill: UInt8) -> CacheEntry {
        Self.made([("Cache-Control", "max-age=60"), ("Vary", names)], status: 200, jpeg(1000, fill))
    }

    private static func fill(_ entry: CacheEntry?) -> UInt8? { entry?.content.last }

    @Test(arguments: [true, false])
    func `answers that vary are kept side by side`(hasMemory: Bool) async throws {
        try await onLoop {
            let bench = Bench(hasMemory: hasMemory)
            bench.tiers.store(Self.varying("Foo", 1), Self.key, for: .sending(("Foo", "1")))
            bench.tiers.store(Self.varying("Foo", 2), Self.key, for: .sending(("Foo", "2")))
            bench.tiers.store(Self.varying("Foo", 3), Self.key, for: .plain)
            try await bench.settle()
            for key in [Self.key] { bench.memory.remove(key) }
            #expect(Self.fill(await bench.tiers.load(Self.key, for: .sending(("Foo", "1")))) == 1)
            #expect(Self.fill(await bench.tiers.load(Self.key, for: .sending(("Foo", "2"), ("Bar", "x")))) == 2)
            #expect(Self.fill(await bench.tiers.load(Self.key, for: .plain)) == 3)
            #expect(await bench.tiers.load(Self.key, for: .sending(("Foo", "4"))) == nil)
            #expect(await bench.tiers.load(Self.key, for: .sending(("Foo", ""))) == nil)
            bench.tiers.remove(Self.key, for: .sending(("Foo", "1")))
            if hasMemory {
                #expect(bench.tiers.recent(Self.key, for: .sending(("Foo", "1"))) == nil)
                #expect(Self.fill(bench.tiers.recent(Self.key, for: .sending(("Foo", "2")))) == 2)
            }
        }
    }

    @Test func `a message under a neighbour's name answers nobody`() async throws {
        try await onLoop {
            let bench = Bench(hasMemory: false)
            bench.tiers.store(Self.varying("Foo", 1), Self.key, for: .sending(("Foo", "1")))
            bench.tiers.store(Self.varying("Foo", 2), Self.key, for: .sending(("Foo", "2")))
            try await bench.settle()
            let keys = bench.places[0].messages.keys.filter { $0 != Self.key }.sorted()
            try #require(keys.count == 2)
            let first = bench.places[0].messages[keys[0]]
            bench.places[0].messages[keys[0]] = bench.places[0].messages[keys[1]]
            bench.places[0].messages[keys[1]] = first
            #expect(await bench.tiers.load(Self.key, for: .sending(("Foo", "1"))) == nil)
            #expect(await bench.tiers.load(Self.key, for: .sending(("Foo", "2"))) == nil)
        }
    }

    @Test func `an answer that depends on what no client decides needs no marker`() async throws {
        try await onLoop {
            let bench = Bench()
            bench.tiers.store(Self.varying("Accept, Origin, Accept-Encoding", 1), Self.key, for: .plain)
            try await bench.settle()
            #expect(Array(bench.places[0].messages.keys) == [Self.key])
            bench.memory.remove(Self.key)
            #expect(await bench.tiers.load(Self.key, for: .sending(("Foo", "1"))) != nil)
            // A front that asks its origins for something else has something else coming.
            let other = ClientFields(OriginRequestShape(passedNames: [], userAgent: "agent", accept: "text/*"))
            bench.memory.remove(Self.key)
            #expect(await bench.tiers.load(Self.key, for: other) == nil)
        }
    }

    @Test func `an answer to everybody takes the place of those that varied`() async throws {
        try await onLoop {
            let bench = Bench()
            bench.tiers.store(Self.varying("Foo", 1), Self.key, for: .sending(("Foo", "1")))
            bench.tiers.store(Self.made(jpeg(1000, 9)), Self.key, for: .sending(("Foo", "2")))
            #expect(Self.fill(bench.tiers.recent(Self.key, for: .sending(("Foo", "1")))) == 9)
            #expect(Self.fill(await bench.tiers.load(Self.key, for: .plain)) == 9)
        }
    }
}

struct ClientFieldsTests {
    private static func selection(_ names: [String], _ fields: (String, String)...) -> String {
        ClientFields(.test, passed: HTTPFields(fields)).selection(names)
    }

    @Test func `the same list written otherwise selects the same`() {
        let first = Self.selection(["foo"], ("Foo", "1, 2"))
        #expect(Self.selection(["foo"], ("foo", "1"), ("FOO", "2")) == first)
        #expect(Self.selection(["foo"], ("Foo", " 1,2 ")) == first)
        #expect(Self.selection(["foo"], ("Foo", "2, 1")) != first)
        #expect(Self.selection(["foo"], ("Foo", "1, 2"), ("Bar", "x")) == first)
        let languages = Self.selection(["accept-language"], ("Accept-Language", "en, de"))
        #expect(Self.selection(["accept-language"], ("Accept-Language", " dE ,   EN")) == languages)
    }

    @Test func `what differs is told apart`() {
        let all = [
            Self.selection(["foo"]), Self.selection(["foo"], ("Foo", "")), Self.selection(["foo"], ("Foo", "1")),
            Self.selection(["foo"], ("Foo", "2")), Self.selection(["foo", "bar"], ("Foo", "1")),
            Self.selection(["bar"], ("Bar", "1")),
            Self.selection(["foo", "bar"], ("Foo", "1"), ("Bar", "1")), Self.selection(["foo", "bar"], ("Bar", "1")),
            Self.selection(["foo"], ("Foo", "\"1, 2\"")), Self.selection(["foo"], ("Foo", "\"1\", 2")),
            Self.selection(["foo"], ("Foo", "A")), Self.selection(["foo"], ("Foo", "a")),
        ]
        #expect(Set(all).count == all.count)
    }

    @Test func `no secret stands in a key`() {
        #expect(!Self.selection(["authorization"], ("Authorization", "Basic c2VjcmV0")).contains("c2VjcmV0"))
    }

    @Test func `credentials are known as such`() {
        #expect(ClientFields.sending(("authorization", "x")).areCredentials)
        #expect(ClientFields(.test, passed: HTTPFields([("Cookie", "x")])).areCredentials)
        #expect(!ClientFields.sending(("Foo", "x")).areCredentials)
    }
}
