// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FrontendCore

struct JobQueueTests {
    @Test func `jobs of equal cost are done in the order in which they came`() {
        var queue = JobQueue<Int>(capacity: 10)
        for number in 0..<5 { _ = queue.push(number, cost: 10, now: 0) }
        #expect((0..<5).map { _ in queue.pop() } == [0, 1, 2, 3, 4])
        #expect(queue.pop() == nil)
    }

    @Test func `a small job overtakes a large one that came just before it`() {
        var queue = JobQueue<String>(capacity: 10)
        _ = queue.push("large", cost: 500, now: 0)
        _ = queue.push("small", cost: 5, now: 100)
        #expect(queue.pop() == "small")
    }

    @Test func `a large job that has waited long is overtaken by nobody`() {
        var queue = JobQueue<String>(capacity: 10)
        _ = queue.push("large", cost: 1_000_000, now: 0)
        _ = queue.push("small", cost: 0, now: JobQueue<String>.maximumHandicap + 1)
        #expect(queue.pop() == "large")
    }

    @Test func `a full queue takes no more, but takes back what it gave out`() {
        var queue = JobQueue<Int>(capacity: 2)
        #expect(queue.push(1, cost: 0, now: 0) != nil)
        #expect(queue.push(2, cost: 0, now: 0) != nil)
        #expect(queue.push(3, cost: 0, now: 0) == nil)
        _ = queue.pushFirst(4, cost: 0)
        #expect(queue.pop() == 4)
    }

    @Test func `what is removed never comes out, whatever else happens`() {
        var queue = JobQueue<Int>(capacity: 1000)
        var generator = SystemRandomNumberGenerator()
        var expected: Set<Int> = []
        var tickets: [Int: UInt64] = [:]
        for number in 0..<500 {
            tickets[number] = queue.push(
                number, cost: Int64.random(in: 0...3000, using: &generator), now: Int64(number))
            expected.insert(number)
        }
        for number in stride(from: 0, to: 500, by: 3) {
            let isRemoved = queue.remove(tickets[number] ?? 0)
            #expect(isRemoved)
            expected.remove(number)
        }
        var turns: Set<Int> = []
        while let number = queue.pop() { turns.insert(number) }
        #expect(turns == expected)
    }

    @Test func `the cost of all that waits is known`() {
        var queue = JobQueue<Int>(capacity: 3)
        let first = queue.push(1, cost: 10, now: 0)
        _ = queue.push(2, cost: 5000, now: 0)
        _ = queue.pushFirst(3, cost: 7)
        _ = queue.push(4, cost: 1, now: 0)
        #expect(queue.cost == 5017)
        let isRemoved = queue.remove(first ?? 0)
        #expect(isRemoved)
        #expect(queue.cost == 5007)
        #expect(queue.pop() == 3)
        #expect(queue.cost == 5000)
        _ = queue.pop()
        #expect(queue.cost == 0)
    }
}
