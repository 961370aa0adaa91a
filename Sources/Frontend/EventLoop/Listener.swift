// SPDX-License-Identifier: Apache-2.0

internal import CLibuv
internal import Glibc

/// Accepts connections on a TCP address or a Unix socket.
@LoopActor
public final class Listener {
    private let handle = Handle<uv_any_handle>()
    private let isTCP: Bool
    private let accepted: @LoopActor (Stream) -> Void
    private let unixPath: String?
    private var isClosed = false

    private var stream: UnsafeMutablePointer<uv_stream_t> {
        UnsafeMutableRawPointer(self.handle.pointer).assumingMemoryBound(to: uv_stream_t.self)
    }

    /// Connections that may wait to be accepted.
    private static let backlog: Int32 = 1024

    /// - Parameters:
    ///   - address: `host:port`, `[::1]:port`, `:port` for every interface, or `unix:/path`.
    ///   - accepted: called for each connection, which it owns.
    public init(_ address: String, accepted: @escaping @LoopActor (Stream) -> Void) throws(LoopError) {
        self.accepted = accepted
        self.isTCP = !address.hasPrefix("unix:")
        self.unixPath = self.isTCP ? nil : String(address.dropFirst("unix:".count))
        initialize(self.handle, isTCP: self.isTCP)
        self.handle.attach(self)
        do throws(LoopError) {
            if let unixPath { try self.bindUnix(unixPath) } else { try self.bindTCP(address) }
            try self.listen("listen on \(address)")
        } catch {
            self.handle.close()
            throw error
        }
    }

    /// Accepts on a socket that somebody else has bound, and who keeps its name in the file system.
    ///
    /// - Parameter descriptor: of a stream socket, TCP or Unix; taken over, also when this throws.
    public init(adopting descriptor: Int32, accepted: @escaping @LoopActor (Stream) -> Void) throws(LoopError) {
        self.accepted = accepted
        self.unixPath = nil
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        let family = Int32(address.ss_family)
        self.isTCP = family != AF_UNIX
        guard status == 0, [AF_INET, AF_INET6, AF_UNIX].contains(family) else {
            Glibc.close(descriptor)
            self.isClosed = true
            self.handle.deallocate()
            throw LoopError(-ENOTSOCK, "use the socket passed as descriptor \(descriptor)")
        }
        initialize(self.handle, isTCP: self.isTCP)
        self.handle.attach(self)
        do throws(LoopError) {
            let raw = UnsafeMutableRawPointer(self.handle.pointer)
            try check(
                self.isTCP
                    ? uv_tcp_open(raw.assumingMemoryBound(to: uv_tcp_t.self), descriptor)
                    : uv_pipe_open(raw.assumingMemoryBound(to: uv_pipe_t.self), descriptor),
                "use the socket passed as descriptor \(descriptor)")
            try self.listen("listen on the socket passed as descriptor \(descriptor)")
        } catch {
            self.handle.close()
            throw error
        }
    }

    private func listen(_ action: String) throws(LoopError) {
        try check(
            uv_listen(self.stream, Self.backlog) { pointer, status in
                guard status == 0 else { return }
                nonisolated(unsafe) let pointer = pointer!
                LoopActor.assumeIsolated {
                    let handle = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: uv_any_handle.self)
                    Handle<uv_any_handle>.owner(of: handle, as: Listener.self).accept()
                }
            }, action)
    }

    private func accept() {
        // A connection that went away between the kernel's queue and here is nobody's loss. Out of descriptors, libuv
        // itself accepts and closes with one that it keeps in reserve, so that clients see an end and the loop no spin.
        guard let stream = try? Stream(from: self.stream, isTCP: self.isTCP) else { return }
        self.accepted(stream)
    }

    /// The port that was bound, for an address with port 0.
    public var port: Int {
        var address = sockaddr_storage()
        var length = Int32(MemoryLayout<sockaddr_storage>.size)
        let tcp = UnsafeMutableRawPointer(self.handle.pointer).assumingMemoryBound(to: uv_tcp_t.self)
        return withUnsafeMutableBytes(of: &address) { bytes in
            let generic = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
            guard self.isTCP, uv_tcp_getsockname(tcp, generic, &length) == 0 else { return 0 }
            // sin_port and sin6_port stand at the same place, in network order.
            return Int(bytes[2]) << 8 | Int(bytes[3])
        }
    }

    /// Accepts no more; connections that were accepted live on.
    public func close() {
        guard !self.isClosed else { return }
        self.isClosed = true
        self.handle.close()
        if let unixPath { unlink(unixPath) }
    }

    private func bindTCP(_ address: String) throws(LoopError) {
        guard let colon = address.lastIndex(of: ":") else {
            throw LoopError(UV_EINVAL.rawValue, "listen on \(address): an address is host:port")
        }
        let port = String(address[address.index(after: colon)...])
        // getaddrinfo would take its last sixteen bits.
        if port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), !port.isEmpty, UInt16(port) == nil {
            throw LoopError(UV_EINVAL.rawValue, "listen on \(address): a port is at most 65535")
        }
        let host = address[..<colon].drop { $0 == "[" }.prefix { $0 != "]" }
        let tcp = UnsafeMutableRawPointer(self.handle.pointer).assumingMemoryBound(to: uv_tcp_t.self)

        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        // An empty host is every interface: the IPv6 wildcard takes IPv4 as well, unless the machine has no IPv6.
        let hosts = host.isEmpty ? ["::", "0.0.0.0"] : [String(host)]
        var failure = LoopError(UV_EINVAL.rawValue, "listen on \(address)")
        for host in hosts {
            var list: UnsafeMutablePointer<addrinfo>?
            let status = getaddrinfo(host, port, &hints, &list)
            guard status == 0 else {
                throw LoopError(UV_EINVAL.rawValue, "listen on \(address): \(String(cString: gai_strerror(status)))")
            }
            defer { freeaddrinfo(list) }
            let candidates = sequence(first: list) { $0?.pointee.ai_next }.prefix { $0 != nil }.compactMap(\.self)
            // As Go does: a name that has both kinds of address means the IPv4 one.
            let chosen = candidates.first { $0.pointee.ai_family == AF_INET } ?? candidates.first
            guard let chosen else { continue }
            let bound = uv_tcp_bind(tcp, chosen.pointee.ai_addr, 0)
            if bound == 0 { return }
            failure = LoopError(bound, "listen on \(address)")
        }
        throw failure
    }

    private func bindUnix(_ path: String) throws(LoopError) {
        let pipe = UnsafeMutableRawPointer(self.handle.pointer).assumingMemoryBound(to: uv_pipe_t.self)
        var status = uv_pipe_bind(pipe, path)
        if status == UV_EADDRINUSE.rawValue, Self.isAbandoned(path) {
            unlink(path)
            status = uv_pipe_bind(pipe, path)
        }
        try check(status, "listen on unix:\(path)")
    }

    /// A socket file that nobody listens on: left behind by a process that was killed.
    private static func isAbandoned(_ path: String) -> Bool {
        // The kernel refuses a connection to any other kind of file in the same words.
        var file = stat()
        guard lstat(path, &file) == 0, file.st_mode & S_IFMT == S_IFSOCK else { return false }
        let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard probe >= 0 else { return false }
        defer { Glibc.close(probe) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let fits = withUnsafeMutableBytes(of: &address.sun_path) { target in
            guard path.utf8.count < target.count else { return false }
            target.copyBytes(from: path.utf8)
            return true
        }
        guard fits else { return false }
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(probe, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return status != 0 && errno == ECONNREFUSED
    }
}

private func check(_ status: Int32, _ action: String) throws(LoopError) {
    guard status == 0 else { throw LoopError(status, action) }
}
