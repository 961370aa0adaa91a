// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import Testing

/// Counts what it is told, on the loop.
@LoopActor
private final class Counter {
    var count = 0
    var order: [Int] = []
}

/// Runs `body` many times, and sees that handles do not become more. Other suites use the same loop, and open and close
/// handles meanwhile: a leak shows in each of several rounds, theirs do not.
private func expectNoLeak(
    times: Int = 200, _ body: @escaping @LoopActor () async throws -> Void
) async throws {
    try await onLoop {
        var smallestGrowth = Int.max
        for _ in 0..<10 where smallestGrowth >= times / 2 {
            let before = Loop.shared.openHandles
            for _ in 0..<times { try await body() }
            // Closing takes a turn of the loop.
            for _ in 0..<100 where Loop.shared.openHandles >= before + times / 2 {
                try await sleep(for: .milliseconds(10))
            }
            smallestGrowth = min(smallestGrowth, Loop.shared.openHandles - before)
        }
        #expect(smallestGrowth < times / 2)
    }
}

struct EventLoopTests {
    // MARK: Tasks

    @Test func `a task stays on the loop`() async throws {
        try await onLoop {
            #expect(Loop.shared.isCurrent)
            try await sleep(for: .milliseconds(1))
            #expect(Loop.shared.isCurrent)
            _ = await work { 1 }
            #expect(Loop.shared.isCurrent)
            let value = try await spawn { () async throws -> Bool in Loop.shared.isCurrent }.value
            #expect(value)
        }
        #expect(!Loop.shared.isCurrent)
    }

    @Test func `many tasks from many threads all run`() async throws {
        let counter = try await onLoop { Counter() }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<500 {
                group.addTask { await spawn { counter.count += 1 }.value }
            }
        }
        #expect(try await onLoop { counter.count } == 500)
    }

    @Test func `tasks that never wait for I/O do not keep timers from firing`() async throws {
        try await onLoop {
            let counter = Counter()
            LoopTimer(after: .milliseconds(20)) { counter.count = 1 }
            let end = ContinuousClock().now + .seconds(5)
            while counter.count == 0, ContinuousClock().now < end { await Task.yield() }
            #expect(counter.count == 1)
        }
    }

    // MARK: Timers

    @Test func `timers fire in the order of their times, and not early`() async throws {
        try await onLoop {
            let counter = Counter()
            let start = ContinuousClock().now
            for delay in [60, 20, 40] { LoopTimer(after: .milliseconds(delay)) { counter.order.append(delay) } }
            try await sleep(for: .milliseconds(80))
            #expect(ContinuousClock().now - start >= .milliseconds(80))
            for _ in 0..<100 where counter.order.count < 3 { try await sleep(for: .milliseconds(10)) }
            #expect(counter.order == [20, 40, 60])
        }
    }

    @Test func `a timer set late in a long turn does not fire early`() async throws {
        try await onLoop {
            usleep(50_000)
            let start = ContinuousClock().now
            try await sleep(for: .milliseconds(30))
            #expect(ContinuousClock().now - start >= .milliseconds(30))
        }
    }

    @Test func `a fraction of a millisecond is waited for in full`() async throws {
        try await onLoop {
            let start = ContinuousClock().now
            try await sleep(for: .microseconds(100))
            #expect(ContinuousClock().now - start >= .microseconds(100))
        }
    }

    @Test func `a repeating timer fires until it is stopped, from within itself too`() async throws {
        try await onLoop {
            let counter = Counter()
            var timer: LoopTimer?
            timer = LoopTimer(after: .milliseconds(1), every: .milliseconds(1)) {
                counter.count += 1
                if counter.count == 5 { timer?.stop() }
            }
            for _ in 0..<500 where counter.count < 5 { try await sleep(for: .milliseconds(2)) }
            try await sleep(for: .milliseconds(20))
            #expect(counter.count == 5)
            timer = nil
        }
    }

    @Test func `a stopped timer does not fire`() async throws {
        try await onLoop {
            let counter = Counter()
            let timer = LoopTimer(after: .milliseconds(5)) { counter.count += 1 }
            timer.stop()
            timer.stop()
            try await sleep(for: .milliseconds(30))
            #expect(counter.count == 0)
        }
    }

    @Test func `timers leave no handle`() async throws {
        try await expectNoLeak {
            LoopTimer(after: .zero) {}
            LoopTimer(after: .seconds(1000)) {}.stop()
            try await sleep(for: .zero)
        }
    }

    // MARK: Sleep

    @Test func `a cancelled sleep ends at once, and says so`() async throws {
        try await onLoop {
            let start = ContinuousClock().now
            let task = spawn { () async throws -> Bool in
                try await sleep(for: .seconds(1000))
                return true
            }
            try await sleep(for: .milliseconds(5))
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(ContinuousClock().now - start < .seconds(10))
        }
    }

    @Test func `a sleep of a task that is cancelled already does not begin`() async throws {
        try await onLoop {
            let task = spawn { () async throws -> Bool in
                try await sleep(for: .seconds(1000))
                return true
            }
            // Before it has had its first turn.
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test func `cancelled sleeps leave no handle`() async throws {
        try await expectNoLeak {
            let task = spawn { () async throws -> Void in try await sleep(for: .seconds(1000)) }
            await Task.yield()
            task.cancel()
            _ = try? await task.value
        }
    }

    // MARK: Work

    @Test func `work runs beside the loop, and its value comes back`() async throws {
        try await onLoop {
            let counter = Counter()
            let timer = LoopTimer(after: .milliseconds(5), every: .milliseconds(5)) { counter.count += 1 }
            let isOnLoop = await work { () -> Bool in
                usleep(300_000)
                return Loop.shared.isCurrent
            }
            timer.stop()
            #expect(!isOnLoop)
            // Other tests keep the loop busy as well: once is enough to show that it went on.
            #expect(counter.count >= 1)
            var values: [Int] = []
            for number in 0..<20 { values.append(await work { number * number }) }
            #expect(values == (0..<20).map { $0 * $0 })
        }
    }

    // MARK: Signals

    @Test func `a signal is told on the loop until the watcher is stopped`() async throws {
        try await onLoop {
            let counter = Counter()
            let watcher = SignalWatcher(SIGWINCH) { counter.count += 1 }
            for expected in 1...3 {
                kill(getpid(), SIGWINCH)
                for _ in 0..<500 where counter.count < expected { try await sleep(for: .milliseconds(2)) }
                #expect(counter.count == expected)
            }
            watcher.stop()
            watcher.stop()
            try await sleep(for: .milliseconds(5))
            // Ignored by default.
            kill(getpid(), SIGWINCH)
            try await sleep(for: .milliseconds(20))
            #expect(counter.count == 3)
        }
        try await expectNoLeak { SignalWatcher(SIGWINCH) {}.stop() }
    }
}

struct PollerTests {
    /// A pipe whose ends are closed with it.
    private final class Ends: Sendable {
        let reading: Int32
        let writing: Int32

        init() {
            var ends: [Int32] = [-1, -1]
            precondition(pipe(&ends) == 0)
            (self.reading, self.writing) = (ends[0], ends[1])
        }

        deinit {
            close(self.reading)
            close(self.writing)
        }

        func write() { _ = Glibc.write(self.writing, "x", 1) }
    }

    @Test func `what can be read is told`() async throws {
        try await onLoop {
            let ends = Ends()
            let poller = try Poller(ends.reading)
            LoopTimer(after: .milliseconds(5)) { ends.write() }
            #expect(await poller.wait(for: .readable, atMost: .seconds(10)) == .readable)
            // It has not been read, so it is still there.
            #expect(await poller.wait(for: .readable, atMost: .seconds(10)) == .readable)
            poller.close()
        }
    }

    @Test func `a wait ends with its time`() async throws {
        try await onLoop {
            let ends = Ends()
            let poller = try Poller(ends.reading)
            let start = ContinuousClock().now
            #expect(await poller.wait(for: .readable, atMost: .milliseconds(30)) == nil)
            #expect(ContinuousClock().now - start >= .milliseconds(30))
            // And the next one works.
            ends.write()
            #expect(await poller.wait(for: .readable, atMost: .seconds(10)) == .readable)
            poller.close()
        }
    }

    @Test func `what comes while nobody waits is told to who waits next`() async throws {
        try await onLoop {
            let ends = Ends()
            let poller = try Poller(ends.reading)
            LoopTimer(after: .milliseconds(5)) { ends.write() }
            #expect(await poller.wait(for: .readable, atMost: .seconds(10)) == .readable)
            // The loop has turned meanwhile, and has found somebody who does not care.
            try await sleep(for: .milliseconds(5))
            #expect(await poller.wait(for: .readable, atMost: .seconds(10)) == .readable)
            #expect(await poller.wait(for: [.readable, .writable], atMost: .seconds(10)) == .readable)
            poller.close()
        }
    }

    @Test func `a wait ends when its poller is closed, or its task cancelled`() async throws {
        try await onLoop {
            let ends = Ends()
            let closed = try Poller(ends.reading)
            LoopTimer(after: .milliseconds(5)) { closed.close() }
            #expect(await closed.wait(for: .readable) == nil)
            #expect(await closed.wait(for: .readable) == nil)

            let other = Ends()
            let poller = try Poller(other.reading)
            let task = spawn { () async throws -> Poller.Events? in await poller.wait(for: .readable) }
            try await sleep(for: .milliseconds(5))
            task.cancel()
            #expect(try await task.value == nil)
            other.write()
            #expect(await poller.wait(for: .readable, atMost: .seconds(10)) == .readable)
            poller.close()
        }
    }

    @Test func `what cannot be watched is refused`() async throws {
        try await onLoop {
            _ = #expect(throws: LoopError.self) { _ = try Poller(-1) }
        }
    }

    @Test func `pollers leave no handle`() async throws {
        try await expectNoLeak {
            let ends = Ends()
            let poller = try Poller(ends.reading)
            let task = spawn { () async throws -> Poller.Events? in
                await poller.wait(for: .readable, atMost: .seconds(9))
            }
            await Task.yield()
            poller.close()
            _ = try await task.value
            #expect(throws: LoopError.self) { _ = try Poller(-1) }
        }
    }

    @Test func `a turn that takes long is seen`() async throws {
        try await onLoop {
            usleep(60_000)
            // That turn is over when the loop is about to wait, which on a busy machine it need not be at once.
            var longest = Duration.zero
            for _ in 0..<100 where longest < .milliseconds(30) {
                try await sleep(for: .milliseconds(10))
                longest = max(longest, Loop.shared.longestTurn(forgetting: true))
            }
            #expect(longest >= .milliseconds(30))
        }
    }
}
