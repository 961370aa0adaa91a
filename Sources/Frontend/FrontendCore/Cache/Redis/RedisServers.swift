// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// What stands behind a Redis URL: one server, the one that sentinels name, or a cluster.
@LoopActor
protocol RedisServers: AnyObject {
    /// Whether there is a connection that works.
    var isUp: Bool { get }

    /// Runs a command on the server that it concerns.
    ///
    /// - Returns: the answer, which may be an error; nil when there was none in time.
    func run(_ command: RedisCommand, atMost limit: Duration) async -> RedisReply?

    /// Where messages can be subscribed to; nil = nowhere at present.
    func subscriptionAddress() async -> RedisAddress?

    func close()
}
