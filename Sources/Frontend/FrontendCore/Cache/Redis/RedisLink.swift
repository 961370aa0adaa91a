// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Keeps one connection to a server: makes it, greets, and makes another when it has ended.
///
/// While there is none, nothing waits for one. A connection whose answers come too late counts as ended, and the next is
/// used only once it has answered in time: this is the circuit breaker, and the greeting is its probe.
@LoopActor
final class RedisLink {
    private let settings: RedisSettings
    private let login: RedisLogin
    private let locate: @LoopActor () async -> RedisAddress?
    private let prepare: @LoopActor (RedisConnection) async -> RedisFailure?
    private let clock = ContinuousClock()
    private var backoff = RedisBackoff()
    private var retry: LoopTimer?
    private var dialling: RedisConnection?
    private var isBusy = false
    private var attempts = 0
    private var isClosed = false

    /// The connection, while there is one that works.
    private(set) var connection: RedisConnection?
    /// Where it leads.
    private(set) var address: RedisAddress?

    /// Called with nil when there is a connection, with the reason when there is none and none could be made.
    var onChange: (@LoopActor (RedisFailure?) -> Void)?

    /// - Parameters:
    ///   - locate: says where to connect, each time anew; nil = nowhere at present.
    ///   - prepare: what else a connection must pass before it is used.
    init(
        settings: RedisSettings, login: RedisLogin, locate: @escaping @LoopActor () async -> RedisAddress?,
        prepare: @escaping @LoopActor (RedisConnection) async -> RedisFailure? = { _ in nil }
    ) {
        self.settings = settings
        self.login = login
        self.locate = locate
        self.prepare = prepare
    }

    func start() {
        guard !self.isClosed, !self.isBusy, self.connection == nil else { return }
        self.retry?.stop()
        self.retry = nil
        self.isBusy = true
        spawn {
            let failure = await self.dial()
            self.isBusy = false
            if let failure, !self.isClosed { self.failed(failure) }
        }
    }

    /// Gives up the connection for one to where `locate` says now.
    func restart() {
        guard let connection else { return self.start() }
        self.connection = nil
        connection.close()
        self.start()
    }

    func close() {
        self.isClosed = true
        self.onChange = nil
        self.retry?.stop()
        self.retry = nil
        self.dialling?.close()
        self.connection?.close()
        self.connection = nil
    }

    // MARK: Dialling

    private func dial() async -> RedisFailure? {
        guard !self.isClosed else { return nil }
        guard let address = await self.locate() else { return .unreachable("no server is known") }
        guard let numeric = await self.lookUp(address) else { return .unreachable("its name has no address") }
        guard !self.isClosed else { return nil }
        let connection: RedisConnection
        do throws(RedisFailure) {
            connection = try RedisConnection(numeric, settings: self.settings)
        } catch {
            return error
        }
        self.dialling = connection
        let refusal = await self.greet(connection)
        self.dialling = nil
        if let failure = connection.failure ?? refusal {
            connection.close()
            return failure
        }
        self.backoff.connected(at: self.clock.now)
        self.connection = connection
        self.address = address
        connection.onEnd = { [weak self] in self?.lost($0) }
        self.onChange?(nil)
        return nil
    }

    /// The next of the host's addresses, at each attempt another.
    private func lookUp(_ address: RedisAddress) async -> RedisAddress? {
        guard case .tcp(let host, let port) = address else { return address }
        let addresses = await HostLookup.addresses(of: host, atMost: self.settings.connectLimit)
        guard !addresses.isEmpty else { return nil }
        self.attempts += 1
        return .tcp(host: addresses[(self.attempts - 1) % addresses.count], port: port)
    }

    private func lost(_ failure: RedisFailure) {
        self.connection = nil
        // A server that closes idle connections, or was restarted, is back before anybody has noticed.
        guard self.backoff.isProven(at: self.clock.now), failure != .tooLate else { return self.failed(failure) }
        self.start()
    }

    private func failed(_ failure: RedisFailure) {
        let wait = self.backoff.failed(at: self.clock.now, jitter: .random(in: 0..<1))
        self.retry = LoopTimer(after: wait) { [weak self] in
            self?.retry = nil
            self?.start()
        }
        self.onChange?(failure)
    }

    // MARK: Greeting

    private func greet(_ connection: RedisConnection) async -> RedisFailure? {
        let deadline = self.clock.now + self.settings.connectLimit
        func ask(_ command: RedisCommand) async -> RedisReply? {
            await connection.send(command, atMost: self.clock.now.duration(to: deadline))
        }
        let silence = RedisFailure.unreachable("does not answer")

        if let password = self.login.password {
            let command = self.login.user.map { RedisCommand("AUTH", $0, password) } ?? RedisCommand("AUTH", password)
            guard let reply = await ask(command) else { return silence }
            guard reply.isOK else { return .rejected("refuses the login" + reply.reasonInBrackets) }
        }
        if self.login.database != 0 {
            guard let reply = await ask(RedisCommand("SELECT", "\(self.login.database)")) else { return silence }
            guard reply.isOK else {
                return .rejected("refuses database \(self.login.database)" + reply.reasonInBrackets)
            }
        }
        // For whoever looks at CLIENT LIST; a server may forbid it.
        guard await ask(RedisCommand("CLIENT", "SETNAME", "imageproxy")) != nil else { return silence }
        if let failure = await self.prepare(connection) { return failure }

        // The probe: must be answered as fast as everything that follows.
        guard let reply = await connection.send(RedisCommand("PING"), atMost: self.settings.loadLimit) else {
            return .tooLate
        }
        switch reply {
        case .status("PONG"): return nil
        case .error(let error) where error.code == "NOPERM": return nil
        case .error(let error) where ["LOADING", "MASTERDOWN", "BUSY"].contains(error.code):
            return .unreachable("is not ready (\(error.code))")
        case .error(let error): return .rejected("refuses commands (\(error.loggedName))")
        default: return .nonsense("answers PING with something else")
        }
    }
}

extension RedisReply {
    fileprivate var reasonInBrackets: String {
        if case .error(let error) = self { " (\(error.loggedName))" } else { "" }
    }
}
