// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Foundation
import Glibc
import Testing

@testable import FrontendCore

extension RedisTests {
    struct Sentinel {
        /// A master, a replica, and sentinels that agree within a second.
        private final class Group: @unchecked Sendable {
            var master: RedisServer
            var replica: RedisServer
            var sentinels: [RedisServer] = []

            init(password: String? = nil, sentinelPassword: Bool = false) async throws {
                let auth =
                    ["repl-diskless-sync-delay 0"] + (password.map { ["requirepass \($0)", "masterauth \($0)"] } ?? [])
                self.master = try await RedisServer(auth)
                self.replica = try await RedisServer(auth + ["replicaof 127.0.0.1 \(self.master.port)"])
                for _ in 0..<3 {
                    var lines = [
                        "--sentinel", "sentinel monitor mymaster 127.0.0.1 \(self.master.port) 2",
                        "sentinel down-after-milliseconds mymaster 500", "sentinel failover-timeout mymaster 3000",
                    ]
                    if let password {
                        lines.append("sentinel auth-pass mymaster \(password)")
                        if sentinelPassword {
                            lines += ["requirepass \(password)", "sentinel sentinel-pass \(password)"]
                        }
                    }
                    self.sentinels.append(try await RedisServer(lines))
                }
                let auths = password.map { ["-a", $0] } ?? []
                for _ in 0..<500 {
                    let info = runTool(
                        "redis-cli",
                        ["-p", "\(self.sentinels[0].port)"] + (sentinelPassword ? auths : []) + ["INFO", "sentinel"])
                    if info.contains("status=ok,address=127.0.0.1:\(self.master.port),slaves=1,sentinels=3") { return }
                    try await Task.sleep(for: .milliseconds(50))
                }
                throw TestSetupError(description: "the sentinels do not find each other")
            }

            func url(_ user: String = "") -> String {
                // The first one is nobody, so that the list is really gone through.
                let hosts = ["127.0.0.1:1"] + self.sentinels.map { "127.0.0.1:\($0.port)" }
                return "redis+sentinel://\(user)\(hosts.joined(separator: ","))/mymaster"
            }
        }

        @Test func `the master is found, and followed when it dies`() async throws {
            let group = try await Group()
            let log = LogLines()
            let store = try await onLoop {
                let store = try makeStore(group.url(), standard(log))
                try await store.put("k", "v")
                return store
            }
            #expect(group.master.cli("EXISTS", "rediscache:k") == "1")
            // The replica must have it before the master goes.
            let isCopied = try await onLoop { try await time { group.replica.cli("EXISTS", "rediscache:k") == "1" } }
            #expect(isCopied != nil)
            group.master.kill()
            let start = ContinuousClock().now
            try await onLoop {
                // While nobody is elected there are misses, in time.
                let clock = ContinuousClock()
                let loadStart = clock.now
                _ = await store.load("k")
                #expect(clock.now - loadStart < .milliseconds(200))
                let back = try await time(limit: .seconds(30)) { await store.get("k") == "head v" }
                #expect(back != nil)
                try await store.put("k2", "v")
            }
            let total = ContinuousClock().now - start
            #expect(total < .seconds(15), "\(total)")
            #expect(group.replica.cli("EXISTS", "rediscache:k2") == "1")
            #expect(log.all.map { $0.contains("unavailable") } == [false, true, false], "\(log.all)")
            try await onLoop { await store.close() }
        }

        @Test func `a planned change of the master is followed at once`() async throws {
            let group = try await Group()
            let log = LogLines()
            let store = try await onLoop {
                let store = try makeStore(group.url(), standard(log))
                try await store.put("k", "v")
                return store
            }
            let isCopied = try await onLoop { try await time { group.replica.cli("EXISTS", "rediscache:k") == "1" } }
            #expect(isCopied != nil)
            group.sentinels[0].cli("SENTINEL", "FAILOVER", "mymaster")
            try await onLoop {
                let moved = try await time(limit: .seconds(20)) {
                    let body = Blob(Array("new".utf8))
                    await store.store("after", head: [], body: body, lifetime: nil)
                    return group.replica.cli("ROLE").hasPrefix("master")
                        && group.replica.cli("GET", "rediscache:after") == "new"
                }
                #expect(moved != nil)
                #expect(try await time { await store.get("k") == "head v" } ?? .seconds(99) < .seconds(2))
                await store.close()
            }
            #expect(log.all.count <= 3, "\(log.all)")
        }

        @Test(arguments: [false, true])
        func `servers that want a password get it, and sentinels only if they ask`(_ sentinelsToo: Bool) async throws {
            let group = try await Group(password: "s3cret", sentinelPassword: sentinelsToo)
            let log = LogLines()
            try await onLoop {
                let store = try makeStore(group.url(":s3cret@"), standard(log))
                try await store.put("k", "v")
                await store.close()
            }
            #expect(!log.all.joined().contains("s3cret"))
        }

        @Test func `a server that is no master is not used, whatever sentinels say`() async throws {
            let replica = try await RedisServer(["replicaof 127.0.0.1 1"])
            let liar = ScriptedServer { connection in
                while true {
                    let text = String(decoding: connection.read(), as: UTF8.self)
                    if text.isEmpty { return }
                    let port = "\(replica.port)"
                    connection.write(
                        text.contains("get-master-addr")
                            ? "*2\r\n$9\r\n127.0.0.1\r\n$\(port.count)\r\n\(port)\r\n" : "+PONG\r\n")
                }
            }
            replica.cli("SET", "rediscache:k", "v")
            let log = LogLines()
            try await onLoop {
                let store = try makeStore("redis+sentinel://127.0.0.1:\(liar.port)/mymaster", standard(log))
                let end = ContinuousClock().now + .milliseconds(500)
                while ContinuousClock().now < end {
                    #expect(await store.load("k") == nil)
                    try await sleep(for: .milliseconds(20))
                }
                await store.close()
            }
            #expect(log.all.count == 1, "\(log.all)")
            #expect(log.all.first?.contains("no master") == true)
        }
    }

    struct Cluster {
        /// Masters on the loopback interface, with all slots between them, and their replicas if wanted.
        private final class Nodes: @unchecked Sendable {
            var servers: [RedisServer] = []

            init(replicas: Int = 0, password: String? = nil) async throws {
                for _ in 0..<(3 * (1 + replicas)) {
                    var lines = [
                        "cluster-enabled yes", "cluster-node-timeout 1000", "cluster-require-full-coverage no",
                    ]
                    lines.append("repl-diskless-sync-delay 0")
                    if let password { lines += ["requirepass \(password)", "masterauth \(password)"] }
                    self.servers.append(try await RedisServer(lines))
                }
                let auth = password.map { ["-a", $0] } ?? []
                let output = runTool(
                    "redis-cli",
                    auth + ["--cluster", "create"] + self.servers.map { "127.0.0.1:\($0.port)" }
                        + ["--cluster-replicas", "\(replicas)", "--cluster-yes"])
                guard output.contains("[OK] All 16384 slots covered") else {
                    throw TestSetupError(description: "no cluster: \(output)")
                }
                for _ in 0..<500 {
                    let states = self.servers.map {
                        runTool("redis-cli", ["-p", "\($0.port)"] + auth + ["CLUSTER", "INFO"])
                    }
                    if states.allSatisfy({ $0.contains("cluster_state:ok") }) { return }
                    try await Task.sleep(for: .milliseconds(50))
                }
                throw TestSetupError(description: "the cluster does not get ready")
            }

            var url: String { "redis+cluster://127.0.0.1:1,127.0.0.1:\(self.servers[0].port)/" }
        }

        @LoopActor
        private static func fill(_ store: RedisStore, _ keys: Range<Int>) async throws {
            for key in keys { try await store.put("\(key)", "value \(key)") }
        }

        @Test func `keys are spread over the servers and found again`() async throws {
            let nodes = try await Nodes()
            let log = LogLines()
            let store = try await onLoop {
                let store = try makeStore(nodes.url, patient(log))
                try await Self.fill(store, 0..<60)
                for key in 0..<60 { #expect(await store.get("\(key)") == "head value \(key)") }
                await store.remove("7")
                #expect(await store.get("7") == nil)
                return store
            }
            let counts = nodes.servers.map { Int($0.cli("DBSIZE")) ?? 0 }
            #expect(counts.reduce(0, +) == 59)
            #expect(counts.allSatisfy { $0 > 5 }, "\(counts)")
            try await onLoop {
                // Leases, numbers and messages work as with one server.
                #expect(await store.client.takeLease("l", token: "a", for: .seconds(60)) == .taken)
                #expect(await store.client.takeLease("l", token: "b", for: .seconds(60)) == .held)
                await store.client.releaseLease("l", token: "a")
                #expect(await store.client.takeLease("l", token: "b", for: .seconds(60)) == .taken)
                #expect(await store.client.increment("n") == 1)
                var heard = 0
                store.client.subscribe(to: "c") { _ in heard += 1 }
                let arrived = try await time {
                    await store.client.publish("x", to: "c")
                    try? await sleep(for: .milliseconds(10))
                    return heard > 0
                }
                #expect(arrived != nil)
                await store.close()
            }
        }

        @Test func `a slot that moves is followed, before, while and after it does`() async throws {
            let nodes = try await Nodes()
            try await onLoop {
                let store = try makeStore(nodes.url, patient())
                try await Self.fill(store, 0..<10)
                let slot = ClusterSlots.slot(of: Array("rediscache:moving".utf8))
                try await store.put("moving", "v")
                let owners = nodes.servers.map { $0.cli("EXISTS", "rediscache:moving") == "1" }
                let from = try #require(owners.firstIndex(of: true))
                let to = (from + 1) % 3
                let (source, target) = (nodes.servers[from], nodes.servers[to])
                let (sourceID, targetID) = (source.cli("CLUSTER", "MYID"), target.cli("CLUSTER", "MYID"))
                target.cli("CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", sourceID)
                source.cli("CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", targetID)
                // Still there.
                #expect(await store.get("moving") == "head v")
                source.cli("MIGRATE", "127.0.0.1", "\(target.port)", "rediscache:moving", "0", "5000")
                // Only with ASKING.
                #expect(await store.get("moving") == "head v")
                await store.store("moving", head: [], body: Blob(Array("w".utf8)), lifetime: nil)
                #expect(await store.get("moving") == "w")
                for server in nodes.servers { server.cli("CLUSTER", "SETSLOT", "\(slot)", "NODE", targetID) }
                // MOVED.
                #expect(await store.get("moving") == "w")
                #expect(await store.get("moving") == "w")
                await store.close()
            }
        }

        @Test func `a server that is killed under load costs its own keys, until it is replaced`() async throws {
            let nodes = try await Nodes(replicas: 1)
            let log = LogLines()
            let store = try await onLoop {
                let store = try makeStore(nodes.url, standard(log))
                try await Self.fill(store, 0..<60)
                return store
            }
            // Replicas must have everything before a master goes.
            let masters = nodes.servers.filter { $0.cli("ROLE").hasPrefix("master") }
            #expect(masters.count == 3)
            for master in masters { #expect(master.cli("WAIT", "1", "5000") == "1") }
            let doomed = masters[1]
            let lost = try await onLoop {
                let load = spawn { () async throws -> (wrong: Int, slow: Int) in
                    var (wrong, slow) = (0, 0)
                    let clock = ContinuousClock()
                    while !Task.isCancelled {
                        for key in 0..<60 {
                            let start = clock.now
                            let value = await store.get("\(key)")
                            if clock.now - start > .milliseconds(300) { slow += 1 }
                            if let value, value != "head value \(key)" { wrong += 1 }
                        }
                        try? await sleep(for: .milliseconds(5))
                    }
                    return (wrong, slow)
                }
                try await sleep(for: .milliseconds(200))
                doomed.signal(SIGKILL)
                try await sleep(for: .milliseconds(400))
                var lost = 0
                for key in 0..<60 where await store.get("\(key)") == nil { lost += 1 }
                let back = try await time(limit: .seconds(30)) {
                    for key in 0..<60 where await store.get("\(key)") == nil { return false }
                    return true
                }
                #expect(back != nil)
                load.cancel()
                let result = try await load.value
                #expect(result.wrong == 0)
                #expect(result.slow == 0)
                return lost
            }
            // The others' keys were there all the time.
            #expect((1..<45).contains(lost), "\(lost)")
            try await onLoop { await store.close() }
        }

        @Test func `a cluster with a password`() async throws {
            let nodes = try await Nodes(password: "s3cret")
            try await onLoop {
                let url = "redis+cluster://:s3cret@127.0.0.1:\(nodes.servers[1].port)"
                let store = try makeStore(url, patient())
                try await Self.fill(store, 0..<10)
                for key in 0..<10 { #expect(await store.get("\(key)") == "head value \(key)") }
                await store.close()
            }
        }

        @Test func `servers that send us round in circles are left`() async throws {
            let port = freePort()
            let server = ScriptedServer { connection in
                guard connection.greet() else { return }
                while true {
                    let text = String(decoding: connection.read(), as: UTF8.self)
                    if text.isEmpty { return }
                    let slots = "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$0\r\n\r\n:\(port)\r\n"
                    connection.write(
                        text.contains("SLOTS") ? slots : "-MOVED 1 127.0.0.1:\(Int.random(in: 1..<65536))\r\n")
                }
            }
            try await onLoop {
                let store = try makeStore("redis+cluster://127.0.0.1:\(server.port)", standard())
                let end = ContinuousClock().now + .seconds(1)
                while ContinuousClock().now < end {
                    let start = ContinuousClock().now
                    #expect(await store.load("k") == nil)
                    #expect(ContinuousClock().now - start < .milliseconds(300))
                    try await sleep(for: .milliseconds(5))
                }
                await store.close()
            }
        }
    }
}
