// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// The commands that the front needs of Redis, each with its types and its time limit.
///
/// All of them share the same few connections. None fails: a server that cannot be asked is an answer as well.
@LoopActor
final class RedisClient {
    /// What became of something that was to be stored.
    enum Stored: Equatable {
        case stored
        /// With the code of the server's error: `OOM`, `READONLY`, …
        case refused(String)
        case unavailable
    }

    enum LeaseAnswer: Equatable {
        case taken
        /// Somebody else has it.
        case held
        case unavailable
    }

    let settings: RedisSettings
    private let servers: any RedisServers
    private let login: RedisLogin
    private var subscriber: RedisSubscriber?
    /// Until a server forbids it.
    private var mayGetRange = true
    private var isClosed = false

    /// Starts to connect; until there is a connection everything is unavailable.
    init(_ url: RedisURL, settings: RedisSettings = RedisSettings()) {
        self.settings = settings
        self.login = url.login
        self.servers =
            switch url.place {
            case .server(let address): RedisNode(address, settings: settings, login: url.login)
            case .sentinels(let addresses, let master):
                RedisSentinel(addresses, master: master, settings: settings, login: url.login)
            case .cluster(let seeds): RedisCluster(seeds: seeds, settings: settings, login: url.login)
            }
    }

    /// Lets go of all connections. What waits gets no answer.
    func close() {
        self.isClosed = true
        self.subscriber?.close()
        self.subscriber = nil
        self.servers.close()
    }

    /// Whether any server can be asked.
    var isUp: Bool { self.servers.isUp }

    // MARK: Values

    /// The bytes under a key; nil when there are none, or more than an entry may have.
    func bytes(_ key: String) async -> Blob? {
        // GETRANGE, so that a value of any size costs no more than the largest that is wanted.
        let limit = self.settings.maximumEntryBytes
        let command =
            self.mayGetRange
            ? RedisCommand("GETRANGE", key, "0", "\(limit)", key: key) : RedisCommand("GET", key, key: key)
        switch await self.load(command) {
        // GETRANGE of a missing key is empty.
        case .bytes(let blob) where blob.count > 0 && blob.count <= limit: return blob
        case .error(let error) where error.code == "NOPERM" && self.mayGetRange:
            self.mayGetRange = false
            return await self.bytes(key)
        default: return nil
        }
    }

    /// - Parameter lifetime: nil = for ever.
    func store(_ key: String, head: [UInt8], body: Blob, lifetime: Duration?) async -> Stored {
        let command = RedisCommand(set: key, head: head, body: body, lifetime: lifetime)
        switch await self.servers.run(command, atMost: self.settings.storeLimit) {
        case .some(let reply) where reply.isOK: return .stored
        case .error(let error): return .refused(error.loggedName)
        default: return .unavailable
        }
    }

    func remove(_ key: String) async {
        _ = await self.servers.run(RedisCommand("DEL", key, key: key), atMost: self.settings.storeLimit)
    }

    // MARK: Numbers

    /// Adds one to the number under a key, which begins at zero.
    ///
    /// - Returns: the new number; nil when it could not be changed, or nobody knows whether it was.
    func increment(_ key: String) async -> Int64? {
        guard case .integer(let number) = await self.load(RedisCommand("INCR", key, key: key)) else { return nil }
        return number
    }

    /// Adds one to a number that is forgotten `lifetime` after the last time.
    ///
    /// - Returns: the new number; nil when it could not be changed, or nobody knows whether it was.
    func increment(_ key: String, for lifetime: Duration) async -> Int64? {
        let reply = await self.run(
            .count, key, ["\(RedisCommand.milliseconds(lifetime))"], atMost: self.settings.loadLimit)
        guard case .integer(let number) = reply else { return nil }
        return number
    }

    /// The number under a key, 0 when there is none; nil when nobody can say.
    func number(_ key: String) async -> Int64? {
        switch await self.load(RedisCommand("GET", key, key: key)) {
        case .bytes(let blob): blob.withBytes { String(validating: $0.prefix(20), as: UTF8.self).flatMap { Int64($0) } }
        case .null: 0
        default: nil
        }
    }

    // MARK: Leases

    /// Takes a lease unless somebody has it.
    ///
    /// `unavailable` may hide that it was taken: release it all the same.
    func takeLease(_ key: String, token: String, for duration: Duration) async -> LeaseAnswer {
        let milliseconds = "\(RedisCommand.milliseconds(duration))"
        switch await self.load(RedisCommand("SET", key, token, "NX", "PX", milliseconds, key: key)) {
        case .some(let reply) where reply.isOK: return .taken
        case .null: return .held
        default: return .unavailable
        }
    }

    /// Keeps a lease for `duration` from now; without effect when it is not ours any more.
    func extendLease(_ key: String, token: String, for duration: Duration) async {
        _ = await self.run(
            .extend, key, [token, "\(RedisCommand.milliseconds(duration))"], atMost: self.settings.loadLimit)
    }

    /// Gives a lease back; without effect when it is not ours any more.
    func releaseLease(_ key: String, token: String) async {
        _ = await self.run(.release, key, [token], atMost: self.settings.loadLimit)
    }

    // MARK: Anything else

    /// Runs a script on the server that has the key.
    func run(
        _ script: RedisScript, _ key: String, _ arguments: [String], atMost limit: Duration
    ) async -> RedisReply? {
        let rest = ["1", key] + arguments
        let reply = await self.servers.run(RedisCommand(["EVALSHA", script.digest] + rest, key: key), atMost: limit)
        guard case .error(let error) = reply, error.code == "NOSCRIPT" else { return reply }
        return await self.servers.run(RedisCommand(["EVAL", script.source] + rest, key: key), atMost: limit)
    }

    /// Runs a command that no request waits for.
    func query(_ command: RedisCommand) async -> RedisReply? {
        await self.servers.run(command, atMost: self.settings.storeLimit)
    }

    // MARK: Messages

    func publish(_ message: String, to channel: String) async {
        _ = await self.load(RedisCommand("PUBLISH", channel, message))
    }

    /// Calls `handler` with every message on a channel, from whenever the server has heard of it until `close`.
    func subscribe(to channel: String, _ handler: @escaping @LoopActor (String) -> Void) {
        guard !self.isClosed else { return }
        let servers = self.servers
        let subscriber =
            self.subscriber
            ?? RedisSubscriber(settings: self.settings, login: self.login) { await servers.subscriptionAddress() }
        self.subscriber = subscriber
        subscriber.subscribe(to: channel, handler)
    }

    private func load(_ command: RedisCommand) async -> RedisReply? {
        await self.servers.run(command, atMost: self.settings.loadLimit)
    }
}
