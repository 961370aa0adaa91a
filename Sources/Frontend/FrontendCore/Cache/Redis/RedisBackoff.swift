// SPDX-License-Identifier: Apache-2.0

/// How long to wait before a server is dialled again.
///
/// The waits double up to a longest one, which is short enough that a server that has come back is used again within
/// two seconds, and are never equal, so that many fronts do not dial at the same moment.
struct RedisBackoff {
    private static let shortest = Duration.milliseconds(25)
    private static let longest = Duration.milliseconds(500)
    /// A connection that lasted this long was a good one, and its end says nothing about the next.
    private static let goodLife = Duration.seconds(5)

    private var next = RedisBackoff.shortest
    private var connectedAt: ContinuousClock.Instant?

    mutating func connected(at now: ContinuousClock.Instant) {
        self.connectedAt = now
    }

    /// Whether the connection that there is, or was until now, has proved itself.
    func isProven(at now: ContinuousClock.Instant) -> Bool {
        self.connectedAt.map { now - $0 >= Self.goodLife } ?? false
    }

    /// The wait after a connection was lost or could not be made.
    ///
    /// - Parameter jitter: 0 ..< 1.
    mutating func failed(at now: ContinuousClock.Instant, jitter: Double) -> Duration {
        if self.isProven(at: now) { self.next = Self.shortest }
        self.connectedAt = nil
        defer { self.next = min(self.next * 2, Self.longest) }
        return self.next * (0.8 + 0.4 * jitter)
    }
}
