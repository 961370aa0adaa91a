// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Foundation
import Glibc
import Testing

@testable import FrontendCore

/// What a load may take beyond its limit on a busy machine.
private let slack = Duration.milliseconds(150)

extension RedisTests {
    struct Faults {
        /// Loads while something is wrong: each is a miss, within the time limit.
        @LoopActor
        private static func expectMisses(
            _ store: RedisStore, for duration: Duration, sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            let clock = ContinuousClock()
            let end = clock.now + duration
            while clock.now < end {
                let start = clock.now
                let value = await store.load("k")
                #expect(value == nil, sourceLocation: sourceLocation)
                #expect(clock.now - start < .milliseconds(50) + slack, sourceLocation: sourceLocation)
                // As in the service, nothing waits for what is stored.
                spawn { _ = await store.store("during", head: [1], body: Blob([2]), lifetime: nil) }
                try await sleep(for: .milliseconds(10))
            }
        }

        /// After recovery there are hits again within two seconds.
        @LoopActor
        private static func expectHits(
            _ store: RedisStore, _ value: String = "head v", sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            let duration = try await time { await store.get("k") == value }
            #expect(duration ?? .seconds(99) < .seconds(2), sourceLocation: sourceLocation)
        }

        @Test func `killed, and started again with nothing in it`() async throws {
            let server = try await RedisServer()
            let log = LogLines()
            let store = try await onLoop {
                let store = try makeStore(server.tcpURL, standard(log))
                try await store.put("k", "v")
                return store
            }
            for _ in 0..<2 {
                server.kill()
                try await onLoop { try await Self.expectMisses(store, for: .milliseconds(700)) }
                try await server.start()
                try await onLoop {
                    #expect(await store.get("k") == nil)
                    let back = try await time {
                        await store.store("k", head: Array("head ".utf8), body: Blob(Array("v".utf8)), lifetime: nil)
                        return await store.get("k") == "head v"
                    }
                    #expect(back ?? .seconds(99) < .seconds(2))
                }
            }
            // One line for each change: connected, (unavailable, connected) twice.
            #expect(log.all.count == 5, "\(log.all)")
            #expect(log.all.map { $0.contains("unavailable") } == [false, true, false, true, false])
            try await onLoop { await store.close() }
        }

        @Test func `stopped, and continued`() async throws {
            let server = try await RedisServer()
            let log = LogLines()
            try await onLoop {
                let store = try makeStore(server.tcpURL, standard(log))
                try await store.put("k", "v")
                server.signal(SIGSTOP)
                try await Self.expectMisses(store, for: .milliseconds(1500))
                // By now nobody asks it any more: a miss takes no time.
                let start = ContinuousClock().now
                for _ in 0..<20 { #expect(await store.load("k") == nil) }
                #expect(ContinuousClock().now - start < .milliseconds(50))
                server.signal(SIGCONT)
                try await Self.expectHits(store)
                #expect(log.all.count == 3, "\(log.all)")
                await store.close()
            }
        }

        @Test func `busy with something slow`() async throws {
            let server = try await RedisServer()
            let store = try await onLoop {
                let store = try makeStore(server.tcpURL, standard())
                try await store.put("k", "v")
                return store
            }
            let sleeper = Process()
            sleeper.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            sleeper.arguments = ["redis-cli", "-p", "\(server.port)", "DEBUG", "SLEEP", "1"]
            sleeper.standardOutput = FileHandle.nullDevice
            try sleeper.run()
            try await Task.sleep(for: .milliseconds(100))
            try await onLoop { try await Self.expectMisses(store, for: .milliseconds(600)) }
            sleeper.waitUntilExit()
            try await onLoop {
                try await Self.expectHits(store)
                await store.close()
            }
        }

        @Test func `two hundred milliseconds away`() async throws {
            let server = try await RedisServer()
            let proxy = DelayProxy(to: server.port)
            let log = LogLines()
            try await onLoop {
                let store = try makeStore(proxy.url, standard(log))
                try await store.put("k", "v")
                proxy.delay(200)
                try await Self.expectMisses(store, for: .milliseconds(2500))
                proxy.delay(0)
                try await Self.expectHits(store)
                #expect(log.all.count == 3, "\(log.all)")
                await store.close()
            }
        }

        static let nonsense: [String] = [
            "HTTP/1.1 400 Bad Request\r\n\r\n", "\r\n", "+PONG\r\n+PONG\r\n", "$-2\r\n", "$x\r\n",
            "$9223372036854775807\r\nabc", "*2147483647\r\n", "*-2\r\n", "*1000000\r\n",
            "*100000\r\n*100000\r\n*100000\r\n*100000\r\n",
            "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
            ":12x\r\n", ":99999999999999999999\r\n", "-MOVED\r\n-\r\n+\r\n",
            "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n",
            "\0\0\0\0", "%1\r\n+a\r\n+b\r\n",
        ]

        @Test(arguments: nonsense)
        func `answers nonsense`(text: String) async throws {
            let server = ScriptedServer { connection in
                while !connection.read().isEmpty { connection.write(text) }
            }
            let greeting = ScriptedServer { connection in
                guard connection.greet() else { return }
                while !connection.read().isEmpty { connection.write(text) }
            }
            let unasked = ScriptedServer { connection in
                connection.write(text)
                _ = connection.greet()
                _ = connection.read()
            }
            try await onLoop {
                for url in [server.url, greeting.url, unasked.url] {
                    let store = try makeStore(url, standard())
                    store.client.subscribe(to: "c") { _ in }
                    try await Self.expectMisses(store, for: .milliseconds(60))
                    await store.close()
                }
            }
        }

        @Test func `answers without end`() async throws {
            let line = [UInt8](repeating: UInt8(ascii: "a"), count: 1 << 16)
            let item = Array("$65520\r\n".utf8) + line.dropLast(16) + Array("\r\n".utf8)
            for start in ["+", "$", "$99999999999\r\n", "-", ":", "*", "*200000\r\n"] {
                let server = ScriptedServer { connection in
                    guard connection.greet(), !connection.read().isEmpty else { return }
                    connection.write(start)
                    // 1 GB, if somebody reads it.
                    for _ in 0..<(1 << 14) { connection.write(start.hasSuffix("000\r\n") ? item : line) }
                }
                try await onLoop {
                    // With so much time for an answer, only its size can end it.
                    let store = try makeStore(server.url, patient())
                    #expect(try await time { server.connections >= 2 } != nil)
                    try await sleep(for: .milliseconds(50))
                    let before = residentMemory()
                    let clock = ContinuousClock()
                    var most = 0
                    let watch = LoopTimer(after: .milliseconds(1), every: .milliseconds(1)) {
                        most = max(most, residentMemory() - before)
                    }
                    let begin = clock.now
                    #expect(await store.load("k") == nil)
                    #expect(clock.now - begin < .seconds(1), "\(start)")
                    watch.stop()
                    #expect(most < 50 << 20, "\(start)")
                    await store.close()
                }
            }
        }

        @Test func `answers one time too many`() async throws {
            let server = ScriptedServer { connection in
                guard connection.greet() else { return }
                var number = 0
                while !connection.read().isEmpty {
                    number += 1
                    connection.write("$3\r\n\(100 + number)\r\n$5\r\nwrong\r\n")
                }
            }
            try await onLoop {
                let store = try makeStore(server.url, standard())
                var hits = 0
                for _ in 0..<100 {
                    // The first answer of a connection, or none: it has ended with the second.
                    let value = await store.get("k")
                    if value != nil { hits += 1 }
                    #expect(value ?? "101" == "101")
                    try await sleep(for: .milliseconds(5))
                }
                #expect(hits > 0)
                await store.close()
            }
        }

        @Test func `answers other commands than were sent`() async throws {
            // Each kind of answer, to every command after the greeting.
            for answer in ["+OK\r\n", ":1\r\n", "*0\r\n", "*1\r\n$1\r\na\r\n", "$-1\r\n", "-ERR secret\r\n", "*-1\r\n"]
            {
                let server = ScriptedServer { connection in
                    guard connection.greet() else { return }
                    while !connection.read().isEmpty { connection.write(answer) }
                }
                try await onLoop {
                    let store = try makeStore(server.url, standard())
                    try await Self.expectMisses(store, for: .milliseconds(100))
                    _ = await store.client.takeLease("k", token: "t", for: .seconds(1))
                    _ = await store.client.number("k")
                    _ = await store.client.increment("k")
                    await store.client.releaseLease("k", token: "t")
                    await store.close()
                }
            }
        }

        @Test func `hangs up again and again`() async throws {
            let log = LogLines()
            let server = ScriptedServer { connection in if connection.greet() { _ = connection.read() } }
            try await onLoop {
                let store = try makeStore(server.url, standard(log))
                try await Self.expectMisses(store, for: .seconds(2))
                await store.close()
            }
            // Dialled again with growing waits, not in a loop.
            #expect(server.connections < 40)
        }

        @Test func `cuts an answer off in the middle`() async throws {
            let server = ScriptedServer { connection in
                guard connection.greet(), !connection.read().isEmpty else { return }
                connection.write("$1000\r\nHTTP/1.1 200 OK")
            }
            try await onLoop {
                let store = try makeStore(server.url, standard())
                try await Self.expectMisses(store, for: .milliseconds(500))
                await store.close()
            }
        }

        @Test func `a replica that takes no writes still answers`() async throws {
            let server = try await RedisServer()
            let log = LogLines()
            server.cli("SET", "rediscache:k", "head v")
            server.cli("REPLICAOF", "127.0.0.1", "1")
            // Without its master it would not answer at all.
            server.cli("CONFIG", "SET", "replica-serve-stale-data", "yes")
            try await onLoop {
                let store = try makeStore(server.tcpURL, standard(log))
                try await Self.expectHits(store)
                for _ in 0..<5 { await store.store("new", head: [], body: Blob([1]), lifetime: nil) }
                #expect(await store.load("new") == nil)
                server.cli("REPLICAOF", "NO", "ONE")
                #expect(
                    try await time {
                        await store.store("new", head: [], body: Blob([1]), lifetime: nil)
                        return await store.load("new") != nil
                    } ?? .seconds(99) < .seconds(2))
                await store.close()
            }
            #expect(
                log.all.dropFirst() == [
                    "redis: refuses to store (READONLY); what it has is still used", "redis: stores again",
                ])
        }

        @Test func `a full server keeps what it has`() async throws {
            let server = try await RedisServer(["maxmemory-policy noeviction"])
            let log = LogLines()
            server.cli("SET", "rediscache:k", "head v")
            server.cli("CONFIG", "SET", "maxmemory", "1")
            try await onLoop {
                let store = try makeStore(server.tcpURL, standard(log))
                try await Self.expectHits(store)
                for _ in 0..<5 { await store.store("new", head: [], body: Blob([1]), lifetime: nil) }
                #expect(await store.load("new") == nil)
                #expect(await store.get("k") == "head v")
                server.cli("CONFIG", "SET", "maxmemory", "0")
                await store.store("new", head: [], body: Blob([1]), lifetime: nil)
                await store.close()
            }
            #expect(
                log.all.dropFirst() == [
                    "redis: refuses to store (OOM); what it has is still used", "redis: stores again",
                ])
        }

        @Test func `a wrong password, and then the right one`() async throws {
            let server = try await RedisServer()
            let log = LogLines()
            server.cli("SET", "rediscache:k", "head v")
            server.cli("CONFIG", "SET", "requirepass", "right")
            let wrong = try await onLoop {
                let store = try makeStore("redis://:s3cret@127.0.0.1:\(server.port)", standard(log))
                try await Self.expectMisses(store, for: .milliseconds(600))
                let none = try makeStore(server.tcpURL, standard(log))
                try await Self.expectMisses(none, for: .milliseconds(600))
                await none.close()
                return store
            }
            #expect(log.all.count == 2, "\(log.all)")
            #expect(log.all.first?.contains("WRONGPASS") == true)
            #expect(log.all.last?.contains("NOAUTH") == true)
            server.cli("-a", "right", "CONFIG", "SET", "requirepass", "s3cret")
            try await onLoop {
                try await Self.expectHits(wrong)
                await wrong.close()
            }
            #expect(!log.all.joined().contains("s3cret"))
        }

        /// `ERR unknown command 'AUTH', with args beginning with: 's3cret'` is what a real server says.
        @Test func `a server that repeats the password does not get it into the log`() async throws {
            let log = LogLines()
            let server = ScriptedServer { connection in
                while true {
                    let text = String(decoding: connection.read(), as: UTF8.self)
                    if text.isEmpty { return }
                    connection.write("-ERR unknown command, with args: \(text.filter { !$0.isNewline })\r\n")
                }
            }
            try await onLoop {
                let store = try makeStore("redis://me:s3cret@127.0.0.1:\(server.port)", standard(log))
                try await Self.expectMisses(store, for: .milliseconds(200))
                await store.close()
            }
            #expect(log.all.count == 1, "\(log.all)")
            #expect(!log.all.joined().contains("s3cret"))
        }

        @Test func `not there at the start, and then there`() async throws {
            let port = freePort()
            let log = LogLines()
            let store = try await onLoop {
                let store = try makeStore("redis://localhost:\(port)", standard(log))
                try await Self.expectMisses(store, for: .milliseconds(800))
                return store
            }
            let server = try await RedisServer(port: port)
            server.cli("SET", "rediscache:k", "head v")
            try await onLoop {
                try await Self.expectHits(store)
                await store.close()
            }
            #expect(log.all.map { $0.contains("unavailable") } == [true, false], "\(log.all)")
        }

        @Test func `a name that nobody knows costs misses`() async throws {
            let log = LogLines()
            try await onLoop {
                let store = try makeStore("redis://no-such-host.invalid", standard(log))
                try await Self.expectMisses(store, for: .milliseconds(300))
                await store.close()
            }
        }

        @Test func `loading its data is not being ready`() async throws {
            let server = ScriptedServer { connection in
                while !connection.read().isEmpty {
                    connection.write("-LOADING Redis is loading the dataset in memory\r\n")
                }
            }
            let log = LogLines()
            try await onLoop {
                let store = try makeStore(server.url, standard(log))
                try await Self.expectMisses(store, for: .milliseconds(300))
                await store.close()
            }
            #expect(log.all.count == 1, "\(log.all)")
            #expect(log.all.first?.contains("not ready (LOADING)") == true)
        }

        /// A server may close connections that are idle; that is no outage.
        @Test func `a connection that was good and is closed is replaced without a word`() async throws {
            let server = try await RedisServer()
            let log = LogLines()
            let store = try await onLoop {
                let store = try makeStore(server.tcpURL, standard(log))
                try await store.put("k", "v")
                try await sleep(for: .seconds(5.2))
                return store
            }
            server.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            try await onLoop {
                try await Self.expectHits(store)
                await store.close()
            }
            #expect(log.all.count == 1, "\(log.all)")
        }
    }
}

/// Bytes.
private func residentMemory() -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
}
