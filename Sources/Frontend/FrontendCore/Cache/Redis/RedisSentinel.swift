// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// The server that sentinels name as the master, followed when that changes.
///
/// Sentinels are asked whenever a connection has to be made, and one of them tells when the master has moved. What they
/// say is checked: a server is used only if it calls itself a master.
@LoopActor
final class RedisSentinel: RedisServers {
    private let sentinels: [RedisAddress]
    private let master: String
    private let settings: RedisSettings
    private let login: RedisLogin
    private let clock = ContinuousClock()
    /// The sentinel that has answered last.
    private var current = 0
    /// The sentinel that is listened to.
    private var watched = -1
    private var node: RedisNode!
    private var watcher: RedisSubscriber!
    private var isAsking = false
    private var isClosed = false

    /// The time for one sentinel; the next one is asked after it.
    private static let askLimit = Duration.milliseconds(300)
    private static let channel = "+switch-master"

    init(_ sentinels: [RedisAddress], master: String, settings: RedisSettings, login: RedisLogin) {
        precondition(!sentinels.isEmpty, "the URL has at least one")
        self.sentinels = sentinels
        self.master = master
        self.settings = settings
        self.login = login
        self.node = RedisNode(
            label: "master \(master)", settings: settings, login: login,
            locate: { [weak self] in await self?.masterAddress() }, prepare: { await Self.checkRole($0, settings) })
        // Sentinels have no database, and most have no password.
        self.watcher = RedisSubscriber(settings: settings, login: RedisLogin()) { [weak self] in
            guard let self else { return nil }
            // Another one each time: the last one may be the one that has gone.
            self.watched += 1
            return self.sentinels[self.watched % self.sentinels.count]
        }
        self.watcher.subscribe(to: Self.channel) { [weak self] message in
            guard let self else { return }
            // "name old-address old-port new-address new-port"
            if message.split(separator: " ").first.map(String.init) == self.master { self.follow() }
        }
    }

    var isUp: Bool { self.node.isUp }

    func run(_ command: RedisCommand, atMost limit: Duration) async -> RedisReply? {
        let reply = await self.node.run(command, atMost: limit)
        // It was the master when we came.
        if case .error(let error) = reply, error.code == "READONLY" { self.follow() }
        return reply
    }

    func subscriptionAddress() async -> RedisAddress? { await self.masterAddress() }

    func close() {
        self.isClosed = true
        self.watcher.close()
        self.node.close()
    }

    /// Goes where the master is now.
    private func follow() {
        guard !self.isAsking, !self.isClosed else { return }
        self.isAsking = true
        spawn {
            let address = await self.masterAddress()
            self.isAsking = false
            if let address, !self.isClosed { self.node.move(to: address) }
        }
    }

    private func masterAddress() async -> RedisAddress? {
        for offset in 0..<self.sentinels.count {
            let index = (self.current + offset) % self.sentinels.count
            if let address = await self.ask(self.sentinels[index]) {
                self.current = index
                return address
            }
        }
        return nil
    }

    private func ask(_ sentinel: RedisAddress) async -> RedisAddress? {
        guard case .tcp(let host, let port) = sentinel,
            let numeric = await HostLookup.addresses(of: host, atMost: Self.askLimit).first,
            let connection = try? RedisConnection(.tcp(host: numeric, port: port), settings: self.settings)
        else { return nil }
        let deadline = self.clock.now + Self.askLimit
        defer { connection.close() }
        func ask(_ command: RedisCommand) async -> RedisReply? {
            await connection.send(command, atMost: self.clock.now.duration(to: deadline))
        }
        let question = RedisCommand("SENTINEL", "get-master-addr-by-name", self.master)
        var reply = await ask(question)
        if case .error(let error) = reply, error.code == "NOAUTH", let password = self.login.password {
            // It wants a password: most likely the servers' own. It gets that only because it asked.
            let command = self.login.user.map { RedisCommand("AUTH", $0, password) } ?? RedisCommand("AUTH", password)
            _ = await ask(command)
            reply = await ask(question)
        }
        guard case .array(let parts) = reply, parts.count == 2, let address = parts[0].text, let port = parts[1].text
        else {
            return nil
        }
        return RedisAddress(host: address, port: port)
    }

    private static func checkRole(_ connection: RedisConnection, _ settings: RedisSettings) async -> RedisFailure? {
        switch await connection.send(RedisCommand("ROLE"), atMost: settings.connectLimit) {
        case .array(let parts) where parts.first?.text == "master": nil
        // A server that does not let us ask has to be believed.
        case .error(let error) where error.code == "NOPERM": nil
        case nil: .unreachable("does not answer")
        default: .unreachable("the server that the sentinels name is no master")
        }
    }
}
