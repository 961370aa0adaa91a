// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A stream connection to a server, for programs that have nothing else to do than to wait for its answer.
public struct ClientSocket: ~Copyable {
    private let descriptor: OwnedDescriptor
    private let limit: Int32

    /// - Parameters:
    ///   - address: TCP `host:port`, or `unix:/path`.
    ///   - limit: milliseconds that any step may take.
    public init(connectingTo address: String, limit: Int32 = 5000) throws(SystemError) {
        let action = "cannot connect to \(address)"
        self.limit = limit
        if address.hasPrefix("unix:") {
            var target = sockaddr_un()
            target.sun_family = sa_family_t(AF_UNIX)
            let path = Array(address.utf8.dropFirst("unix:".utf8.count))
            let fits = withUnsafeMutableBytes(of: &target.sun_path) { space in
                guard path.count < space.count else { return false }
                space.copyBytes(from: path)
                return true
            }
            guard fits else { throw SystemError(ENAMETOOLONG, action) }
            self.descriptor = try withUnsafeBytes(of: target) { bytes throws(SystemError) in
                try Self.connect(AF_UNIX, bytes, limit, action)
            }
            return
        }
        guard let colon = address.lastIndex(of: ":") else { throw SystemError(EINVAL, action) }
        let name = address[..<colon].filter { $0 != "[" && $0 != "]" }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(
            name.isEmpty ? "localhost" : name, String(address[address.index(after: colon)...]), &hints, &list)
        guard status == 0, let list else { throw SystemError(EADDRNOTAVAIL, action) }
        defer { freeaddrinfo(list) }
        var last = SystemError(EADDRNOTAVAIL, action)
        for candidate in sequence(first: list, next: { $0.pointee.ai_next }) {
            let bytes = UnsafeRawBufferPointer(
                start: candidate.pointee.ai_addr, count: Int(candidate.pointee.ai_addrlen))
            do throws(SystemError) {
                self.descriptor = try Self.connect(candidate.pointee.ai_family, bytes, limit, action)
                return
            } catch {
                last = error
            }
        }
        throw last
    }

    private static func connect(
        _ family: Int32, _ address: UnsafeRawBufferPointer, _ limit: Int32, _ action: String
    ) throws(SystemError) -> OwnedDescriptor {
        let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let number = socket(family, flags, 0)
        guard number >= 0 else { throw SystemError(errno, action) }
        let descriptor = OwnedDescriptor(adopting: number)
        let target = address.baseAddress!.assumingMemoryBound(to: sockaddr.self)
        guard Glibc.connect(number, target, socklen_t(address.count)) != 0 else { return descriptor }
        guard errno == EINPROGRESS else { throw SystemError(errno, action) }
        try Self.wait(for: number, POLLOUT, limit, action)
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &size)
        guard code == 0 else { throw SystemError(code, action) }
        return descriptor
    }

    private static func wait(for number: Int32, _ events: Int32, _ limit: Int32, _ action: String) throws(SystemError) {
        var watched = pollfd(fd: number, events: Int16(events), revents: 0)
        let count = poll(&watched, 1, limit)
        guard count != 0 else { throw SystemError(ETIMEDOUT, action) }
        guard count > 0 else { throw SystemError(errno, action) }
    }

    /// Sends a request and collects everything that comes until the server closes.
    public func exchange(_ request: [UInt8], atMost maximum: Int) throws(SystemError) -> [UInt8] {
        let number = self.descriptor.number
        var sent = 0
        while sent < request.count {
            try Self.wait(for: number, POLLOUT, self.limit, "cannot send")
            let count = request[sent...].withUnsafeBytes { send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count >= 0 else { throw SystemError(errno, "cannot send") }
            sent += count
        }
        var answer: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            try Self.wait(for: number, POLLIN, self.limit, "no answer")
            let count = recv(number, &part, part.count, 0)
            guard count >= 0 else { throw SystemError(errno, "cannot receive") }
            guard count > 0 else { return answer }
            answer += part[..<count]
            guard answer.count <= maximum else { throw SystemError(EMSGSIZE, "the answer is too long") }
        }
    }
}
