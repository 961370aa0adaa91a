// SPDX-License-Identifier: Apache-2.0

internal import CLibuv
internal import Glibc

/// One accepted connection, TCP or Unix.
///
/// Reading lends: bytes are shown to the reader inside the loop's own buffer and are gone when it returns, so a
/// connection that waits for its peer owns no buffer. Writing keeps: the bytes' owner is held until the kernel has taken
/// all of them, so nothing is copied on the way.
@LoopActor
public final class Stream {
    /// What a reader is shown.
    public enum Input {
        /// Valid until the reader returns.
        case bytes(UnsafeRawBufferPointer)
        /// The peer will send no more; nothing follows.
        case end
    }

    private let handle: Handle<uv_any_handle>
    private let isTCP: Bool
    private var reader: (@LoopActor (Input) -> Void)?
    private(set) public var isClosed = false

    private var stream: UnsafeMutablePointer<uv_stream_t> {
        UnsafeMutableRawPointer(self.handle.pointer).assumingMemoryBound(to: uv_stream_t.self)
    }

    /// Accepts the connection that `listener` was told about.
    init(from listener: UnsafeMutablePointer<uv_stream_t>, isTCP: Bool) throws(LoopError) {
        self.handle = Handle()
        self.isTCP = isTCP
        initialize(self.handle, isTCP: isTCP)
        self.handle.attach(self)
        let status = uv_accept(listener, self.stream)
        guard status == 0 else {
            self.close()
            throw LoopError(status, "cannot accept a connection")
        }
        if isTCP {
            // Answers are written whole: waiting for more to send would only add latency.
            uv_tcp_nodelay(UnsafeMutableRawPointer(self.handle.pointer).assumingMemoryBound(to: uv_tcp_t.self), 1)
        }
    }

    /// The 4 or 16 bytes of the peer's IP address; nil when it has none, as on a Unix socket, or has gone.
    public var peerAddress: [UInt8]? {
        guard self.isTCP, !self.isClosed else { return nil }
        var address = sockaddr_storage()
        var length = Int32(MemoryLayout<sockaddr_storage>.size)
        let tcp = UnsafeMutableRawPointer(self.handle.pointer).assumingMemoryBound(to: uv_tcp_t.self)
        return withUnsafeMutableBytes(of: &address) { bytes in
            let generic = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
            guard uv_tcp_getpeername(tcp, generic, &length) == 0 else { return nil }
            switch Int32(generic.pointee.sa_family) {
            case AF_INET: return Array(bytes[4..<8])  // after family and port
            case AF_INET6: return Array(bytes[8..<24])  // after flow information, too
            default: return nil
            }
        }
    }

    // MARK: Reading

    /// Shows `reader` whatever arrives, until `stopReading`.
    public func startReading(_ reader: @escaping @LoopActor (Input) -> Void) {
        guard !self.isClosed else { return }
        self.reader = reader
        uv_read_start(
            self.stream,
            { _, _, buffer in
                let lent = Loop.shared.lentBuffer
                buffer!.pointee = uv_buf_init(
                    lent.baseAddress!.assumingMemoryBound(to: CChar.self), UInt32(lent.count))
            },
            { pointer, count, _ in
                guard count != 0 else { return }
                nonisolated(unsafe) let pointer = pointer!
                LoopActor.assumeIsolated {
                    let handle = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: uv_any_handle.self)
                    Handle<uv_any_handle>.owner(of: handle, as: Stream.self).received(count)
                }
            })
    }

    private func received(_ count: Int) {
        if count > 0 {
            self.reader?(.bytes(UnsafeRawBufferPointer(rebasing: Loop.shared.lentBuffer[..<count])))
        } else {
            uv_read_stop(self.stream)
            let reader = self.reader
            self.reader = nil
            reader?(.end)
        }
    }

    /// Leaves what arrives with the kernel, which makes the peer wait.
    public func stopReading() {
        guard !self.isClosed else { return }
        uv_read_stop(self.stream)
        self.reader = nil
    }

    // MARK: Writing

    /// Writes as much of both parts as the kernel takes at once.
    ///
    /// - Returns: how many bytes that was.
    public func writeAtOnce(head: [UInt8], body: UnsafeRawBufferPointer) throws(LoopError) -> Int {
        guard !self.isClosed else { throw LoopError(UV_ECANCELED.rawValue, "cannot write") }
        let written = head.withUnsafeBytes { head in
            withUnsafeTemporaryAllocation(of: uv_buf_t.self, capacity: 2) { buffers in
                buffers[0] = buffer(head)
                buffers[1] = buffer(body)
                return Int(uv_try_write(self.stream, buffers.baseAddress, body.isEmpty ? 1 : 2))
            }
        }
        if written == Int(UV_EAGAIN.rawValue) { return 0 }
        guard written >= 0 else { throw LoopError(Int32(written), "cannot write") }
        return written
    }

    /// Writes both parts, and returns when the kernel has taken them.
    ///
    /// - Parameters:
    ///   - head: copied only if the kernel does not take it at once.
    ///   - body: must stay valid as long as `owner` lives.
    ///   - stall: the time in which at least `minimumProgress` bytes must be taken.
    ///   - written: bytes that `writeAtOnce` has written already; nil = it was not called.
    public func write(
        head: [UInt8], body: UnsafeRawBufferPointer, owner: (any AnyObject & Sendable)?, stall: Duration,
        after written: Int? = nil
    ) async throws(LoopError) {
        let written = if let written { written } else { try self.writeAtOnce(head: head, body: body) }
        guard written < head.count + body.count else { return }
        guard !self.isClosed else { throw LoopError(UV_ECANCELED.rawValue, "cannot write") }

        let pending = PendingWrite(
            head: Array(head.dropFirst(written)),
            body: UnsafeRawBufferPointer(rebasing: body.dropFirst(max(0, written - head.count))), owner: owner)
        let watch = self.watchProgress(stall, left: head.count + body.count - written)
        defer { watch.stop() }
        let status = await withUnsafeContinuation { continuation in
            pending.start(self.stream, continuation)
        }
        guard status == 0 else { throw LoopError(status, "cannot write") }
    }

    /// A peer that takes less than this in a stall's time is cut off.
    private static let minimumProgress = 4096

    private func watchProgress(_ stall: Duration, left: Int) -> LoopTimer {
        var last = left
        return LoopTimer(after: stall, every: stall) { [weak self] in
            guard let self, !self.isClosed else { return }
            let left = uv_stream_get_write_queue_size(self.stream)
            if last - left < Self.minimumProgress { return self.close() }
            last = left
        }
    }

    /// Ends the connection. A write that is under way fails, a reader is not called any more.
    public func close() {
        guard !self.isClosed else { return }
        self.isClosed = true
        self.reader = nil
        self.handle.close()
    }

    /// Says that nothing more will be written, and lets the peer finish.
    public func shutDownWriting() {
        guard !self.isClosed else { return }
        let request = UnsafeMutablePointer<uv_shutdown_t>.allocate(capacity: 1)
        let status = uv_shutdown(request, self.stream) { request, _ in request?.deallocate() }
        if status != 0 { request.deallocate() }
    }
}

/// What the kernel did not take at once. Holds itself until libuv says that it is done.
@LoopActor
private final class PendingWrite {
    private let request = UnsafeMutablePointer<uv_write_t>.allocate(capacity: 1)
    private let head: UnsafeMutableRawBufferPointer
    private let body: UnsafeRawBufferPointer
    private let owner: (any AnyObject & Sendable)?
    private var continuation: UnsafeContinuation<Int32, Never>?

    init(head: [UInt8], body: UnsafeRawBufferPointer, owner: (any AnyObject & Sendable)?) {
        self.head = .allocate(byteCount: head.count, alignment: 1)
        self.head.copyBytes(from: head)
        self.body = body
        self.owner = owner
    }

    isolated deinit {
        self.head.deallocate()
        self.request.deallocate()
    }

    func start(_ stream: UnsafeMutablePointer<uv_stream_t>, _ continuation: UnsafeContinuation<Int32, Never>) {
        self.continuation = continuation
        self.request.pointee.data = Unmanaged.passRetained(self).toOpaque()
        let status = withUnsafeTemporaryAllocation(of: uv_buf_t.self, capacity: 2) { buffers in
            buffers[0] = buffer(UnsafeRawBufferPointer(self.head))
            buffers[1] = buffer(self.body)
            return uv_write(self.request, stream, buffers.baseAddress, 2) { request, status in
                nonisolated(unsafe) let request = request!
                LoopActor.assumeIsolated {
                    Unmanaged<PendingWrite>.fromOpaque(request.pointee.data).takeRetainedValue().end(status)
                }
            }
        }
        if status != 0 {
            Unmanaged.passUnretained(self).release()
            self.end(status)
        }
    }

    private func end(_ status: Int32) {
        self.continuation?.resume(returning: status)
        self.continuation = nil
    }
}

private func buffer(_ bytes: UnsafeRawBufferPointer) -> uv_buf_t {
    // libuv's type is not const, but a write only reads.
    let start = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: CChar.self))
    return uv_buf_t(base: start, len: bytes.count)
}

@LoopActor
func initialize(_ handle: Handle<uv_any_handle>, isTCP: Bool) {
    let raw = UnsafeMutableRawPointer(handle.pointer)
    // Neither can fail without a descriptor to open.
    if isTCP {
        uv_tcp_init(Loop.shared.handle, raw.assumingMemoryBound(to: uv_tcp_t.self))
    } else {
        uv_pipe_init(Loop.shared.handle, raw.assumingMemoryBound(to: uv_pipe_t.self), 0)
    }
}
