// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Foundation
import Testing

@testable import FrontendCore

func entry(_ count: Int) -> CacheEntry {
    CacheEntry(
        status: 200, headers: HTTPFields(), contentType: "image/jpeg", body: Blob(count: count) { _ in },
        freshness: Freshness(status: 200, headers: HTTPFields([("Cache-Control", "max-age=60")]), now: 1000))
}

struct CacheMemoryTests {
    private static let small = MemoryCacheSettings(capacity: 10_000, maximumAge: .zero)

    @Test func `the entry that was used last stays, the one that was not goes`() async throws {
        try await onLoop {
            let cache = MemoryCache(Self.small)
            for key in ["b", "a", "a", "c", "c"] { _ = Self.use(cache, key, entry(4000)) }
            #expect(Self.keys(cache, ["a", "b", "c"]) == ["a", "c"])
            // Who is asked for once does not push out who is asked for often.
            for _ in 0..<3 { _ = Self.keys(cache, ["a", "c"]) }
            _ = Self.use(cache, "d", entry(4000))
            #expect(Self.keys(cache, ["a", "c", "d"]) == ["a", "c"])
        }
    }

    @LoopActor
    private static func keys(_ cache: MemoryCache, _ keys: [String]) -> [String] {
        keys.filter { cache.entry(for: $0) != nil }
    }

    @Test func `what is larger than the cache evicts nothing`() async throws {
        try await onLoop {
            let cache = MemoryCache(Self.small)
            cache.store(entry(4000), for: "a")
            cache.store(entry(20_000), for: "b")
            #expect(cache.entry(for: "a") != nil)
            #expect(cache.entry(for: "b") == nil)
        }
    }

    @Test func `the size is that of the entries, however they came and went`() async throws {
        try await onLoop {
            let cache = MemoryCache(Self.small)
            for number in 0..<2000 {
                cache.store(entry(Int.random(in: 1...3000)), for: "\(Int.random(in: 0..<50))")
                if number % 7 == 0 { cache.remove("\(Int.random(in: 0..<50))") }
                #expect(cache.size <= 10_000)
            }
            for number in 0..<50 { cache.remove("\(number)") }
            #expect(cache.size == 0)
            #expect(cache.count == 0)
        }
    }

    @Test func `an entry that is too old is a miss`() async throws {
        try await onLoop {
            let cache = MemoryCache(MemoryCacheSettings(capacity: 10_000, maximumAge: .nanoseconds(1)))
            cache.store(entry(10), for: "a")
            #expect(cache.entry(for: "a") == nil)
            #expect(cache.count == 0)
        }
    }

    @Test func `a place is good for its entry only, as long as that is there`() async throws {
        try await onLoop {
            let cache = MemoryCache(Self.small)
            let made = entry(1000)
            cache.store(made, for: "a")
            let place = try #require(cache.place(of: "a"))
            #expect(cache.body(at: place) === made.body)
            cache.store(entry(1000), for: "a")
            #expect(cache.body(at: place) == nil, "another entry of the same key")
            let second = try #require(cache.place(of: "a"))
            cache.remove("a")
            #expect(cache.body(at: second) == nil && cache.place(of: "a") == nil)
            cache.store(entry(1000), for: "b")
            #expect(cache.body(at: second) == nil, "another entry in the same slot")
        }
    }

    @Test func `what is asked for by its place counts as used`() async throws {
        try await onLoop {
            let cache = MemoryCache(Self.small)
            cache.store(entry(4000), for: "a")
            let place = try #require(cache.place(of: "a"))
            cache.store(entry(4000), for: "b")
            _ = cache.entry(for: "b")
            for _ in 0..<3 { _ = cache.body(at: place) }
            for _ in 0..<2 { _ = Self.use(cache, "c", entry(4000)) }
            #expect(Self.keys(cache, ["a", "b", "c"]).contains("a"))
            #expect(cache.count == 2)
        }
    }

    /// Asks as the pipeline does: what is not there is made and stored.
    @LoopActor
    private static func use(_ cache: MemoryCache, _ key: String, _ made: CacheEntry) -> Bool {
        if cache.entry(for: key) != nil { return true }
        cache.store(made, for: key)
        return false
    }

    @Test func `one pass over many cold URLs does not flush what everybody asks for`() async throws {
        try await onLoop {
            let cache = MemoryCache(MemoryCacheSettings(capacity: 10_000_000, maximumAge: .zero))
            let made = entry(10_000)
            let hot = (0..<500).map { "hot \($0)" }
            for _ in 0..<3 { for key in hot { _ = Self.use(cache, key, made) } }
            // Five times what fits, each once, while nobody asks for anything else.
            for number in 0..<5000 { _ = Self.use(cache, "cold \(number)", made) }
            let kept = hot.count { cache.entry(for: $0) != nil }
            // What is counted by its hash is now and then taken for another.
            #expect(kept >= 495)
            #expect(cache.size <= 10_000_000)
        }
    }

    /// `IMAGEPROXY_ALL_FAULTS=1` makes it a million.
    private static let flood = ProcessInfo.processInfo.environment["IMAGEPROXY_ALL_FAULTS"] == nil ? 40_000 : 1_000_000

    @Test func `a flood of options leaves the hot set its hits`() async throws {
        let flood = Self.flood
        try await onLoop {
            let cache = MemoryCache(MemoryCacheSettings(capacity: 10_000_000, maximumAge: .zero))
            let made = entry(10_000)
            var hits = 0
            var asked = 0
            for number in 0..<flood {
                _ = Self.use(cache, "https://example.com/a.jpg#\(number)x0", made)
                guard number % 4 == 0 else { continue }
                let isHit = Self.use(cache, "hot \(Int.random(in: 0..<400))", made)
                // The first uses are nobody's hits.
                if number > flood / 2 {
                    asked += 1
                    if isHit { hits += 1 }
                }
            }
            #expect(Double(hits) / Double(asked) >= 0.95, "\(hits) of \(asked)")
            // However many came, no more is kept of them than of those that fit.
            #expect(cache.size <= 10_000_000)
            #expect(cache.count <= 1000 && cache.slots <= 1100)
        }
    }

    @Test func `what is large has to be worth all that would have to go for it`() async throws {
        try await onLoop {
            let cache = MemoryCache(MemoryCacheSettings(capacity: 100_000, maximumAge: .zero))
            for _ in 0..<2 { for number in 0..<8 { _ = Self.use(cache, "\(number)", entry(10_000)) } }
            for _ in 0..<2 { _ = Self.use(cache, "large", entry(60_000)) }
            #expect(cache.count == 8)
            for _ in 0..<12 { _ = Self.use(cache, "large", entry(60_000)) }
            #expect(cache.entry(for: "large") != nil)
            #expect(cache.size <= 100_000)
        }
    }

    @Test func `what nobody asks for twice gives way to what is new`() async throws {
        try await onLoop {
            let cache = MemoryCache(MemoryCacheSettings(capacity: 1_000_000, maximumAge: .zero))
            let made = entry(10_000)
            for number in 0..<1000 { _ = Self.use(cache, "\(number)", made) }
            #expect(cache.entry(for: "0") == nil)
            #expect(cache.entry(for: "999") != nil)
        }
    }

    @Test func `what becomes popular takes the place of what was`() async throws {
        try await onLoop {
            let cache = MemoryCache(MemoryCacheSettings(capacity: 10_000_000, maximumAge: .zero))
            let made = entry(10_000)
            for _ in 0..<6 { for number in 0..<900 { _ = Self.use(cache, "old \(number)", made) } }
            for _ in 0..<12 { for number in 0..<900 { _ = Self.use(cache, "new \(number)", made) } }
            let kept = (0..<900).count { cache.entry(for: "new \($0)") != nil }
            #expect(kept > 800)
        }
    }

    @Test func `a newer version takes the place of the older`() async throws {
        try await onLoop {
            let cache = MemoryCache(MemoryCacheSettings(capacity: 100_000, maximumAge: .zero))
            for _ in 0..<5 { for number in 0..<8 { _ = Self.use(cache, "\(number)", entry(10_000)) } }
            cache.store(entry(12_000), for: "3")
            #expect(cache.entry(for: "3")?.body.count == 12_000)
            #expect(cache.count == 8)
            #expect(cache.size <= 100_000)
        }
    }

    @Test func `a guess of how often a key was asked for is never too low, and fades`() {
        var sketch = FrequencySketch(entries: 1000)
        for number in 0..<200 { for _ in 0..<(number % 8) { sketch.add("\(number)".hashValue) } }
        for number in 0..<200 { #expect(sketch.frequency(of: "\(number)".hashValue) >= number % 8) }
        let strangers = (1000..<2000).count { sketch.frequency(of: "\($0)".hashValue) > 0 }
        #expect(strangers < 100)
        for number in 0..<60_000 { sketch.add(number &* 0x9E37_79B9) }
        #expect((0..<200).count { sketch.frequency(of: "\($0)".hashValue) > 12 } < 20)
    }
}

@LoopActor
private final class Seen {
    var mayEnd = false
    var cancellation = false
}

struct FillTableTests {
    @Test func `many callers of one key have the work done once`() async throws {
        try await onLoop {
            let fills = FillTable<Int>()
            var runs = 0
            let tasks = (0..<64).map { _ in
                spawn {
                    try await fills.value(for: "k") {
                        runs += 1
                        try await sleep(for: .milliseconds(20))
                        return 7
                    }
                }
            }
            for task in tasks {
                let value = try await task.value
                #expect(value == 7)
            }
            #expect(runs == 1)
            #expect(fills.count == 0)
        }
    }

    @Test func `a caller that leaves does not take the others' work with it`() async throws {
        try await onLoop {
            let fills = FillTable<Int>()
            let seen = Seen()
            func caller() -> Task<Int, any Error> {
                spawn {
                    try await fills.value(for: "k") {
                        while !seen.mayEnd, !Task.isCancelled { try? await sleep(for: .milliseconds(1)) }
                        seen.cancellation = Task.isCancelled
                        return 7
                    }
                }
            }
            let first = caller()
            let second = caller()
            try await sleep(for: .milliseconds(10))
            first.cancel()
            await #expect(throws: CancellationError.self) { try await first.value }
            seen.mayEnd = true
            let value = try await second.value
            #expect(value == 7)
            #expect(!seen.cancellation)
        }
    }

    @Test func `the work is cancelled when the last caller has left`() async throws {
        try await onLoop {
            let fills = FillTable<Int>()
            var wasCancelled = false
            let only = spawn {
                try await fills.value(for: "k") {
                    do {
                        try await sleep(for: .seconds(60))
                    } catch {
                        wasCancelled = true
                    }
                    return 7
                }
            }
            try await sleep(for: .milliseconds(10))
            only.cancel()
            await #expect(throws: CancellationError.self) { try await only.value }
            try await sleep(for: .milliseconds(10))
            #expect(wasCancelled)
        }
    }

    @Test func `a failure reaches everybody who waited, and nobody after them`() async throws {
        struct Broken: Error {}
        try await onLoop {
            let fills = FillTable<Int>()
            await #expect(throws: Broken.self) { try await fills.value(for: "k") { throw Broken() } }
            let value = try await fills.value(for: "k") { 7 }
            #expect(value == 7)
        }
    }
}
