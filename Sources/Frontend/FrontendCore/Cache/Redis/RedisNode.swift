// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// One server, and the few connections to it.
@LoopActor
final class RedisNode: RedisServers {
    private let label: String
    private let settings: RedisSettings
    private let locate: @LoopActor () async -> RedisAddress?
    private var links: [RedisLink] = []
    /// What the log said last.
    private var logged: Logged?
    private var isClosed = false

    private enum Logged {
        case up
        case down(RedisFailure)
    }

    /// Called when the first connection works, and when none does any more.
    var onChange: (@LoopActor (_ isUp: Bool) -> Void)?

    var isUp: Bool { self.links.contains { $0.connection != nil } }

    /// - Parameters:
    ///   - label: what the log calls it.
    ///   - locate: where it is now.
    ///   - prepare: what a connection must pass before it is used.
    init(
        label: String, settings: RedisSettings, login: RedisLogin,
        locate: @escaping @LoopActor () async -> RedisAddress?,
        prepare: @escaping @LoopActor (RedisConnection) async -> RedisFailure? = { _ in nil }
    ) {
        self.label = label
        self.settings = settings
        self.locate = locate
        for _ in 0..<settings.connections {
            let link = RedisLink(settings: settings, login: login, locate: locate, prepare: prepare)
            link.onChange = { [weak self] in self?.changed($0) }
            self.links.append(link)
            link.start()
        }
    }

    convenience init(_ address: RedisAddress, settings: RedisSettings, login: RedisLogin) {
        self.init(label: "\(address)", settings: settings, login: login, locate: { address })
    }

    func run(_ command: RedisCommand, atMost limit: Duration) async -> RedisReply? {
        await self.leastBusy?.send(command, atMost: limit)
    }

    /// Runs a command that the server takes only directly behind ASKING.
    func runAsking(_ command: RedisCommand, atMost limit: Duration) async -> RedisReply? {
        await self.leastBusy?.send(RedisCommand("ASKING"), before: command, atMost: limit)
    }

    func subscriptionAddress() async -> RedisAddress? { await self.locate() }

    /// Gives up connections that lead elsewhere.
    func move(to address: RedisAddress) {
        for link in self.links where link.connection != nil && link.address != address { link.restart() }
    }

    func close() {
        self.isClosed = true
        self.onChange = nil
        for link in self.links { link.close() }
    }

    /// The connection with the fewest bytes to send, and among equals the fewest answers to come.
    private var leastBusy: RedisConnection? {
        self.links.compactMap(\.connection).min {
            ($0.queuedBytes, $0.queuedCommands) < ($1.queuedBytes, $1.queuedCommands)
        }
    }

    private func changed(_ failure: RedisFailure?) {
        guard !self.isClosed else { return }
        switch (failure, self.logged) {
        case (nil, .up): return
        case (nil, _):
            self.logged = .up
            self.settings.log("redis: \(self.label) is connected")
        case (let failure?, let logged):
            // The other connection still works: nothing to tell, and nothing is lost.
            guard !self.isUp else { return }
            if case .down(let known) = logged, known.isSameKind(as: failure) { return }
            self.logged = .down(failure)
            self.settings.log("redis: \(self.label) is unavailable, answering without it: \(failure.reason)")
        }
        self.onChange?(failure == nil)
    }
}
