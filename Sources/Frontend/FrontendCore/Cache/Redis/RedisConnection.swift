// SPDX-License-Identifier: Apache-2.0

internal import CHiredis
internal import EventLoop

/// One connection to a server, over which commands go without waiting for the answers of those before them.
///
/// hiredis connects, writes, reads and parses; which answer belongs to which command is decided here, by their order
/// alone. A command that was given up keeps its place in that order until its answer has come, so that a late answer
/// resolves nothing else. An answer that nobody asked for ends the connection.
///
/// Ends once, by `close` or by itself; whatever waits then gets no answer.
@LoopActor
final class RedisConnection {
    private struct Pending {
        let sent: ContinuousClock.Instant
        let deadline: ContinuousClock.Instant
        /// Nil when nobody waits: given up, or never wanted.
        var continuation: UnsafeContinuation<RedisReply?, Never>?
    }

    private enum Piece {
        case bytes([UInt8])
        case blob(Blob)

        var bytes: Int {
            switch self {
            case .bytes(let bytes): bytes.count
            case .blob(let blob): blob.count
            }
        }
    }

    /// Bytes given to hiredis at a time, so that it never moves more than this when the socket takes a part.
    private static let writeChunk = 64 << 10
    /// Chunks written, and hiredis' reads of 16 kB, in one turn of the loop.
    private static let writesPerTurn = 4
    private static let readsPerTurn = 16
    private static let readSize = 16 << 10
    /// A line longer than this is no answer to anything.
    private static let longestLine = 64 << 10

    private let settings: RedisSettings
    private let clock = ContinuousClock()
    private let context: UnsafeMutablePointer<redisContext>
    private let poller: Poller
    private let builder: RedisReplyBuilder
    /// One byte more than the largest entry is asked for at most; the rest is for the list of a cluster's slots.
    private let longestReply: Int

    private var pending = FIFO<Pending>()
    private var patience: RedisPatience
    private var expiry: LoopTimer?
    private var nextExpiry: ContinuousClock.Instant?

    private var outgoing = FIFO<Piece>()
    /// How much of the first piece hiredis has already.
    private var outgoingOffset = 0
    private var hiredisHasOutput = false
    private var isFlushPlanned = false
    private var watchesWritable = false

    /// Bytes that no server has taken yet.
    private(set) var queuedBytes = 0
    /// Set once it has ended.
    private(set) var failure: RedisFailure?

    /// Called once, when it ends by itself.
    var onEnd: (@LoopActor (RedisFailure) -> Void)?
    /// Gets what arrives without having been asked for; without it, that is an offence.
    var onPush: (@LoopActor (RedisReply) -> Void)?

    /// Commands without an answer.
    var queuedCommands: Int { self.pending.count }

    /// Starts to connect. Commands may be sent at once; they go out when it has.
    ///
    /// - Parameter address: with a numeric host, so that hiredis has no name to look up.
    init(_ address: RedisAddress, settings: RedisSettings) throws(RedisFailure) {
        let made =
            switch address {
            case .tcp(let host, let port): redisConnectNonBlock(host, Int32(port))
            case .unix(let path): redisConnectUnixNonBlock(path)
            }
        guard let context = made else { throw .unreachable("out of memory") }
        guard context.pointee.err == 0 else {
            let reason = Self.reason(context)
            redisFree(context)
            throw .unreachable(reason)
        }
        _ = hiredisshim_close_on_exec(context)
        // A peer that has gone without a word is noticed by the kernel, also when we only listen.
        if case .tcp = address { redisEnableKeepAlive(context) }
        do throws(LoopError) {
            self.poller = try Poller(context.pointee.fd)
        } catch {
            redisFree(context)
            throw .unreachable("\(error)")
        }
        self.context = context
        self.settings = settings
        self.longestReply = settings.maximumEntryBytes + (1 << 20)
        self.builder = RedisReplyBuilder(maximumBytes: self.longestReply)
        self.patience = RedisPatience(limit: settings.loadLimit)

        let reader = context.pointee.reader!
        reader.pointee.fn = RedisReplyBuilder.functions
        // Not retained: the reader is freed before this object goes.
        reader.pointee.privdata = Unmanaged.passUnretained(self.builder).toOpaque()
        // Below this hiredis keeps its buffer; otherwise it would give it back after every picture and grow it anew.
        reader.pointee.maxbuf = 1 << 20
        // Holds this object until it has ended: the poller calls it.
        self.watch(writable: true)
    }

    // MARK: Commands

    /// Sends a command and waits for its answer, but not longer than `limit`.
    ///
    /// - Returns: nil when there was none in time, the queue is full, or the connection has ended.
    func send(_ command: RedisCommand, atMost limit: Duration) async -> RedisReply? {
        guard self.hasRoom(for: command) else { return nil }
        return await withUnsafeContinuation { self.enqueue(command, limit, $0) }
    }

    /// Sends `prefix`, whose answer does not matter, and directly behind it a command.
    func send(_ prefix: RedisCommand, before command: RedisCommand, atMost limit: Duration) async -> RedisReply? {
        guard self.hasRoom(for: command) else { return nil }
        self.enqueue(prefix, limit, nil)
        return await withUnsafeContinuation { self.enqueue(command, limit, $0) }
    }

    /// Sends a command whose answer, if any, goes to `onPush`.
    func post(_ command: RedisCommand) {
        guard self.hasRoom(for: command) else { return }
        self.enqueue(command)
    }

    private func hasRoom(for command: RedisCommand) -> Bool {
        self.failure == nil && self.pending.count < self.settings.maximumQueuedCommands
            && self.queuedBytes + command.count <= self.settings.maximumQueuedBytes
    }

    private func enqueue(
        _ command: RedisCommand, _ limit: Duration, _ continuation: UnsafeContinuation<RedisReply?, Never>?
    ) {
        let now = self.clock.now
        let deadline = now + limit
        self.pending.append(Pending(sent: now, deadline: deadline, continuation: continuation))
        if continuation != nil { self.planExpiry(at: deadline, in: limit) }
        self.enqueue(command)
    }

    private func enqueue(_ command: RedisCommand) {
        self.queuedBytes += command.count
        self.outgoing.append(.bytes(command.start))
        if let body = command.body { self.outgoing.append(.blob(body)) }
        if !command.end.isEmpty { self.outgoing.append(.bytes(command.end)) }
        // Written at the end of this turn of the loop, together with whatever else it brings.
        guard !self.isFlushPlanned, !self.watchesWritable else { return }
        self.isFlushPlanned = true
        spawn { self.flush() }
    }

    // MARK: Time

    private func planExpiry(at deadline: ContinuousClock.Instant, in limit: Duration) {
        if let nextExpiry, nextExpiry <= deadline { return }
        self.expiry?.stop()
        self.nextExpiry = deadline
        self.expiry = LoopTimer(after: limit) { self.expire() }
    }

    private func expire() {
        self.expiry = nil
        self.nextExpiry = nil
        // What is here already is not late, however busy the loop was.
        self.receive()
        guard self.failure == nil else { return }
        let now = self.clock.now
        var isEnough = false
        var earliest: ContinuousClock.Instant?
        self.pending.updateEach { entry in
            guard let continuation = entry.continuation else { return }
            if entry.deadline <= now {
                entry.continuation = nil
                continuation.resume(returning: nil)
                isEnough = self.patience.answerIsLate(at: now) || isEnough
            } else {
                earliest = min(earliest ?? entry.deadline, entry.deadline)
            }
        }
        if isEnough { return self.end(.tooLate) }
        if let earliest { self.planExpiry(at: earliest, in: now.duration(to: earliest)) }
    }

    // MARK: The socket

    private func watch(writable: Bool) {
        self.watchesWritable = writable
        self.poller.start(writable ? [.readable, .writable] : .readable) { events in
            if !events.isDisjoint(with: [.readable, .failed, .hangUp]) { self.receive() }
            if events.contains(.writable) { self.flush() }
        }
    }

    private func flush() {
        self.isFlushPlanned = false
        guard self.failure == nil else { return }
        for _ in 0..<Self.writesPerTurn {
            if !self.hiredisHasOutput { self.fillOutput() }
            guard self.failure == nil else { return }
            guard self.hiredisHasOutput else { break }
            var isDone: Int32 = 0
            guard redisBufferWrite(self.context, &isDone) == REDIS_OK else { return self.end(self.contextFailure) }
            self.hiredisHasOutput = isDone == 0
            if self.hiredisHasOutput { break }
        }
        let isLeft = self.hiredisHasOutput || !self.outgoing.isEmpty
        if isLeft != self.watchesWritable { self.watch(writable: isLeft) }
    }

    /// Gives hiredis the next chunk.
    private func fillOutput() {
        var room = Self.writeChunk
        while room > 0, let piece = self.outgoing.first {
            let count = min(room, piece.bytes - self.outgoingOffset)
            let status =
                switch piece {
                case .bytes(let bytes): bytes.withUnsafeBytes { self.append($0, count) }
                case .blob(let blob): self.append(blob.bytes, count)
                }
            guard status == REDIS_OK else { return self.end(self.contextFailure) }
            room -= count
            self.queuedBytes -= count
            self.outgoingOffset += count
            if self.outgoingOffset == piece.bytes {
                _ = self.outgoing.popFirst()
                self.outgoingOffset = 0
            }
            if count > 0 { self.hiredisHasOutput = true }
        }
    }

    private func append(_ bytes: UnsafeRawBufferPointer, _ count: Int) -> Int32 {
        guard count > 0, let start = bytes.baseAddress else { return REDIS_OK }
        let text = (start + self.outgoingOffset).assumingMemoryBound(to: CChar.self)
        return redisAppendFormattedCommand(self.context, text, count)
    }

    private func receive() {
        guard self.failure == nil, let reader = self.context.pointee.reader else { return }
        for _ in 0..<Self.readsPerTurn {
            let before = reader.pointee.len
            guard redisBufferRead(self.context) == REDIS_OK else { return self.end(self.contextFailure) }
            let read = reader.pointee.len - before
            self.takeReplies()
            // Less than was asked for: there is no more.
            guard self.failure == nil, read == Self.readSize else { return }
        }
    }

    private func takeReplies() {
        while self.failure == nil {
            var root: UnsafeMutableRawPointer?
            guard redisGetReplyFromReader(self.context, &root) == REDIS_OK else { return self.end(self.contextFailure) }
            guard let root else { break }
            self.deliver(RedisReplyBuilder.take(root))
        }
        guard self.failure == nil, let reader = self.context.pointee.reader else { return }
        if reader.pointee.len - reader.pointee.pos > self.longestReply
            || hiredisshim_has_endless_line(reader, Self.longestLine) != 0
        {
            self.end(.nonsense("sends an endless answer"))
        }
    }

    private func deliver(_ reply: RedisReply) {
        guard let entry = self.pending.popFirst() else {
            if let onPush { return onPush(reply) }
            return self.end(.nonsense("answers what nobody asked"))
        }
        guard let continuation = entry.continuation else { return }
        self.patience.answered(after: entry.sent.duration(to: self.clock.now))
        continuation.resume(returning: reply)
    }

    // MARK: The end

    private var contextFailure: RedisFailure {
        let reason = Self.reason(self.context)
        return [REDIS_ERR_PROTOCOL, REDIS_ERR_OOM].contains(self.context.pointee.err)
            ? .nonsense(reason) : .unreachable(reason)
    }

    /// hiredis' own words; none of them are the server's.
    private static func reason(_ context: UnsafeMutablePointer<redisContext>) -> String {
        withUnsafeBytes(of: &context.pointee.errstr) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// Ends it; `onEnd` is not called.
    func close() {
        self.onEnd = nil
        self.end(.unreachable("closed"))
    }

    private func end(_ failure: RedisFailure) {
        guard self.failure == nil else { return }
        self.failure = failure
        self.expiry?.stop()
        self.expiry = nil
        self.poller.close()
        redisFree(self.context)
        while let entry = self.pending.popFirst() { entry.continuation?.resume(returning: nil) }
        self.outgoing.removeAll()
        self.queuedBytes = 0
        let onEnd = self.onEnd
        self.onEnd = nil
        self.onPush = nil
        onEnd?(failure)
    }
}
