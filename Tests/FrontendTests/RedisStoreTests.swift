// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Foundation
import Glibc
import Testing

@testable import FrontendCore

extension RedisTests {
    struct Store {
        @Test(arguments: [true, false])
        func `what is stored is loaded, under the key that the original uses`(overUnix: Bool) async throws {
            let server = try await RedisServer()
            let store = try await onLoop {
                let store = try makeStore(overUnix ? server.unixURL : server.tcpURL, patient())
                try await store.put("http://a/b#1x", "body")
                return store
            }
            #expect(server.cli("KEYS", "*") == "rediscache:http://a/b#1x")
            #expect(server.cli("GET", "rediscache:http://a/b#1x") == "head body")
            #expect(server.cli("TTL", "rediscache:http://a/b#1x") == "-1")
            try await onLoop {
                #expect(await store.get("http://a/b#2x") == nil)
                await store.remove("http://a/b#1x")
                #expect(await store.get("http://a/b#1x") == nil)
                await store.close()
            }
        }

        @Test func `what the original has stored is found`() async throws {
            let server = try await RedisServer()
            server.cli("SET", "rediscache:k", "HTTP/1.1 200 OK")
            try await onLoop {
                let store = try makeStore(server.tcpURL, patient())
                #expect(try await time { await store.get("k") == "HTTP/1.1 200 OK" } != nil)
                await store.close()
            }
        }

        @Test func `an entry lives as long as it was given`() async throws {
            let server = try await RedisServer()
            let store = try await onLoop {
                let store = try makeStore(server.tcpURL, patient())
                try await store.put("warm", "up")
                await store.store("k", head: [65], body: Blob([66]), lifetime: .seconds(60))
                await store.store("gone", head: [65], body: Blob([66]), lifetime: .milliseconds(20))
                try await sleep(for: .milliseconds(100))
                #expect(await store.get("gone") == nil)
                #expect(await store.get("k") == "AB")
                return store
            }
            let left = Int(server.cli("PTTL", "rediscache:k")) ?? 0
            #expect((50_000...60_000).contains(left))
            try await onLoop { await store.close() }
        }

        @Test func `large values come and go whole, too large ones go by`() async throws {
            let server = try await RedisServer()
            let log = LogLines()
            server.cli("EVAL", "redis.call('SET', 'rediscache:foreign', string.rep('x', 20000000)) return 1", "0")
            let store = try await onLoop {
                var settings = patient(log)
                settings.maximumEntryBytes = 3_000_000
                let store = try makeStore(server.tcpURL, settings)
                try await store.put("large", "old")
                for count in [1, 65_535, 65_536, 65_537, 262_144, 2_999_999, 3_000_000] {
                    let body = Blob(count: count - 1) { buffer in
                        for index in buffer.indices { buffer[index] = UInt8(truncatingIfNeeded: index &* 7 >> 3) }
                    }
                    await store.store("large", head: [9], body: body, lifetime: nil)
                    let loaded = try #require(await store.load("large"))
                    #expect(loaded.count == count)
                    #expect(loaded.bytes.first == 9)
                    #expect(loaded.bytes.dropFirst().elementsEqual(body.bytes))
                }
                // Somebody else's value, of any size, costs a miss and nothing else.
                for _ in 0..<3 { #expect(await store.load("foreign") == nil) }
                await store.store("large", head: [9], body: Blob(count: 3_000_000) { _ in }, lifetime: nil)
                #expect(await store.load("large") == nil)
                return store
            }
            #expect(server.cli("EXISTS", "rediscache:large") == "0")
            #expect(log.all.count == 1, "\(log.all)")
            try await onLoop { await store.close() }
        }

        @Test func `who may only GET is served by GET`() async throws {
            let server = try await RedisServer()
            server.cli("ACL", "SETUSER", "old", "on", ">pw", "~*", "+get", "+set", "+del")
            server.cli("SET", "rediscache:k", "v")
            try await onLoop {
                let store = try makeStore("redis://old:pw@127.0.0.1:\(server.port)", patient())
                #expect(try await time { await store.get("k") == "v" } != nil)
                #expect(await store.get("none") == nil)
                await store.close()
            }
        }

        @Test func `a value of another kind is a miss`() async throws {
            let server = try await RedisServer()
            server.cli("LPUSH", "rediscache:list", "x")
            server.cli("SET", "rediscache:empty", "")
            try await onLoop {
                let store = try makeStore(server.tcpURL, patient())
                try await store.put("k", "v")
                #expect(await store.get("list") == nil)
                #expect(await store.get("empty") == nil)
                #expect(await store.get("k") == "head v")
                await store.close()
            }
        }

        @Test func `login, database and name are those of the URL`() async throws {
            let server = try await RedisServer()
            let log = LogLines()
            server.cli("ACL", "SETUSER", "me", "on", ">p@ss w", "~*", "+@all")
            server.cli("CONFIG", "SET", "requirepass", "default-pw")
            let store = try await onLoop {
                let store = try makeStore("redis://me:p%40ss%20w@127.0.0.1:\(server.port)/3", patient(log))
                try await store.put("k", "v")
                return store
            }
            let clients = server.cli("-a", "default-pw", "CLIENT", "LIST").split(separator: "\n")
                .filter { $0.contains("name=imageproxy") }
            #expect(clients.count == 2)
            #expect(clients.allSatisfy { $0.contains("db=3") && $0.contains("user=me") })
            try await onLoop {
                await store.close()
                let other = try makeStore(server.tcpURL, password: "default-pw", patient(log))
                try await other.put("k2", "v")
                #expect(await other.get("k") == nil)
                await other.close()
            }
            #expect(!log.all.joined().contains("pw"))
            #expect(!log.all.joined().contains("p@ss"))
        }

        /// The original's one connection, shared without order, served wrong pictures under load.
        @Test func `ten thousand loads at once all get their own value`() async throws {
            let server = try await RedisServer()
            let script = """
                for i = 0, 9999 do redis.call('SET', 'rediscache:' .. i, string.rep(i .. ';', 1 + i % 97 * (i % 13))) end
                """
            server.cli("EVAL", script, "0")
            try await onLoop {
                var settings = patient()
                settings.loadLimit = .seconds(60)
                settings.maximumQueuedCommands = 20_000
                let store = try makeStore(server.tcpURL, settings)
                try await store.put("warm", "up")
                let tasks = (0..<10_000).map { number in
                    spawn { () async throws -> Bool in
                        // Some ask for what is not there, so that answers of all kinds are mixed.
                        if number % 7 == 3 { guard await store.load("none \(number)") == nil else { return false } }
                        let expected = String(repeating: "\(number);", count: 1 + number % 97 * (number % 13))
                        return await store.get("\(number)") == expected
                    }
                }
                var right = 0
                for task in tasks where try await task.value { right += 1 }
                #expect(right == 10_000)
                await store.close()
            }
        }

        @Test func `loads that were given up do not shift the answers of others`() async throws {
            let server = try await RedisServer()
            for number in 0..<50 { server.cli("SET", "rediscache:\(number)", "value \(number)") }
            let proxy = DelayProxy(to: server.port)
            proxy.delay(1)
            try await onLoop {
                let connection = try RedisConnection(.tcp(host: "127.0.0.1", port: proxy.port), settings: patient())
                var givenUp = 0
                for round in 0..<300 {
                    let (first, second) = (round % 50, (round * 7 + 1) % 50)
                    // Some have no time to be answered in.
                    let limit = Duration.milliseconds(1 + round % 4)
                    let hasty = spawn { () async throws -> String? in
                        await connection.send(RedisCommand("GET", "rediscache:\(first)"), atMost: limit)?.text
                    }
                    let patient = spawn { () async throws -> String? in
                        await connection.send(RedisCommand("GET", "rediscache:\(second)"), atMost: .seconds(5))?.text
                    }
                    let answer = try await hasty.value
                    if answer == nil { givenUp += 1 }
                    #expect(answer ?? "value \(first)" == "value \(first)")
                    #expect(try await patient.value == "value \(second)")
                }
                // Or else this has shown nothing.
                #expect(givenUp > 20)
                connection.close()
            }
        }

        @Test func `beyond the bounds of the queue there are misses, and nothing is kept`() async throws {
            let server = try await RedisServer()
            try await onLoop {
                var settings = patient()
                settings.maximumQueuedBytes = 1 << 20
                settings.maximumQueuedCommands = 10
                settings.connections = 1
                let store = try makeStore(server.tcpURL, settings)
                try await store.put("k", "v")
                // The server stands still, so that what is sent stays where it is.
                server.signal(SIGSTOP)
                let blob = Blob(count: 300_000) { _ in }
                let stores = (0..<10).map { number in
                    spawn { await store.store("s\(number)", head: [], body: blob, lifetime: nil) }
                }
                try await sleep(for: .milliseconds(20))
                let start = ContinuousClock().now
                let loads = (0..<50).map { _ in spawn { () async throws -> Bool in await store.load("k") == nil } }
                try await sleep(for: .milliseconds(20))
                server.signal(SIGCONT)
                var misses = 0
                for task in loads where try await task.value { misses += 1 }
                #expect(misses >= 40)
                #expect(ContinuousClock().now - start < .seconds(4))
                for task in stores { _ = try await task.value }
                #expect(await store.get("k") == "head v")
                await store.close()
            }
        }

        @Test func `no worker inherits the socket, and nothing is left after the end`() async throws {
            let server = try await RedisServer()
            let (store, before) = try await onLoop {
                let before = (descriptors: openDescriptors(), handles: Loop.shared.openHandles)
                let store = try makeStore(server.unixURL, patient())
                try await store.put("k", "v")
                return (store, before)
            }
            #expect(server.ourClients == 2)
            let inherited = runTool("sh", ["-c", "ls -l /proc/self/fd"]).components(separatedBy: "socket:").count - 1
            let flags = redisSockets(server.socketPath).map { fcntl($0, F_GETFD) }
            #expect(flags.count == 2)
            #expect(flags.allSatisfy { $0 & FD_CLOEXEC != 0 }, "\(inherited) sockets in a child")
            try await onLoop {
                await store.close()
                // Many times, so that one that leaks is not lost among what other tests do meanwhile.
                for _ in 0..<100 {
                    let store = try makeStore(server.unixURL, patient())
                    store.client.subscribe(to: "c") { _ in }
                    #expect(try await time { await store.get("k") == "head v" } != nil)
                    await store.close()
                }
                #expect(try await time { Loop.shared.openHandles < before.handles + 50 } != nil)
                #expect(try await time { openDescriptors() < before.descriptors + 50 } != nil)
            }
            #expect(redisSockets(server.socketPath).isEmpty)
            let left = try await onLoop { try await time { server.ourClients == 0 } }
            #expect(left != nil)
        }

        @Test func `nothing waits for a store that was closed`() async throws {
            let server = try await RedisServer()
            try await onLoop {
                let store = try makeStore(server.tcpURL, patient())
                try await store.put("k", "v")
                server.signal(SIGSTOP)
                let load = spawn { () async throws -> Bool in await store.load("k") == nil }
                try await sleep(for: .milliseconds(20))
                let start = ContinuousClock().now
                await store.close()
                #expect(try await load.value)
                #expect(await store.load("k") == nil)
                await store.store("k", head: [], body: Blob([1]), lifetime: nil)
                #expect(ContinuousClock().now - start < .seconds(1))
                server.signal(SIGCONT)
            }
        }
    }
}

private func openDescriptors() -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
}

/// Our descriptors that are connected to a Unix socket.
private func redisSockets(_ path: String) -> [Int32] {
    (0..<4096).filter { descriptor in
        var address = sockaddr_un()
        var length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &length) }
        }
        guard status == 0, address.sun_family == sa_family_t(AF_UNIX) else { return false }
        return withUnsafeBytes(of: &address.sun_path) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) } == path
    }
}
