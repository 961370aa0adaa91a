// SPDX-License-Identifier: Apache-2.0

import CCurl
internal import EventLoop
internal import Glibc

/// The sockets of libcurl's connections: opened and closed here, and found again by their two ends.
///
/// Exists because this version of libcurl uses a connection again whatever has arrived on it meanwhile, and does not
/// say which socket it is about to use. What an origin sent after one answer would be taken for the next.
@LoopActor
final class ConnectionSockets {
    /// The two ends of a connection, as libcurl names them before it sends a request.
    struct Ends: Hashable {
        let localAddress: String
        let localPort: Int32
        let remoteAddress: String
        let remotePort: Int32
    }

    /// Those on which no request was sent yet.
    private var opened: Set<curl_socket_t> = []
    /// Those on which one was: these, and no others, libcurl always has closed by `close`.
    private var used: Set<curl_socket_t> = []
    private var byEnds: [Ends: curl_socket_t] = [:]
    private var pollers: [curl_socket_t: Poller] = [:]

    /// A socket that libcurl will connect, or -1 with `errno`.
    func open(family: Int32, type: Int32, protocol number: Int32) -> curl_socket_t {
        let descriptor = socket(family, type | Int32(SOCK_CLOEXEC.rawValue), number)
        if descriptor >= 0 {
            self.forget(descriptor)
            self.opened.insert(descriptor)
        }
        return descriptor
    }

    func close(_ socket: curl_socket_t) {
        self.forget(socket)
        if self.used.remove(socket) != nil, let ends = self.byEnds.first(where: { $0.value == socket })?.key {
            self.byEnds[ends] = nil
        }
        Glibc.close(socket)
    }

    // MARK: Watching

    /// Calls `action` whenever one of `events` is there, until `unwatch`.
    func watch(
        _ socket: curl_socket_t, _ events: Poller.Events, _ action: @escaping @LoopActor (Poller.Events) -> Void
    ) {
        // A socket that cannot be watched (no memory) is not reported to libcurl, which would give up every other
        // transfer too: this one alone runs into its time limit.
        guard let poller = self.pollers[socket] ?? (try? Poller(socket)) else { return }
        self.pollers[socket] = poller
        poller.start(events, action)
    }

    /// libcurl asks for this at the end of every transfer. A connection that has carried a request is watched again for
    /// the next one: what watches it is kept as long as it.
    ///
    /// All others may be closed without a word, and may be closed by now: those to a thread that looks a name up, and
    /// (libcurl 7.88, cf_socket_close) those on which no connection was made when its transfer ended or another of the
    /// host's addresses was faster. What still watched such a number would take it from whoever gets it next.
    func unwatch(_ socket: curl_socket_t) {
        if self.used.contains(socket) { self.pollers[socket]?.stop() } else { self.forget(socket) }
    }

    private func forget(_ socket: curl_socket_t) {
        self.pollers.removeValue(forKey: socket)?.close()
        self.opened.remove(socket)
    }

    /// After libcurl has let go of everything.
    func close() {
        for poller in self.pollers.values { poller.close() }
        self.pollers = [:]
    }

    /// Called before a request is sent; true when no byte has come that belongs to no request.
    ///
    /// - Parameter isNew: the connection was opened for this request.
    func isClean(_ ends: Ends, isNew: Bool) -> Bool {
        if isNew {
            guard let socket = self.opened.first(where: { Self.localPort(of: $0) == ends.localPort }) else {
                return true
            }
            self.opened.remove(socket)
            self.used.insert(socket)
            self.byEnds[ends] = socket
            return true
        }
        guard let socket = self.byEnds[ends] else { return false }
        var byte: UInt8 = 0
        // An end of the stream (0) is libcurl's to deal with, and it does.
        return recv(socket, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) <= 0
    }

    private static func localPort(of socket: curl_socket_t) -> Int32? {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutableBytes(of: &address) { bytes in
            guard getsockname(socket, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length) == 0 else {
                return nil
            }
            // sin_port and sin6_port stand at the same place, in network order.
            return Int32(bytes[2]) << 8 | Int32(bytes[3])
        }
    }
}
