// SPDX-License-Identifier: Apache-2.0

public import EventLoop
internal import Glibc

/// What one client may cost, in bytes and in time.
public struct HTTPServerLimits: Sendable {
    public var head = RequestHeadParser.Limits()
    /// From a head's first byte to its last.
    public var headTime = Duration.seconds(10)
    /// A connection without a request.
    public var idleTime = Duration.seconds(120)
    /// An answer that its client does not take.
    public var stallTime = Duration.seconds(30)
    /// Bytes of further requests that are kept while one is being answered; beyond that the client has to wait.
    public var pipelined = 64 << 10
    public var connections = 20_000
    /// Connections of one client; 0 = any number.
    public var connectionsPerClient = 0
    public var trustedProxies = TrustedProxies()

    public init() {}
}

/// An HTTP/1.1 server: one handler answers every request, one after the other on each connection.
@LoopActor
public final class HTTPServer {
    public static let usualMethods = ["GET", "HEAD", "OPTIONS"]

    public typealias Handler = @LoopActor (HTTPRequest) async -> HTTPResponse
    /// Answers what can be answered without waiting for anything; nil leaves it to the handler.
    typealias QuickHandler = @LoopActor (RequestHead, _ peer: IPAddress?, _ date: String) -> QuickAnswer?

    /// The connection stays open after it.
    struct QuickAnswer {
        let head: [UInt8]
        /// nil = it has none.
        let body: Blob?
    }

    let limits: HTTPServerLimits
    /// What is answered; every other method is refused with 405.
    let methods: [String]
    let handler: Handler
    let quick: QuickHandler?
    private var listeners: [Listener] = []
    private var connections: [ObjectIdentifier: HTTPConnection] = [:]
    private let clients: ClientCounts
    private(set) var isDraining = false
    private var sweeper: LoopTimer?
    /// Told of every connection that is closed at once.
    var onRefusal: @LoopActor (Busy.Reason) -> Void = { _ in }
    private var dateCache = (second: Int64.min, text: "")

    public convenience init(
        limits: HTTPServerLimits = HTTPServerLimits(), methods: [String] = HTTPServer.usualMethods,
        handler: @escaping Handler
    ) {
        self.init(limits: limits, methods: methods, quick: nil, handler: handler)
    }

    init(limits: HTTPServerLimits, methods: [String], quick: QuickHandler?, handler: @escaping Handler) {
        self.quick = quick
        self.limits = limits
        self.clients = ClientCounts(limit: limits.connectionsPerClient)
        self.methods = methods
        self.handler = handler
    }

    /// - Parameter address: see `Listener`.
    public func listen(_ address: String) throws(LoopError) {
        self.listeners.append(try Listener(address) { [unowned self] stream in self.accept(stream) })
        self.startSweeping()
    }

    /// - Parameter descriptor: of a socket that was passed to this process.
    public func listen(onDescriptor descriptor: Int32) throws(LoopError) {
        self.listeners.append(try Listener(adopting: descriptor) { [unowned self] stream in self.accept(stream) })
        self.startSweeping()
    }

    private func startSweeping() {
        guard self.sweeper == nil else { return }
        let shortest = min(self.limits.headTime, self.limits.idleTime)
        let interval = min(.seconds(1), shortest / 4)
        self.sweeper = LoopTimer(after: interval, every: interval) { [unowned self] in self.closeOverdue() }
    }

    private func closeOverdue() {
        let now = ContinuousClock().now
        for connection in self.connections.values {
            if let deadline = connection.deadline, deadline < now { connection.close() }
        }
    }

    /// The port listened on; 0 for a Unix socket.
    public var port: Int { self.listeners.first?.port ?? 0 }

    /// Connections that are open now.
    public var connectionCount: Int { self.connections.count }

    private func accept(_ stream: Stream) {
        let peer = stream.peerAddress.flatMap { IPAddress(bytes: $0) }.map { $0.mappedV4 ?? $0 }
        guard self.connections.count < self.limits.connections else { return self.refuse(stream, .connections) }
        guard self.isProxy(peer) || self.clients.enter(peer) else { return self.refuse(stream, .clientConnections) }
        let connection = HTTPConnection(stream, peer: peer, server: self)
        self.connections[ObjectIdentifier(connection)] = connection
        connection.start()
    }

    private func refuse(_ stream: Stream, _ reason: Busy.Reason) {
        stream.close()
        self.onRefusal(reason)
    }

    func closed(_ connection: HTTPConnection) {
        guard self.connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        if !self.isProxy(connection.peer) { self.clients.leave(connection.peer) }
    }

    /// Every connection is closed after its next answer, so that clients look for another server. New ones are still
    /// taken: whoever does not know yet is not turned away.
    func beginDraining() { self.isDraining = true }

    private static let timeForFirstRequest = Duration.seconds(1)

    /// Proxies' connections are not counted as a client's: what comes through them is.
    private func isProxy(_ peer: IPAddress?) -> Bool { self.limits.trustedProxies.contains(peer) }

    /// Accepts no more, closes what is idle, and lets requests that run finish.
    ///
    /// A client that has only just come has its first request on the way. On a connection that was never answered on, it
    /// may not send it again elsewhere (RFC 9112 section 9.3.1), so it is given a moment to arrive.
    ///
    /// - Parameter limit: what is not finished by then is cut off.
    public func drain(atMost limit: Duration) async {
        self.isDraining = true
        for listener in self.listeners { listener.close() }
        self.listeners = []
        for connection in self.connections.values { connection.closeIfIdle(sparingNew: true) }
        let start = ContinuousClock().now
        var patience: ContinuousClock.Instant? = start + Self.timeForFirstRequest
        while !self.connections.isEmpty, ContinuousClock().now < start + limit, !Task.isCancelled {
            try? await sleep(for: .milliseconds(20))
            guard let end = patience, ContinuousClock().now >= end else { continue }
            patience = nil
            for connection in self.connections.values { connection.closeIfIdle() }
        }
        for connection in self.connections.values { connection.close() }
        self.sweeper?.stop()
        self.sweeper = nil
    }

    /// Now, in the form of the Date field; formatted once a second.
    var date: String {
        let now = Int64(time(nil))
        if self.dateCache.second != now { self.dateCache = (now, HTTPDate.format(now)) }
        return self.dateCache.text
    }
}
