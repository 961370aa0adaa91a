// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import Testing

@testable import FrontendCore

@LoopActor
func makeClient(_ url: String, _ settings: RedisSettings) throws -> RedisClient {
    RedisClient(try RedisURL(url, password: nil), settings: settings)
}

extension RedisTests {
    struct Client {
        @Test(arguments: ["redis://127.0.0.1:1", "redis+sentinel://127.0.0.1:1/master", "redis+cluster://127.0.0.1:1"])
        func `a client that is let go without having been closed takes nobody with it`(url: String) async throws {
            try await onLoop {
                do {
                    let client = try makeClient(url, patient())
                    client.subscribe(to: "x") { _ in }
                    #expect(await client.number("n") == nil)
                }
                // Longer than between two signs of life, and between two attempts to connect.
                try await sleep(for: .milliseconds(2500))
            }
        }

        @Test func `a lease is one front's until it gives it back`() async throws {
            let server = try await RedisServer()
            try await onLoop {
                let client = try makeClient(server.tcpURL, patient())
                let other = try makeClient(server.tcpURL, patient())
                #expect(await client.takeLease("l", token: "a", for: .seconds(60)) == .unavailable)
                #expect(try await time { await client.number("n") == 0 } != nil)
                #expect(try await time { await other.number("n") == 0 } != nil)

                #expect(await client.takeLease("l", token: "a", for: .seconds(60)) == .taken)
                #expect(await other.takeLease("l", token: "b", for: .seconds(60)) == .held)
                // Not theirs to give back, or to keep.
                await other.releaseLease("l", token: "b")
                await other.extendLease("l", token: "b", for: .milliseconds(1))
                try await sleep(for: .milliseconds(20))
                #expect(await other.takeLease("l", token: "b", for: .seconds(60)) == .held)
                await client.releaseLease("l", token: "a")
                #expect(await other.takeLease("l", token: "b", for: .milliseconds(200)) == .taken)
                await other.extendLease("l", token: "b", for: .seconds(60))
                try await sleep(for: .milliseconds(300))
                #expect(await client.takeLease("l", token: "a", for: .seconds(60)) == .held)
                // A server that has lost its scripts learns them again.
                server.cli("SCRIPT", "FLUSH")
                await other.releaseLease("l", token: "b")
                #expect(await client.takeLease("l", token: "a", for: .milliseconds(50)) == .taken)
                try await sleep(for: .milliseconds(100))
                #expect(await other.takeLease("l", token: "b", for: .seconds(60)) == .taken)
                client.close()
                other.close()
            }
            // Known by its digest after the first time.
            #expect(server.cli("SCRIPT", "EXISTS", RedisScript.release.digest) == "1")
        }

        @Test func `numbers count up, whoever counts`() async throws {
            let server = try await RedisServer()
            server.cli("SET", "text", "no number")
            try await onLoop {
                let client = try makeClient(server.tcpURL, patient())
                let other = try makeClient(server.tcpURL, patient())
                #expect(try await time { await client.number("n") == 0 } != nil)
                #expect(try await time { await other.number("n") == 0 } != nil)
                #expect(await client.increment("n") == 1)
                #expect(await other.increment("n") == 2)
                #expect(await client.number("n") == 2)
                #expect(await client.number("text") == nil)
                #expect(await client.increment("text") == nil)
                client.close()
                other.close()
                #expect(await client.number("n") == nil)
            }
        }

        @Test func `messages arrive at all who listen, also after the server was away`() async throws {
            let server = try await RedisServer()
            let client = try await onLoop {
                let client = try makeClient(server.tcpURL, patient())
                return client
            }
            let heard = LogLines()
            func publish(_ text: String) async throws {
                try await onLoop {
                    let arrived = try await time {
                        await client.publish(text, to: "c")
                        try? await sleep(for: .milliseconds(10))
                        return heard.all.contains("c " + text) && heard.all.contains("d " + text)
                    }
                    #expect(arrived ?? .seconds(99) < .seconds(2))
                }
            }
            let other = try await onLoop {
                client.subscribe(to: "c") { heard.add("c " + $0) }
                client.subscribe(to: "other") { heard.add("wrong " + $0) }
                let other = try makeClient(server.tcpURL, patient())
                other.subscribe(to: "c") { heard.add("d " + $0) }
                return other
            }
            try await publish("first")
            server.kill()
            try await server.start()
            try await publish("second")
            #expect(!heard.all.contains { $0.hasPrefix("wrong") })
            try await onLoop {
                client.close()
                other.close()
            }
        }

        @Test func `a subscription that hangs is made anew`() async throws {
            // Takes SUBSCRIBE and then says nothing more, not even to PING.
            let server = ScriptedServer { connection in
                guard connection.greet() else { return }
                while !connection.read().isEmpty {}
            }
            try await onLoop {
                var settings = patient()
                settings.connections = 1
                let client = try makeClient(server.url, settings)
                client.subscribe(to: "c") { _ in }
                #expect(try await time { server.connections == 2 } != nil)
                #expect(try await time { server.connections == 3 } != nil)
                client.close()
            }
        }
    }
}
