// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FrontendCore

struct FailureLogTests {
    @Test func `lines are limited, and those left out are counted once`() {
        var limit = LineLimit(burst: 3, perSecond: 2)
        let start = Duration.seconds(1_000_000)
        #expect((0..<5).map { _ in limit.admits(at: start) } == [true, true, true, false, false])
        #expect(limit.takeLeftOut() == 2)
        #expect(limit.takeLeftOut() == 0)
        // Two a second, and never more at once than at first.
        #expect((0..<3).map { _ in limit.admits(at: start + .seconds(1)) } == [true, true, false])
        #expect((0..<4).map { _ in limit.admits(at: start + .seconds(1000)) } == [true, true, true, false])
        #expect(limit.takeLeftOut() == 2)
    }

    @Test(arguments: [(0, 1), (1, 1), (999, 1), (1000, 1), (1001, 2), (4200, 5), (59_001, 60), (10_000_000, 60)])
    func `who comes back too early would come for nothing`(milliseconds: Int, seconds: Int64) {
        var busy = Busy(reason: .queue, detail: "")
        busy.wait = .milliseconds(milliseconds)
        #expect(busy.retryAfter == seconds)
        let answer = Responder(passedHeaders: []).answer(RequestError(busy))
        #expect(answer.headers.contains { $0 == ("Retry-After", "\(seconds)") })
    }
}
