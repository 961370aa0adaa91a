// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Lets only so many requests go to one host at a time, so that one that is slow does not take up everything there is.
/// As many again wait their turn; who comes after those is told to come back.
@LoopActor
final class HostGate {
    @LoopActor
    private final class Waiter {
        var continuation: UnsafeContinuation<Bool, Never>?
        var timer: LoopTimer?

        /// - Parameter isIn: false when its time has passed, or it was cancelled.
        func end(_ isIn: Bool) {
            self.timer?.stop()
            self.timer = nil
            self.continuation?.resume(returning: isIn)
            self.continuation = nil
        }
    }

    private struct Line {
        var inside = 0
        var waiters: [Waiter] = []
    }

    private let limit: Int
    private var lines: [String: Line] = [:]

    init(limit: Int) {
        self.limit = limit
    }

    /// Hosts that somebody is at, or waits for.
    var count: Int { self.lines.count }

    /// Runs `body` when it is its turn.
    ///
    /// - Parameter wait: how long that may take; nil = for ever.
    func pass<Value>(
        to host: String, waiting wait: Duration?, _ body: () async throws -> Value
    ) async throws -> Value {
        try await self.enter(host, wait)
        defer { self.leave(host) }
        return try await body()
    }

    private func enter(_ host: String, _ limit: Duration?) async throws {
        guard self.lines[host, default: Line()].inside >= self.limit else {
            self.lines[host, default: Line()].inside += 1
            return
        }
        guard self.lines[host, default: Line()].waiters.count < self.limit else { throw FetchError.busy(host) }
        let waiter = Waiter()
        let isIn = await withTaskCancellationHandler {
            guard !Task.isCancelled else { return false }
            return await withUnsafeContinuation { continuation in
                waiter.continuation = continuation
                if let limit {
                    waiter.timer = LoopTimer(after: limit) { [unowned self] in self.giveUp(waiter, host) }
                }
                self.lines[host, default: Line()].waiters.append(waiter)
            }
        } onCancel: {
            spawn { self.giveUp(waiter, host) }
        }
        guard !isIn else { return }
        try Task.checkCancellation()
        throw FetchError.timedOut(.total, "waiting for others that ask \(host)")
    }

    private func giveUp(_ waiter: Waiter, _ host: String) {
        // Whoever has been let in by now leaves as everybody does.
        guard let index = self.lines[host]?.waiters.firstIndex(where: { $0 === waiter }) else { return }
        self.lines[host]?.waiters.remove(at: index)
        waiter.end(false)
    }

    /// Hands the place on to whoever has waited longest.
    private func leave(_ host: String) {
        guard var line = self.lines[host] else { return }
        if line.waiters.isEmpty {
            line.inside -= 1
            self.lines[host] = line.inside > 0 ? line : nil
        } else {
            let next = line.waiters.removeFirst()
            self.lines[host] = line
            next.end(true)
        }
    }
}
