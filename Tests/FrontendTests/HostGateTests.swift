// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import FrontendCore

/// Visits that end when they are told to.
@LoopActor
private final class Visits {
    let gate: HostGate
    var inside: [String] = []
    private(set) var most = 0
    private var tasks: [Task<Bool, any Error>] = []
    private var mayLeave = false

    init(limit: Int) { self.gate = HostGate(limit: limit) }

    func begin(_ host: String, waiting limit: Duration? = .seconds(30)) -> Task<Bool, any Error> {
        let task = spawn { () async throws -> Bool in
            try await self.gate.pass(to: host, waiting: limit) {
                self.inside.append(host)
                self.most = max(self.most, self.inside.count)
                while !self.mayLeave { try await sleep(for: .milliseconds(1)) }
                self.inside.removeFirst()
                return true
            }
        }
        self.tasks.append(task)
        return task
    }

    func settle() async throws { for _ in 0..<5 { try await sleep(for: .milliseconds(2)) } }

    func end() async throws {
        self.mayLeave = true
        for task in self.tasks { _ = try? await task.value }
        #expect(self.gate.count == 0)
    }
}

struct HostGateTests {
    @Test func `so many are let in, as many wait, and the rest is told to come back`() async throws {
        try await onLoop {
            let visits = Visits(limit: 3)
            let tasks = (0..<8).map { _ in visits.begin("a.test") }
            try await visits.settle()
            #expect(visits.inside.count == 3)
            for refused in tasks[6...] { await #expect(throws: FetchError.busy("a.test")) { try await refused.value } }
            try await visits.end()
            for task in tasks[..<6] { #expect(try await task.value) }
            #expect(visits.most == 3)
        }
    }

    @Test func `another host is another line`() async throws {
        try await onLoop {
            let visits = Visits(limit: 1)
            _ = visits.begin("a.test")
            _ = visits.begin("a.test")
            _ = visits.begin("b.test")
            try await visits.settle()
            #expect(visits.inside == ["a.test", "b.test"])
            try await visits.end()
        }
    }

    @Test func `who has waited too long is told, and is in nobody's way`() async throws {
        try await onLoop {
            let visits = Visits(limit: 1)
            _ = visits.begin("a.test")
            try await visits.settle()
            let late = visits.begin("a.test", waiting: .milliseconds(5))
            await #expect(throws: FetchError.self) { try await late.value }
            let next = visits.begin("a.test")
            try await visits.end()
            #expect(try await next.value)
        }
    }

    @Test func `who leaves the line while waiting gives nothing up but the place`() async throws {
        try await onLoop {
            let visits = Visits(limit: 1)
            _ = visits.begin("a.test")
            try await visits.settle()
            let leaving = visits.begin("a.test")
            try await visits.settle()
            leaving.cancel()
            await #expect(throws: CancellationError.self) { try await leaving.value }
            let next = visits.begin("a.test")
            try await visits.end()
            #expect(try await next.value)
        }
    }

    @Test func `a visit that fails leaves, too`() async throws {
        try await onLoop {
            let gate = HostGate(limit: 1)
            for _ in 0..<3 {
                await #expect(throws: FetchError.connect("no")) {
                    try await gate.pass(to: "a.test", waiting: nil) { throw FetchError.connect("no") }
                }
            }
            #expect(gate.count == 0)
        }
    }
}
