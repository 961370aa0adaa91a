// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FrontendCore

struct WorkRateTests {
    /// Workers that do `work` milliseconds of cost a second, for some seconds.
    private func observed(_ work: Int64, seconds: Int, from rate: WorkRate = WorkRate(), at start: Int = 0) -> WorkRate
    {
        var rate = rate
        rate.note(isBacklogged: true, at: .seconds(start))
        for tenth in 1...seconds * 10 {
            rate.note(isBacklogged: true, at: .seconds(start) + .milliseconds(tenth * 100))
            rate.done(cost: work / 10)
        }
        return rate
    }

    @Test func `nothing is said of workers that nobody has waited for`() {
        var rate = WorkRate()
        #expect(rate.time(for: 1000) == nil)
        for second in 0..<100 {
            rate.note(isBacklogged: false, at: .seconds(second))
            rate.done(cost: 100)
        }
        #expect(rate.time(for: 1000) == nil)
    }

    @Test(arguments: [100, 1000, 20_000] as [Int64]) func `what was done in a time is done in it again`(work: Int64)
        throws
    {
        let wait = try #require(self.observed(work, seconds: 20).time(for: work * 3))
        #expect(wait > .milliseconds(2700))
        #expect(wait < .milliseconds(3300))
    }

    @Test func `what is new counts most`() throws {
        let slower = self.observed(100, seconds: 15, from: self.observed(1000, seconds: 60), at: 60)
        let wait = try #require(slower.time(for: 1000))
        #expect(wait > .seconds(4))
        #expect(wait < .seconds(10))
    }

    @Test func `idle time says nothing`() throws {
        var rate = self.observed(1000, seconds: 10)
        rate.note(isBacklogged: false, at: .seconds(10))
        rate.note(isBacklogged: true, at: .seconds(1000))
        let wait = try #require(rate.time(for: 1000))
        #expect(wait > .milliseconds(900))
        #expect(wait < .milliseconds(1100))
    }

    @Test func `with workers gone a wait is long, and never without end`() throws {
        var rate = self.observed(1000, seconds: 10)
        rate.note(isBacklogged: true, at: .seconds(500))
        let wait = try #require(rate.time(for: 1000))
        #expect(wait > .seconds(1000))
        #expect(wait <= .seconds(1_000_000))
        #expect(rate.time(for: 0) == .zero)
    }
}
