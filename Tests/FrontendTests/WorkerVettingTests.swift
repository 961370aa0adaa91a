// SPDX-License-Identifier: Apache-2.0

import Testing
import WorkerProtocol

@testable import FrontendCore

struct WorkerVettingTests {
    private static func hello(_ layers: SandboxLayers) -> WorkerConnection.Offer {
        .hello(Hello(sandbox: layers, decodes: 6, encodes: 6, versions: WorkerVersions([])))
    }

    @Test func `a worker gets jobs when it has the layers that are asked for`() {
        let cases: [(SandboxRequirement, SandboxLayers, Bool)] = [
            (.off, [], true), (.standard, [], false), (.standard, [.seccomp], true),
            (.standard, .all.subtracting(.seccomp), false), (.strict, .all.subtracting(.limits), false),
            (.strict, .all, true),
        ]
        for (requirement, layers, isAccepted) in cases {
            var vetting = WorkerVetting(requirement: requirement)
            #expect(vetting.verdict(on: Self.hello(layers), at: .now) == (isAccepted ? .accepted : .rejected))
            #expect(vetting.sandbox == layers)
            #expect(vetting.rejectsAll == !isAccepted)
            #expect(vetting.seen.all.count == 1)
        }
    }

    @Test func `that all are sent away is said when it lasts, and no longer than it does`() {
        var vetting = WorkerVetting(requirement: .standard)
        let start = ContinuousClock.now
        #expect(vetting.rejection(at: start) == nil)
        for second in 0..<4 {
            #expect(vetting.verdict(on: .foreign(9), at: start + .seconds(second)) == .rejected)
            // Who says nothing says nothing about the others.
            #expect(vetting.verdict(on: .none, at: start + .seconds(second)) == .silent)
            #expect((vetting.rejection(at: start + .seconds(second)) != nil) == (second > 2))
        }
        #expect(vetting.verdict(on: Self.hello(.all), at: start + .seconds(5)) == .accepted)
        #expect(vetting.rejection(at: start + .seconds(9)) == nil && !vetting.rejectsAll)
    }
}
