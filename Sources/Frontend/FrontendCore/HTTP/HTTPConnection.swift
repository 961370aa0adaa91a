// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// One client's connection: heads in, answers out, in order.
///
/// While it waits it owns no buffer and no task: bytes are parsed where the loop lends them, and only what is left over
/// (half a head, the next requests) is kept.
@LoopActor
final class HTTPConnection {
    private let stream: Stream
    private unowned let server: HTTPServer
    /// What has arrived and belongs to no request that was begun.
    private var pending = RequestBuffer()
    private var answering: Task<Void, Never>?
    /// When the connection is closed unless something happens; nil = never. The server looks at it now and then, which
    /// is cheaper than a timer for every phase of every request.
    private(set) var deadline: ContinuousClock.Instant?
    private var isReading = false
    /// The first bytes of a head are here, and its last are not.
    private var isInHead = false
    /// A request has come.
    private var isUsed = false
    /// The client has sent all it will send.
    private var hasEnded = false
    /// Requests that were answered since bytes last arrived, without waiting for anything.
    private var answeredAtOnce = 0

    /// The other end; nil on a Unix socket.
    let peer: IPAddress?

    init(_ stream: Stream, peer: IPAddress?, server: HTTPServer) {
        self.stream = stream
        self.peer = peer
        self.server = server
    }

    func start() {
        self.awaitRequest()
    }

    /// - Parameter sparingNew: leaves those alone on which a request is on its way for all that is known: none has come
    ///   yet, or a part of one.
    func closeIfIdle(sparingNew: Bool = false) {
        guard self.answering == nil, !sparingNew || (self.isUsed && !self.isInHead) else { return }
        self.close()
    }

    func close() {
        self.setDeadline(nil)
        self.answering?.cancel()
        self.stream.close()
        self.server.closed(self)
    }

    // MARK: Reading

    private func awaitRequest() {
        self.setDeadline(self.server.limits.idleTime)
        self.read()
    }

    private func read() {
        guard !self.isReading, !self.hasEnded else { return }
        self.isReading = true
        self.stream.startReading { [unowned self] input in
            switch input {
            case .bytes(let bytes): self.received(bytes)
            case .end: self.ended()
            }
        }
    }

    private func received(_ bytes: UnsafeRawBufferPointer) {
        if self.answering != nil {
            self.pending.append(bytes[...])
            if self.pending.count > self.server.limits.pipelined {
                self.isReading = false
                self.stream.stopReading()
            }
        } else {
            self.answeredAtOnce = 0
            let limits = self.server.limits.head
            let isAnswered = self.parse { (pending) throws(RequestHeadParser.Failure) in
                try pending.next(adding: bytes, limits)
            }
            if isAnswered, !self.pending.isEmpty { self.parsePending() }
        }
    }

    private func ended() {
        self.hasEnded = true
        self.isReading = false
        guard self.answering != nil else { return self.close() }
        // A client that has gone and one that only has nothing more to say look the same. The second kind (`nc`, some
        // health checks) gets a moment for its answer; after that nobody is taken to wait for it any more.
        self.setDeadline(Self.timeAfterEnd)
    }

    private static let timeAfterEnd = Duration.seconds(2)

    private func parsePending() {
        let limits = self.server.limits.head
        while self.parse({ (pending) throws(RequestHeadParser.Failure) in try pending.next(limits) }),
            !self.pending.isEmpty
        {}
    }

    /// Begins with the next request, if it is whole.
    ///
    /// - Returns: whether it is answered already.
    private func parse(
        _ next: (inout RequestBuffer) throws(RequestHeadParser.Failure) -> RequestHead?
    ) -> Bool {
        do throws(RequestHeadParser.Failure) {
            guard let head = try next(&self.pending) else {
                // The time for a head runs from its first byte; more bytes do not extend it.
                if !self.isInHead { self.setDeadline(self.server.limits.headTime) }
                self.isInHead = true
                return false
            }
            self.isInHead = false
            self.isUsed = true
            switch self.answerAtOnce(head) {
            case .whole: return true
            case .begun: return false
            case .not: self.begin(head)
            }
        } catch {
            self.isInHead = false
            self.refuse(error.status)
        }
        return false
    }

    // MARK: Answering

    /// A turn of the loop must not go to one client that sends request after request without waiting.
    private static let mostAtOnce = 16

    private enum AtOnce {
        case whole
        /// The client has not taken all of it, or is gone.
        case begun
        case not
    }

    private func answerAtOnce(_ head: RequestHead) -> AtOnce {
        guard let quick = self.server.quick, head.keepsAlive, head.body == .none, head.method == "GET", !self.hasEnded,
            !self.server.isDraining, self.answeredAtOnce < Self.mostAtOnce,
            let answer = quick(head, self.peer, self.server.date)
        else { return .not }
        self.answeredAtOnce += 1
        let body = answer.body?.bytes ?? UnsafeRawBufferPointer(start: nil, count: 0)
        do throws(LoopError) {
            let written = try self.stream.writeAtOnce(head: answer.head, body: body)
            if written == answer.head.count + body.count {
                self.awaitRequest()
                return .whole
            }
            self.setDeadline(nil)
            self.answering = spawn {
                self.answered(await self.write(answer.head, body, answer.body, after: written), closes: false)
            }
        } catch {
            Log.detail("client went away: \(error)")
            self.close()
        }
        return .begun
    }

    private func begin(_ head: RequestHead) {
        if !self.hasEnded { self.setDeadline(nil) }
        let methods = self.server.methods
        guard methods.contains(head.method) else {
            return self.refuse(405, [("Allow", methods.joined(separator: ", "))])
        }
        // A body would have to be read to find the next request; no picture is asked for with one.
        guard head.body == .none else { return self.refuse(400) }
        self.answering = spawn { await self.answer(head) }
    }

    private func answer(_ head: RequestHead) async {
        let response = await self.server.handler(HTTPRequest(head: head, peer: self.peer))
        let closes = !head.keepsAlive || self.server.isDraining || response.closesConnection
        guard !Task.isCancelled else { return self.close() }
        self.answered(await self.send(response, isHead: head.method == "HEAD", closes: closes), closes: closes)
    }

    private func answered(_ isSent: Bool, closes: Bool) {
        self.answering = nil
        guard isSent, !closes, !self.hasEnded || !self.pending.isEmpty else { return self.close() }
        if !self.hasEnded { self.awaitRequest() }
        if !self.pending.isEmpty { self.parsePending() }
        // Half a request, and the rest will never come.
        if self.hasEnded, self.answering == nil { self.close() }
    }

    /// Answers what is no request that could be served, and closes: nobody knows where the next one begins.
    private func refuse(_ status: Int, _ headers: [(String, String)] = []) {
        self.setDeadline(nil)
        self.stream.stopReading()
        self.isReading = false
        self.pending.removeAll()
        let text = HTTPResponse(
            status: status, headers: headers + [("Content-Type", "text/plain; charset=utf-8")],
            body: .bytes(Array("\(status) \(HTTPResponse.reason(status))\n".utf8)))
        self.answering = spawn {
            _ = await self.send(text, isHead: false, closes: true)
            // Closing at once, with bytes of the client still unread, would reset the connection and could take the
            // answer with it.
            self.stream.shutDownWriting()
            self.stream.startReading { [unowned self] input in
                if case .end = input { self.close() }
            }
            self.setDeadline(.seconds(1))
        }
    }

    private func send(_ response: HTTPResponse, isHead: Bool, closes: Bool) async -> Bool {
        var response = response
        var head = response.serializedHead(date: self.server.date, closes: closes)
        if head == nil {
            Log.line("a header of an answer has control characters; it was not sent")
            response = HTTPResponse(status: 500, headers: [], body: .empty)
            head = response.serializedHead(date: self.server.date, closes: closes)
        }
        guard let head else { return false }
        let hasBody = !isHead && response.status != 304 && response.status != 204
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        switch response.body {
        case .buffer(let bytes, let owner) where hasBody: return await self.write(head, bytes, owner)
        case .bytes(let bytes) where hasBody: return await self.write(head + bytes, nothing, nil)
        default: return await self.write(head, nothing, nil)
        }
    }

    /// - Returns: whether the client has taken everything.
    private func write(
        _ head: [UInt8], _ body: UnsafeRawBufferPointer, _ owner: (any AnyObject & Sendable)?,
        after written: Int? = nil
    ) async -> Bool {
        do throws(LoopError) {
            try await self.stream.write(
                head: head, body: body, owner: owner, stall: self.server.limits.stallTime, after: written)
            return true
        } catch {
            Log.detail("client went away: \(error)")
            return false
        }
    }

    private func setDeadline(_ limit: Duration?) {
        self.deadline = limit.map { ContinuousClock().now + $0 }
    }
}
