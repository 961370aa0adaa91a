// SPDX-License-Identifier: Apache-2.0

import EventLoop
import ImageJob
import Testing

@testable import FrontendCore

@LoopActor
private final class Clock {
    var now = ContinuousClock.now
}

struct PoisonListTests {
    private static func key(_ source: String, _ options: String = "100x") -> PoisonList.Key {
        PoisonList.Key(source: Blob(Array(source.utf8)).bytesDigest, options: TransformOptions(parsing: options))
    }

    @Test func `two deaths are enough, for these bytes with these options`() async throws {
        try await onLoop {
            let list = PoisonList(shared: nil, seal: .digest)
            #expect(!list.isWorthAsking)
            #expect(await list.blame(Self.key("a")) == 1)
            #expect(list.isWorthAsking)
            #expect(await !list.isPoison(Self.key("a")))
            #expect(await list.blame(Self.key("a")) == 2)
            #expect(await list.isPoison(Self.key("a")))
            #expect(await list.isPoison(Self.key("a", "100x,s1234567890123456789012345678901234567890123=")))
            #expect(await !list.isPoison(Self.key("a", "101x")))
            #expect(await !list.isPoison(Self.key("b")))
        }
    }

    @Test func `after a while everything gets another chance`() async throws {
        try await onLoop {
            let clock = Clock()
            let list = PoisonList(shared: nil, seal: .digest, now: { clock.now })
            _ = await list.blame(Self.key("a"))
            _ = await list.blame(Self.key("a"))
            clock.now += PoisonList.lifetime - .seconds(1)
            #expect(list.isKnown(Self.key("a")))
            clock.now += .seconds(1)
            #expect(!list.isKnown(Self.key("a")))
            #expect(await list.blame(Self.key("a")) == 1)
        }
    }

    @Test func `however many there are, memory has a bound and the last ones are known`() async throws {
        try await onLoop {
            let clock = Clock()
            let list = PoisonList(shared: nil, seal: .digest, now: { clock.now })
            for number in 0..<5000 {
                clock.now += .milliseconds(1)
                _ = await list.blame(Self.key("\(number)"))
                _ = await list.blame(Self.key("\(number)"))
            }
            #expect(!list.isKnown(Self.key("0")))
            #expect(list.isKnown(Self.key("4999")))
            #expect(list.isKnown(Self.key("1000")))
        }
    }

    @Test func `fronts with one Redis count together`() async throws {
        let server = try await RedisServer()
        try await onLoop {
            let clients = try (0..<3).map { _ in try RedisClient(RedisURL(server.tcpURL, password: nil)) }
            // Also when something here throws: their timers must not outlive them.
            defer { for client in clients { client.close() } }
            let lists = clients.map { PoisonList(shared: $0, seal: .digest) }
            let other = PoisonList(shared: clients[0], seal: .secret([1]))
            for client in clients { try await eventually { await client.number("nothing") == 0 } }
            #expect(await lists[0].blame(Self.key("a")) == 1)
            #expect(await !lists[2].isPoison(Self.key("a")))
            #expect(await lists[1].blame(Self.key("a")) == 2)
            // The first one has counted only one itself.
            #expect(await lists[0].isPoison(Self.key("a")))
            #expect(await lists[2].isPoison(Self.key("a")))
            // What was learned is known without asking.
            #expect(lists[2].isKnown(Self.key("a")))
            // Whoever knows a secret counts where nobody else can.
            #expect(await !other.isPoison(Self.key("a")))
        }
    }

    @Test func `without its Redis each front counts alone`() async throws {
        try await onLoop {
            let client = try RedisClient(RedisURL("redis://127.0.0.1:1", password: nil))
            let list = PoisonList(shared: client, seal: .digest)
            #expect(await !list.isPoison(Self.key("a")))
            #expect(await list.blame(Self.key("a")) == 1)
            #expect(await list.blame(Self.key("a")) == 2)
            #expect(await list.isPoison(Self.key("a")))
            client.close()
        }
    }
}

extension Blob {
    fileprivate var bytesDigest: ContentDigest { ContentDigest(of: self.bytes) }
}
