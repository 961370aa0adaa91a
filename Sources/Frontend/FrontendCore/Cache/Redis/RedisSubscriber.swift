// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Listens to channels, over a connection of its own that is made anew when it ends.
///
/// What is published meanwhile is lost: whoever waits for a message must be able to do without it.
@LoopActor
final class RedisSubscriber {
    private let settings: RedisSettings
    private let link: RedisLink
    private var channels: [String: @LoopActor (String) -> Void] = [:]
    private var heartbeat: LoopTimer?
    private var hasHeard = true
    private var saidRefused = false

    /// How often the server is asked for a sign of life. A connection that gave none in that time is made anew.
    private static let heartbeatInterval = Duration.seconds(2)

    init(settings: RedisSettings, login: RedisLogin, locate: @escaping @LoopActor () async -> RedisAddress?) {
        self.settings = settings
        self.link = RedisLink(settings: settings, login: login, locate: locate)
        self.link.onChange = { [weak self] in if $0 == nil { self?.connected() } }
        self.heartbeat = LoopTimer(after: Self.heartbeatInterval, every: Self.heartbeatInterval) { [weak self] in
            self?.beat()
        }
        self.link.start()
    }

    /// Calls `handler` with the text of every message on a channel. Messages are from outside.
    func subscribe(to channel: String, _ handler: @escaping @LoopActor (String) -> Void) {
        self.channels[channel] = handler
        self.link.connection?.post(RedisCommand("SUBSCRIBE", channel))
    }

    func close() {
        self.heartbeat?.stop()
        self.heartbeat = nil
        self.link.close()
        self.channels = [:]
    }

    private func connected() {
        guard let connection = self.link.connection else { return }
        self.hasHeard = true
        connection.onPush = { [weak self] in self?.received($0) }
        for channel in self.channels.keys { connection.post(RedisCommand("SUBSCRIBE", channel)) }
    }

    private func beat() {
        guard let connection = self.link.connection else { return }
        guard self.hasHeard else { return self.link.restart() }
        self.hasHeard = false
        connection.post(RedisCommand("PING"))
    }

    private func received(_ reply: RedisReply) {
        self.hasHeard = true
        switch reply {
        case .array(let parts) where parts.count == 3 && parts[0].text == "message":
            guard let channel = parts[1].text, let message = parts[2].text else { return }
            self.channels[channel]?(message)
        case .error(let error) where !self.saidRefused:
            self.saidRefused = true
            self.settings.log("redis: subscribing is refused (\(error.loggedName)); going without announcements")
        default: break
        }
    }
}
