// SPDX-License-Identifier: Apache-2.0

import EventLoop
import ImageJob
import Testing

@testable import FrontendCore

/// Variants: a bench around `RequestPipeline` whose transformation is a count.
@LoopActor
private final class PipelineBench {
    let origins: OriginBench
    private(set) var transforms = 0
    private(set) var pipeline: RequestPipeline!
    let url: RequestURL

    init(_ script: [() throws -> FetchedResource], place: TestStore? = nil) throws {
        self.origins = OriginBench(script, place: place)
        var options = TransformOptions()
        options.width = 500
        self.url = RequestURL(options: options, remote: try #require(RemoteURL(absolute: self.origins.url)))
        self.pipeline = RequestPipeline(
            policy: .original, origins: self.origins.store, cache: self.origins.cache, clock: self.origins.clock.wall
        ) { original, _ in
            self.transforms += 1
            var variant = original
            variant.source = await original.body.digest()
            variant.body = Blob([UInt8(original.body.count % 251)])
            variant.variantTag = "\"variant\""
            return variant
        }
    }

    func get(_ request: ClientFields = .plain) async throws -> CacheEntry {
        try await self.pipeline.picture(for: self.url, request, now: self.origins.clock.now).entry
    }
}

struct CachePipelineTests {
    private static let fresh = [("Cache-Control", "max-age=60"), ("ETag", "\"a\"")]

    @Test func `a variant lives as long as its original`() async throws {
        try await onLoop {
            let bench = try PipelineBench([{ answer(200, Self.fresh + [("Age", "20")]) }])
            for _ in 0..<3 { _ = try await bench.get() }
            bench.origins.clock.advance(39)
            _ = try await bench.get()
            #expect(bench.transforms == 1)
            #expect(bench.origins.asked == 1)
            bench.origins.clock.advance(1)
            _ = try await bench.get()
            #expect(bench.origins.asked == 2)
        }
    }

    @Test func `an original that has not changed makes its variants fresh without new work`() async throws {
        try await onLoop {
            let bench = try PipelineBench([
                { answer(200, Self.fresh) }, { answer(304, [("Cache-Control", "max-age=100"), ("X", "2")], []) },
            ])
            _ = try await bench.get()
            bench.origins.clock.advance(61)
            let second = try await bench.get()
            #expect(second.headers["X"] == "2")
            #expect(second.variantTag == "\"variant\"")
            bench.origins.clock.advance(99)
            _ = try await bench.get()
            #expect(bench.transforms == 1)
            #expect(bench.origins.asked == 2)
        }
    }

    @Test func `nor does an original that was fetched again and is the same`() async throws {
        try await onLoop {
            let bench = try PipelineBench([{ answer(200, [("Cache-Control", "max-age=60")]) }])
            _ = try await bench.get()
            bench.origins.clock.advance(61)
            _ = try await bench.get()
            #expect(bench.transforms == 1)
            #expect(bench.origins.asked == 2)
        }
    }

    @Test func `one that has changed is transformed again`() async throws {
        try await onLoop {
            let bench = try PipelineBench([{ answer(200, Self.fresh) }, { answer(200, Self.fresh, jpeg(50)) }])
            let first = try await bench.get()
            bench.origins.clock.advance(61)
            let second = try await bench.get()
            #expect(bench.transforms == 2)
            #expect(first.content != second.content)
        }
    }

    @Test func `what a variant was made from is known after a restart`() async throws {
        try await onLoop {
            let place = TestStore()
            let first = try PipelineBench([{ answer(200, Self.fresh) }], place: place)
            _ = try await first.get()
            try await first.origins.settle()
            #expect(place.messages.count == 2)
            let second = try PipelineBench([{ answer(304, Self.fresh, []) }], place: place)
            second.origins.clock.advance(30)
            _ = try await second.get()
            #expect(second.origins.asked == 0)
            second.origins.clock.advance(31)
            let variant = try await second.get()
            #expect(variant.body.count == 1)
            #expect(second.origins.asked == 1)
            #expect(second.transforms == 0)
        }
    }

    @Test func `a stale variant is served while a new one is made`() async throws {
        try await onLoop {
            let control = [("Cache-Control", "max-age=60, stale-while-revalidate=60")]
            let bench = try PipelineBench([{ answer(200, control) }, { answer(200, control, jpeg(50)) }])
            let first = try await bench.get()
            bench.origins.clock.advance(70)
            bench.origins.origin.delay = .milliseconds(20)
            for _ in 0..<5 { #expect(try await bench.get().content == first.content) }
            try await eventually { try await bench.get().content != first.content }
            #expect(bench.transforms == 2)
            #expect(bench.origins.asked == 2)
        }
    }

    @Test func `a variant outlives its original where the origin is gone`() async throws {
        try await onLoop {
            let bench = try PipelineBench([{ answer(200, Self.fresh) }, { throw FetchError.connect("refused") }])
            _ = try await bench.get()
            bench.origins.clock.advance(100)
            // The original was evicted: only the variant is left.
            bench.origins.cache.remove(bench.origins.url, for: .plain)
            for _ in 0..<3 { #expect(try await bench.get().variantTag == "\"variant\"") }
            #expect(bench.origins.asked == 2)
            bench.origins.clock.advance(90_000)
            await #expect(throws: RequestError.self) { try await bench.get() }
        }
    }

    @Test func `a variant stands in for an origin's error where it may`() async throws {
        try await onLoop {
            let bench = try PipelineBench([
                { answer(200, [("Cache-Control", "max-age=60, stale-if-error=600")]) }, { answer(503, [], []) },
            ])
            _ = try await bench.get()
            bench.origins.clock.advance(100)
            bench.origins.cache.remove(bench.origins.url, for: .plain)
            #expect(try await bench.get().status == 200)
            #expect(bench.transforms == 1)
        }
    }

    @Test func `variants of answers that vary vary, too`() async throws {
        try await onLoop {
            let vary = [("Cache-Control", "max-age=60"), ("Vary", "Foo")]
            let bench = try PipelineBench([{ answer(200, vary, jpeg(1)) }, { answer(200, vary, jpeg(2)) }])
            for _ in 0..<2 {
                let (first, second) = (ClientFields.sending(("Foo", "1")), ClientFields.sending(("Foo", "2")))
                #expect(try await bench.get(first).content == [5])
                #expect(try await bench.get(second).content == [6])
            }
            #expect(bench.transforms == 2)
        }
    }

    @Test func `nobody gets a variant of what was meant for another`() async throws {
        try await onLoop {
            let bench = try PipelineBench([
                { answer(200, [("Cache-Control", "max-age=60")], jpeg(1)) },
                { answer(200, [("Cache-Control", "max-age=60")], jpeg(2)) },
                { answer(200, [("Cache-Control", "private")], jpeg(3)) },
            ])
            let alice = try await bench.get(.sending(("Authorization", "alice")))
            let bob = try await bench.get(.sending(("Authorization", "bob")))
            #expect(alice.content == [5])
            #expect(bob.content == [6])
            let all = (0..<3).map { _ in spawn { try await bench.get() } }
            for one in all {
                let entry = try await one.value
                #expect(entry.content == [7])
            }
            #expect(bench.origins.asked == 5)
        }
    }
}
