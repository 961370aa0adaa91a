// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import Glibc

/// Unix `SOCK_SEQPACKET` sockets: whole messages, each with at most one descriptor.
public struct PacketSocket: ~Copyable, Sendable {
    private let descriptor: OwnedDescriptor

    public var number: Int32 { self.descriptor.number }

    /// Takes over a socket.
    public init(adopting descriptor: consuming OwnedDescriptor) {
        self.descriptor = descriptor
    }

    /// Listens on a path. A socket there that nobody listens on is replaced; anything else there is an error.
    public static func listen(path: String, backlog: Int32) throws(SystemError) -> PacketSocket {
        PacketSocket(
            adopting: try OwnedDescriptor(checking: cp_listen(path, backlog), "cannot listen on \(path)"))
    }

    /// Connects without waiting; the socket does not block.
    ///
    /// - Throws: EAGAIN when the listener's queue is full.
    public static func connect(path: String) throws(SystemError) -> PacketSocket {
        PacketSocket(adopting: try OwnedDescriptor(checking: cp_connect(path), "cannot connect to \(path)"))
    }

    /// The next connection; EAGAIN when somebody else got it.
    public func accept() throws(SystemError) -> PacketSocket {
        PacketSocket(adopting: try OwnedDescriptor(checking: cp_accept(self.number), "cannot accept"))
    }

    /// Hangs up. A peer that waits for a message is told that none will come.
    public func shutDown() { _ = shutdown(self.number, Int32(SHUT_RDWR)) }

    /// Whether the peer has hung up already.
    public var hasHungUp: Bool { cp_wait_for_end(-1, self.number, 0) != 0 }

    /// - Parameter descriptor: passed along when it is not negative; it stays the caller's.
    public func send(_ message: [UInt8], passing descriptor: Int32 = -1) throws(SystemError) {
        let sent = cp_send(self.number, message, message.count, descriptor)
        guard sent == message.count else { throw SystemError(sent < 0 ? Int32(-sent) : EMSGSIZE, "cannot send") }
    }

    /// One message and the descriptor that came with it.
    public struct Message: ~Copyable {
        public var bytes: [UInt8]
        public var descriptor: OwnedDescriptor?
    }

    /// Takes one message.
    ///
    /// - Returns: nil when the peer has closed.
    /// - Throws: EAGAIN when there is none and `waits` is false; EMSGSIZE when it was too long or brought more than one
    ///   descriptor, all of which are closed.
    public func receive(maximum: Int, waits: Bool) throws(SystemError) -> Message? {
        var passed: Int32 = -1
        var received = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: maximum) { buffer, count in
            received = cp_receive(self.number, buffer.baseAddress, maximum, &passed, waits ? 1 : 0)
            count = max(0, received)
        }
        let descriptor: OwnedDescriptor? = passed >= 0 ? OwnedDescriptor(adopting: passed) : nil
        guard received >= 0 else { throw SystemError(Int32(-received), "cannot receive") }
        // An empty message is the end of the connection; a frame never is.
        guard received > 0 else { return nil }
        return Message(bytes: bytes, descriptor: descriptor)
    }
}
