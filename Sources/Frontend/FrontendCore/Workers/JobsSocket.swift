// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Platform

/// A socket on which workers accept, as a front sees it.
struct JobsSocket {
    let path: String
    /// Connections to it that no keeper has taken yet.
    var ticketsOut = 0
    private(set) var isReachable = true
    /// When a worker there has said hello last.
    var lastHello: ContinuousClock.Instant?
    private var lastAnswer: ContinuousClock.Instant?

    init(path: String) { self.path = path }

    /// Whether it was asked long enough ago to ask again, only to know. A health check comes every second or so.
    func isWorthAsking(at now: ContinuousClock.Instant) -> Bool {
        self.lastAnswer.map { now - $0 >= .seconds(1) } ?? true
    }

    /// Takes note of what trying to connect has led to; nil = it was possible.
    ///
    /// - Returns: whether that is news.
    mutating func note(_ error: SystemError?, at now: ContinuousClock.Instant) -> Bool {
        // A full queue is no failure: there are workers, and they are busy.
        let isReachable = error.map { $0.code == EAGAIN } ?? true
        defer { self.isReachable = isReachable }
        self.lastAnswer = now
        return self.isReachable != isReachable
    }
}
