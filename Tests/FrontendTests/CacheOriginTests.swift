// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import FrontendCore

struct CacheOriginTests {
    private static let fresh = [
        ("Cache-Control", "max-age=60"), ("ETag", "\"a\""), ("Last-Modified", HTTPDate.format(1_600_000_000)),
    ]

    @Test func `one request counts once`() async throws {
        try await onLoop {
            // Everything is asked for once, so that the newest are here and the oldest are gone.
            let bench = OriginBench([{ answer(200, Self.fresh, jpeg(100_000)) }])
            for number in 0..<1000 {
                _ = try await bench.store.original("https://example.com/\(number)", for: .plain, now: bench.clock.now)
            }
            #expect(bench.cache.recent("https://example.com/999", for: .plain) != nil)
            #expect(bench.cache.recent("https://example.com/0", for: .plain) == nil)
        }
    }

    @Test func `what is fresh is not asked for again`() async throws {
        try await onLoop {
            let bench = OriginBench([{ answer(200, Self.fresh) }])
            for _ in 0..<3 { #expect(try await bench.get().status == 200) }
            #expect(bench.asked == 1)
            bench.clock.advance(60)
            _ = try await bench.get()
            #expect(bench.asked == 2)
        }
    }

    /// All begin shortly before a second ends.
    @Test(arguments: [(5, 0), (999, 0), (1000, 1), (2500, 2)])
    func `an answer is as old as the whole seconds that it took`(milliseconds: Int64, age: Int64) async throws {
        try await onLoop {
            let bench = OriginBench([])
            bench.clock.advance(milliseconds: 998)
            bench.origin.script = [
                {
                    bench.clock.advance(milliseconds: milliseconds)
                    return answer(200, Self.fresh)
                }
            ]
            let freshness = try await bench.get().freshness
            #expect(freshness.shownAge(at: bench.clock.now) == age)
        }
    }

    @Test func `a 304 makes what is stored fresh, with its news`() async throws {
        try await onLoop {
            let bench = OriginBench([
                { answer(200, Self.fresh + [("A", "1"), ("B", "1"), ("Age", "50")]) },
                {
                    answer(
                        304,
                        [
                            ("Cache-Control", "max-age=100"), ("ETag", "\"a\""), ("A", "2"), ("Content-Length", "9"),
                            ("Content-Range", "x"), ("Connection", "C"), ("C", "1"),
                        ], [])
                },
            ])
            let first = try await bench.get()
            bench.clock.advance(10)
            let second = try await bench.get()
            #expect(second.content == jpeg())
            #expect(second.status == 200)
            #expect(second.headers["A"] == "2")
            #expect(second.headers["B"] == "1")
            #expect(second.headers["C"] == nil)
            #expect(second.headers["Age"] == nil)
            #expect(second.headers["Content-Range"] == nil)
            #expect(second.headers.values(named: "Date") == [HTTPDate.format(bench.clock.now)])
            #expect(second.body === first.body)
            bench.clock.advance(99)
            _ = try await bench.get()
            #expect(bench.asked == 2)
            let fields = bench.origin.questions[1].fields
            #expect(fields["If-None-Match"] == "\"a\"")
            #expect(fields["If-Modified-Since"] == HTTPDate.format(1_600_000_000))
            #expect(bench.origin.questions[1].validatorsOf == bench.url)
        }
    }

    @Test func `a 304 that speaks of something else is not believed`() async throws {
        try await onLoop {
            let bench = OriginBench([
                { answer(200, Self.fresh) }, { answer(304, [("ETag", "\"b\"")], []) }, { answer(200, [], jpeg(9)) },
            ])
            _ = try await bench.get()
            bench.clock.advance(61)
            #expect(try await bench.get().body.count == 13)
            #expect(bench.origin.questions[2].fields["If-None-Match"] == nil)
        }
    }

    @Test func `a 304 that nobody asked for is no answer`() async throws {
        try await onLoop {
            let bench = OriginBench([{ answer(304, [], []) }])
            await #expect(throws: RequestError.self) { try await bench.get() }
        }
    }

    @Test func `a validator goes to the URL that gave it`() async throws {
        try await onLoop {
            let bench = OriginBench([{ answer(200, Self.fresh, url: "https://cdn.example.com/b.jpg") }])
            _ = try await bench.get()
            bench.clock.advance(61)
            _ = try await bench.get()
            #expect(bench.origin.questions[1].validatorsOf == "https://cdn.example.com/b.jpg")
        }
    }

    @Test func `a client's conditions are not the origin's`() async throws {
        try await onLoop {
            let bench = OriginBench([{ answer(200, Self.fresh) }])
            let request = ClientFields(
                .test, passed: HTTPFields([("If-None-Match", "\"x\""), ("Range", "bytes=0-1"), ("Foo", "1")]))
            _ = try await bench.get(request)
            #expect(bench.origin.questions[0].fields == HTTPFields([("Foo", "1")]))
        }
    }

    @Test(arguments: ["no-store", "private", "max-age=60, no-store"])
    func `what may not be kept is not, and takes the older along`(control: String) async throws {
        try await onLoop {
            let place = TestStore()
            let bench = OriginBench(
                [{ answer(200, Self.fresh) }, { answer(200, [("Cache-Control", control)]) }], place: place)
            _ = try await bench.get()
            bench.clock.advance(61)
            _ = try await bench.get()
            _ = try await bench.get()
            #expect(bench.asked == 3)
            #expect(bench.cache.recent(bench.url, for: .plain) == nil)
            try await bench.settle()
            #expect(place.messages.isEmpty)
        }
    }

    @Test func `what may be kept but never reused is not kept`() async throws {
        try await onLoop {
            let bench = OriginBench([{ answer() }])
            _ = try await bench.get()
            #expect(bench.cache.recent(bench.url, for: .plain) == nil)
        }
    }

    @Test(arguments: [100, 199, 206, 304, 600, 999])
    func `only final answers to this question are passed on`(status: Int) async throws {
        try await onLoop {
            let bench = OriginBench([{ answer(status, Self.fresh) }])
            await #expect(throws: RequestError.self) { try await bench.get() }
            #expect(bench.cache.recent(bench.url, for: .plain) == nil)
        }
    }

    // MARK: Errors

    @Test(
        arguments: [
            (404, [], 10), (410, [], 10), (404, [("Cache-Control", "max-age=3")], 3),
            (404, [("Cache-Control", "max-age=600")], 10),
            (503, [], 0), (500, [("Cache-Control", "max-age=600")], 10), (403, [], 0),
            (404, [("Cache-Control", "max-age=0")], 0),
            (404, [("Cache-Control", "no-store")], 0),
        ] as [(Int, [(String, String)], Int64)])
    func `an error is remembered briefly, if at all`(status: Int, headers: [(String, String)], seconds: Int64)
        async throws
    {
        try await onLoop {
            let bench = OriginBench(
                [{ answer(status, headers, Array("oops".utf8), type: "text/plain") }],
                rewriting: LifetimeRewriting(minimum: 3600))
            func get() async -> Int {
                do { return try await bench.get().status } catch let error as RequestError {
                    return error.kind.row.status
                } catch {
                    return 0
                }
            }
            #expect(await get() == status)
            if seconds > 0 {
                bench.clock.advance(seconds - 1)
                #expect(await get() == status)
                #expect(bench.asked == 1)
                bench.clock.advance(1)
            }
            #expect(await get() == status)
            #expect(bench.asked == 2)
        }
    }

    @Test func `an error page of a type that is not allowed stays one`() async throws {
        try await onLoop {
            let bench = OriginBench(
                [{ answer(410, [], Array("<html>".utf8), type: "text/html") }], contentTypes: ["image/*"])
            for _ in 0..<2 {
                do {
                    _ = try await bench.get()
                    Issue.record("served")
                } catch let error as RequestError {
                    #expect(error.kind == .contentTypeNotAllowed)
                }
            }
            #expect(bench.asked == 1)
        }
    }

    @Test func `what is gone is gone from everywhere`() async throws {
        try await onLoop {
            let place = TestStore()
            let bench = OriginBench([{ answer(200, Self.fresh) }, { answer(404, [], []) }], place: place)
            _ = try await bench.get()
            try await bench.settle()
            #expect(place.messages.count == 1)
            bench.clock.advance(61)
            await #expect(throws: RequestError.self) { try await bench.get() }
            try await bench.settle()
            #expect(place.messages.isEmpty)
        }
    }

    @Test func `an error that passes does not take the place of a picture`() async throws {
        try await onLoop {
            let bench = OriginBench([
                { answer(200, Self.fresh) }, { answer(503, [("Cache-Control", "max-age=5")], []) },
                { answer(304, [], []) },
            ])
            _ = try await bench.get()
            bench.clock.advance(61)
            #expect(try await bench.get().status == 503)
            #expect(try await bench.get().status == 200)
            #expect(bench.origin.questions[2].fields["If-None-Match"] == "\"a\"")
        }
    }

    // MARK: Stale

    @Test(arguments: [
        ("max-age=60", true), ("max-age=60, must-revalidate", false), ("s-maxage=60", false),
        ("max-age=60, no-cache", false),
    ])
    func `an origin that cannot be reached has its last word repeated`(control: String, isServed: Bool) async throws {
        try await onLoop {
            let bench = OriginBench([
                { answer(200, [("Cache-Control", control), ("ETag", "\"a\"")]) },
                { throw FetchError.connect("refused") },
            ])
            _ = try await bench.get()
            bench.clock.advance(100)
            guard isServed else {
                await #expect(throws: RequestError.self) { try await bench.get() }
                return
            }
            for _ in 0..<5 { #expect(try await bench.get().status == 200) }
            // And is left alone for a while.
            #expect(bench.asked == 2)
            bench.clock.advance(10)
            _ = try await bench.get()
            #expect(bench.asked == 3)
        }
    }

    @Test func `a refusal is no failure to be reached`() async throws {
        try await onLoop {
            let bench = OriginBench([{ answer(200, Self.fresh) }, { throw FetchError.forbiddenAddress("10.0.0.1") }])
            _ = try await bench.get()
            bench.clock.advance(100)
            await #expect(throws: RequestError.self) { try await bench.get() }
        }
    }

    @Test(arguments: [(500, true), (502, true), (503, true), (504, true), (501, false), (403, false), (404, false)])
    func `stale if error is for errors`(status: Int, isServed: Bool) async throws {
        try await onLoop {
            let bench = OriginBench([
                { answer(200, [("Cache-Control", "max-age=60, stale-if-error=60")]) }, { answer(status, [], []) },
            ])
            _ = try await bench.get()
            bench.clock.advance(100)
            let entry = try? await bench.get()
            #expect((entry?.status == 200) == isServed)
            bench.clock.advance(100)
            let late = try? await bench.get()
            #expect(late?.status != 200)
        }
    }

    @Test func `what may be stale meanwhile is served at once and fetched once`() async throws {
        try await onLoop {
            let bench = OriginBench([
                { answer(200, [("Cache-Control", "max-age=60, stale-while-revalidate=60")], jpeg(1)) },
                { answer(200, [("Cache-Control", "max-age=60, stale-while-revalidate=60")], jpeg(2)) },
            ])
            _ = try await bench.get()
            bench.clock.advance(70)
            bench.origin.delay = .milliseconds(30)
            for _ in 0..<10 { #expect(try await bench.get().body.count == 5) }
            try await eventually { try await bench.get().body.count == 6 }
            #expect(bench.asked == 2)
        }
    }

    @Test func `beyond its time nothing stale is served`() async throws {
        try await onLoop {
            let bench = OriginBench([
                { answer(200, [("Cache-Control", "max-age=60, stale-while-revalidate=60")], jpeg(1)) },
                { answer(200, [], jpeg(2)) },
            ])
            _ = try await bench.get()
            bench.clock.advance(120)
            #expect(try await bench.get().body.count == 6)
        }
    }

    // MARK: Who asks

    @Test func `an answer to credentials is given to nobody else`() async throws {
        try await onLoop {
            let bench = OriginBench([
                { answer(200, [("Cache-Control", "max-age=60")], jpeg(1)) },
                { answer(200, [("Cache-Control", "max-age=60")], jpeg(2)) },
            ])
            bench.origin.delay = .milliseconds(20)
            let alice = spawn { try await bench.get(.sending(("Authorization", "alice"))) }
            let bob = spawn { try await bench.get(.sending(("Authorization", "bob"))) }
            let (first, second) = (try await alice.value, try await bob.value)
            #expect(first.body.count == 5)
            #expect(second.body.count == 6)
            _ = try await bench.get()
            #expect(bench.asked == 3)
        }
    }

    @Test func `answers follow what the client sent`() async throws {
        try await onLoop {
            let bench = OriginBench([
                { answer(200, [("Cache-Control", "max-age=60"), ("Vary", "Foo")], jpeg(1)) },
                { answer(200, [("Cache-Control", "max-age=60"), ("Vary", "Foo")], jpeg(2)) },
            ])
            for _ in 0..<2 {
                let first = try await bench.get(.sending(("Foo", "1"), ("Bar", "1")))
                let second = try await bench.get(.sending(("Bar", "2"), ("Foo", "2")))
                #expect(first.body.count == 5)
                #expect(second.body.count == 6)
            }
            #expect(bench.asked == 2)
        }
    }

    @Test func `many who ask for the same at once are one question`() async throws {
        try await onLoop {
            let bench = OriginBench([{ answer(200, Self.fresh) }])
            bench.origin.delay = .milliseconds(20)
            let all = (0..<50).map { _ in spawn { try await bench.get() } }
            for one in all {
                let entry = try await one.value
                #expect(entry.status == 200)
            }
            #expect(bench.asked == 1)
        }
    }

    @Test func `but not where the answer is meant for one alone`() async throws {
        try await onLoop {
            let bench = OriginBench([{ answer(200, [("Cache-Control", "private")]) }])
            bench.origin.delay = .milliseconds(20)
            let all = (0..<5).map { _ in spawn { try await bench.get() } }
            for one in all {
                let entry = try await one.value
                #expect(entry.status == 200)
            }
            #expect(bench.asked == 5)
        }
    }

    @Test func `a failure is shared by all who wait`() async throws {
        try await onLoop {
            let bench = OriginBench([{ answer(503, [], []) }])
            bench.origin.delay = .milliseconds(20)
            let all = (0..<5).map { _ in spawn { try await bench.get() } }
            for one in all {
                let entry = try await one.value
                #expect(entry.status == 503)
            }
            #expect(bench.asked == 1)
        }
    }

    @Test func `who wants only what is cached gets no more`() async throws {
        try await onLoop {
            let bench = OriginBench([{ answer(200, Self.fresh) }])
            let shape = OriginRequestShape(passedNames: ["Cache-Control"], userAgent: "", accept: "")
            let wish = ClientFields(shape, passed: HTTPFields([("Cache-Control", "only-if-cached")]))
            do {
                _ = try await bench.get(wish)
                Issue.record("fetched")
            } catch let error as RequestError {
                #expect(error.kind.row.status == 504)
            }
            _ = try await bench.get()
            #expect(try await bench.get(wish).status == 200)
            #expect(bench.asked == 1)
        }
    }

    // MARK: Restart

    @Test func `another front goes on where this one stopped`() async throws {
        try await onLoop {
            let place = TestStore()
            let first = OriginBench([{ answer(200, Self.fresh, url: "https://cdn.example.com/b.jpg") }], place: place)
            _ = try await first.get()
            try await first.settle()
            let second = OriginBench([{ answer(304, [("Cache-Control", "max-age=60")], []) }], place: place)
            second.clock.advance(30)
            #expect(try await second.get().body.count == 1004)
            #expect(second.asked == 0)
            second.clock.advance(31)
            #expect(try await second.get().body.count == 1004)
            #expect(second.asked == 1)
            #expect(second.origin.questions[0].validatorsOf == "https://cdn.example.com/b.jpg")
        }
    }

    @Test func `a type that is not allowed any more is not served from a cache`() async throws {
        try await onLoop {
            let place = TestStore()
            let text = { answer(200, Self.fresh, Array("hello".utf8), type: "text/plain;charset=utf-8") }
            let first = OriginBench([text], place: place)
            #expect(try await first.get().contentType == "text/plain;charset=utf-8")
            try await first.settle()
            let second = OriginBench([text], place: place, contentTypes: ["image/*"])
            for _ in 0..<2 { await #expect(throws: RequestError.self) { try await second.get() } }
        }
    }
}
