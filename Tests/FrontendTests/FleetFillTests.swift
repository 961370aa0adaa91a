// SPDX-License-Identifier: Apache-2.0

import Dispatch
import EventLoop
import Glibc
import Testing

@testable import FrontendCore

struct FleetFillMachineTests {
    private typealias Action = FleetFillMachine.Action

    @Test func `who gets the lease fills, unless somebody has just filled it`() {
        var machine = FleetFillMachine()
        #expect(machine.leaseAnswered(.taken, found: false) == .fill(holdsLease: true))

        for answer in [RedisClient.LeaseAnswer.taken, .held, .unavailable] {
            machine = FleetFillMachine()
            #expect(machine.leaseAnswered(answer, found: true) == .answer)
        }
    }

    @Test func `who does not waits, and looks when it is told`() {
        var machine = FleetFillMachine()
        #expect(machine.leaseAnswered(.held, found: false) == .wait)
        #expect(machine.announced(.stored) == .look)
        #expect(machine.looked(found: true) == .answer)

        machine = FleetFillMachine()
        _ = machine.leaseAnswered(.held, found: false)
        _ = machine.announced(.stored)
        // Gone again, or never there: nobody waits twice.
        #expect(machine.looked(found: false) == .fill(holdsLease: false))

        machine = FleetFillMachine()
        _ = machine.leaseAnswered(.held, found: false)
        #expect(machine.announced(.notStored) == .fill(holdsLease: false))
    }

    @Test func `an announcement that overtakes the answer is not lost`() {
        var machine = FleetFillMachine()
        #expect(machine.announced(.stored) == .none)
        #expect(machine.leaseAnswered(.held, found: false) == .look)

        machine = FleetFillMachine()
        #expect(machine.announced(.notStored) == .none)
        #expect(machine.leaseAnswered(.taken, found: false) == .fill(holdsLease: true))
    }

    @Test func `a lost announcement, or a leader that died, is made up for by asking again`() {
        var machine = FleetFillMachine()
        for _ in 0..<3 {
            #expect(machine.leaseAnswered(.held, found: false) == .wait)
            #expect(machine.pollIsDue() == .askForLease)
        }
        #expect(machine.leaseAnswered(.taken, found: false) == .fill(holdsLease: true))
    }

    @Test func `without Redis, or patience, it is filled here`() {
        var machine = FleetFillMachine()
        #expect(machine.leaseAnswered(.unavailable, found: false) == .fill(holdsLease: false))

        machine = FleetFillMachine()
        _ = machine.leaseAnswered(.held, found: false)
        #expect(machine.patienceEnded() == .fill(holdsLease: false))

        machine = FleetFillMachine()
        _ = machine.leaseAnswered(.held, found: false)
        _ = machine.pollIsDue()
        #expect(machine.leaseAnswered(.unavailable, found: false) == .fill(holdsLease: false))
    }

    @Test func `nothing more happens once it has ended`() {
        var machine = FleetFillMachine()
        _ = machine.leaseAnswered(.unavailable, found: false)
        #expect(machine.leaseAnswered(.taken, found: false) == .none)
        #expect(machine.announced(.stored) == .none)
        #expect(machine.pollIsDue() == .none)
        #expect(machine.patienceEnded() == .none)
        #expect(machine.looked(found: true) == .none)
    }
}

extension RedisTests {
    struct Fleet {
        /// One front: its connections, its store, and how often it filled.
        @LoopActor
        final class Front {
            let store: RedisStore
            let fleet: FleetFill
            private(set) var fills = 0

            init(_ server: RedisServer, _ settings: RedisSettings, poll: Duration = .milliseconds(150)) async throws {
                self.store = try makeStore(server.tcpURL, settings)
                self.fleet = FleetFill(self.store.client, leaseTime: .seconds(1), pollInterval: poll)
            }

            func ready() async throws {
                #expect(try await time { await self.store.client.number("none") == 0 } != nil)
                // A message to itself tells that the subscription stands.
                var heard = false
                self.store.client.subscribe(to: "ready") { _ in heard = true }
                let isThere = try await time {
                    await self.store.client.publish("x", to: "ready")
                    try? await sleep(for: .milliseconds(5))
                    return heard
                }
                #expect(isThere != nil)
            }

            func value(
                _ key: String, patience: Duration = .seconds(10), takes: Duration = .milliseconds(300),
                announces: FleetAnnouncement? = .stored
            ) async throws -> String {
                try await self.fleet.value(for: key, patience: patience) {
                    await self.store.get(key)
                } fill: { lease in
                    self.fills += 1
                    try await sleep(for: takes)
                    guard let announces else { throw Broken() }
                    if announces == .stored {
                        await self.store.store(key, head: Array("of ".utf8), body: Blob(Array(key.utf8)), lifetime: nil)
                    }
                    lease.end(announces)
                    return "of " + key
                }
            }

            func close() async { await self.store.close() }
        }

        struct Broken: Error {}

        @LoopActor
        private static func fronts(
            _ count: Int, _ server: RedisServer, _ settings: RedisSettings = patient(),
            poll: Duration = .milliseconds(150)
        ) async throws -> [Front] {
            var fronts: [Front] = []
            for _ in 0..<count { fronts.append(try await Front(server, settings, poll: poll)) }
            for front in fronts { try await front.ready() }
            return fronts
        }

        @Test func `a key is filled once, whichever front is asked`() async throws {
            let server = try await RedisServer()
            try await onLoop {
                // So slow to ask again that only the announcement explains the speed.
                let fronts = try await Self.fronts(3, server, poll: .seconds(60))
                let start = ContinuousClock().now
                let tasks = fronts.flatMap { front in
                    (0..<5).map { key in spawn { try await front.value("\(key)") } }
                }
                for (index, task) in tasks.enumerated() { #expect(try await task.value == "of \(index % 5)") }
                #expect(fronts.reduce(0) { $0 + $1.fills } == 5)
                #expect(ContinuousClock().now - start < .seconds(50))
                for front in fronts { await front.close() }
            }
            // All leases were given back.
            #expect(server.cli("KEYS", "imageproxy:*").isEmpty)
        }

        @Test func `the lease is asked for and the value looked for at the same time`() async throws {
            let looked = DispatchSemaphore(value: 0)
            let server = ScriptedServer { connection in
                guard connection.greet() else { return }
                while true {
                    let text = String(decoding: connection.read(), as: UTF8.self)
                    if text.isEmpty { return }
                    let (asksForLease, looks) = (text.contains("imageproxy:fill:"), text.contains("GETRANGE"))
                    if looks { looked.signal() }
                    if asksForLease {
                        // Nothing is said about the lease before the value is looked for, on whichever connection.
                        looked.wait()
                        connection.write("$-1\r\n")
                    }
                    if looks { connection.write("$1\r\nv\r\n") }
                    // Whether the connection stands.
                    if text.contains("none") { connection.write("$-1\r\n") }
                }
            }
            try await onLoop {
                let store = try makeStore(server.url, patient())
                let fleet = FleetFill(store.client)
                #expect(try await time { await store.client.number("none") == 0 } != nil)
                let value = try await fleet.value(for: "k", patience: .seconds(10)) {
                    await store.load("k").map { String(decoding: $0.bytes, as: UTF8.self) }
                } fill: { _ in
                    "made"
                }
                #expect(value == "v")
                await store.close()
            }
        }

        @Test func `who comes late finds it, and leaves no lease behind`() async throws {
            let server = try await RedisServer()
            let fronts = try await onLoop {
                let fronts = try await Self.fronts(2, server)
                _ = try await fronts[0].value("k")
                // So late that the lease is free again, as for somebody who looked just before it was filled.
                try await sleep(for: .milliseconds(100))
                #expect(try await fronts[1].value("k") == "of k")
                #expect(fronts[1].fills == 0)
                try await sleep(for: .milliseconds(100))
                return fronts
            }
            #expect(server.cli("KEYS", "imageproxy:*").isEmpty)
            try await onLoop { for front in fronts { await front.close() } }
        }

        @Test func `a fill that takes longer than the lease stays alone`() async throws {
            let server = try await RedisServer()
            try await onLoop {
                let fronts = try await Self.fronts(2, server)
                let first = spawn { try await fronts[0].value("k", takes: .seconds(3)) }
                try await sleep(for: .milliseconds(100))
                let second = spawn { try await fronts[1].value("k") }
                #expect(try await first.value == "of k")
                #expect(try await second.value == "of k")
                #expect(fronts[1].fills == 0)
                for front in fronts { await front.close() }
            }
        }

        @Test func `a front that dies costs its lease and no more`() async throws {
            let server = try await RedisServer()
            try await onLoop {
                let fronts = try await Self.fronts(2, server)
                let dying = spawn { try await fronts[0].value("k", takes: .seconds(60)) }
                try await sleep(for: .milliseconds(100))
                // Its connections end, as if the process had.
                await fronts[0].close()
                let start = ContinuousClock().now
                #expect(try await fronts[1].value("k") == "of k")
                #expect(fronts[1].fills == 1)
                #expect(ContinuousClock().now - start < .seconds(1.0 + 0.3 + 1.0))
                dying.cancel()
                _ = try? await dying.value
                await fronts[1].close()
            }
        }

        @Test func `what may not be kept is made by each, at the same time`() async throws {
            let server = try await RedisServer()
            try await onLoop {
                let fronts = try await Self.fronts(3, server, poll: .seconds(60))
                for outcome in [FleetAnnouncement.notStored, nil] {
                    let start = ContinuousClock().now
                    let tasks = fronts.map { front in
                        spawn { try await front.value("k \(outcome == nil)", announces: outcome) }
                    }
                    for task in tasks {
                        if outcome == nil {
                            // Its error is its own; the others try for themselves.
                            await #expect(throws: Broken.self) { try await task.value }
                        } else {
                            #expect(try await task.value == "of k false")
                        }
                    }
                    #expect(ContinuousClock().now - start < .seconds(3))
                }
                #expect(fronts.map(\.fills) == [2, 2, 2])
                for front in fronts { await front.close() }
            }
        }

        @Test func `patience ends`() async throws {
            let server = try await RedisServer()
            try await onLoop {
                let fronts = try await Self.fronts(2, server)
                let slow = spawn { try await fronts[0].value("k", takes: .seconds(5)) }
                try await sleep(for: .milliseconds(100))
                let start = ContinuousClock().now
                #expect(try await fronts[1].value("k", patience: .milliseconds(400), takes: .zero) == "of k")
                #expect(ContinuousClock().now - start >= .milliseconds(400))
                #expect(ContinuousClock().now - start < .seconds(2))
                slow.cancel()
                _ = try? await slow.value
                for front in fronts { await front.close() }
            }
        }

        @Test func `who waits and is not wanted any more goes at once`() async throws {
            let server = try await RedisServer()
            try await onLoop {
                let fronts = try await Self.fronts(2, server, poll: .seconds(60))
                let slow = spawn { try await fronts[0].value("k", takes: .seconds(5)) }
                try await sleep(for: .milliseconds(100))
                let waiting = spawn { try await fronts[1].value("k") }
                try await sleep(for: .milliseconds(100))
                let start = ContinuousClock().now
                waiting.cancel()
                await #expect(throws: CancellationError.self) { try await waiting.value }
                slow.cancel()
                // A leader that gives up lets the next one lead at once.
                await #expect(throws: CancellationError.self) { try await slow.value }
                #expect(try await fronts[1].value("k", takes: .zero) == "of k")
                #expect(ContinuousClock().now - start < .seconds(1))
                for front in fronts { await front.close() }
            }
        }

        @Test(arguments: [SIGKILL, SIGSTOP])
        func `without Redis everybody fills at once`(_ signal: Int32) async throws {
            let server = try await RedisServer()
            try await onLoop {
                let fronts = try await Self.fronts(2, server, standard())
                let slow = spawn { try await fronts[0].value("k", takes: .seconds(1)) }
                try await sleep(for: .milliseconds(50))
                let waiting = spawn { try await fronts[1].value("k", takes: .zero) }
                try await sleep(for: .milliseconds(50))
                server.signal(signal)
                let start = ContinuousClock().now
                #expect(try await waiting.value == "of k")
                #expect(ContinuousClock().now - start < .milliseconds(900))
                #expect(fronts[1].fills == 1)
                #expect(try await slow.value == "of k")
                // And with nobody there from the start.
                let again = ContinuousClock().now
                #expect(try await fronts[1].value("k2", takes: .zero) == "of k2")
                #expect(ContinuousClock().now - again < .milliseconds(900))
                for front in fronts { await front.close() }
                server.signal(SIGCONT)
            }
        }

        @Test func `announcements from strangers do no harm`() async throws {
            let server = try await RedisServer()
            try await onLoop {
                let fronts = try await Self.fronts(2, server)
                let first = spawn { try await fronts[0].value("k", takes: .seconds(1)) }
                try await sleep(for: .milliseconds(100))
                let second = spawn { try await fronts[1].value("k") }
                try await sleep(for: .milliseconds(50))
                let digest = Digest.hex(Digest.sha256("k"))
                for text in [
                    "", " ", "x", digest, digest + " ", digest + " 2", digest + " 11", "1 " + digest, "\0", "é 1",
                ] {
                    await fronts[0].store.client.publish(text, to: "imageproxy:fills")
                }
                try await sleep(for: .milliseconds(50))
                #expect(fronts[1].fills == 0)
                #expect(try await first.value == "of k")
                #expect(try await second.value == "of k")
                #expect(fronts[1].fills == 0)
                for front in fronts { await front.close() }
            }
        }
    }
}
