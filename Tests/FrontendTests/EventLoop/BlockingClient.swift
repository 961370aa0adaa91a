// SPDX-License-Identifier: Apache-2.0

import Glibc
import SwiftOverlayShims

/// A client that blocks, for use on a thread other than the loop's.
struct BlockingClient: ~Copyable {
    let descriptor: Int32

    private init(_ descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Waits for the socket; false when the time is over, so that no test hangs.
    private func isReady(for events: Int32, within seconds: Int) -> Bool {
        var polled = pollfd(fd: self.descriptor, events: Int16(events), revents: 0)
        return poll(&polled, 1, Int32(seconds) * 1000) > 0
    }

    /// - Parameter receiveBuffer: bytes that the kernel may take for the client; 0 = its default.
    init?(port: Int, receiveBuffer: Int32 = 0) {
        self.init(socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
        var size = receiveBuffer
        if size > 0 { setsockopt(self.descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size)) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafeBytes(of: &address) {
            connect(self.descriptor, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
        }
        guard status == 0 else { return nil }
    }

    init?(path: String) {
        self.init(socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let status = withUnsafeBytes(of: &address) {
            connect(self.descriptor, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
        }
        guard status == 0 else { return nil }
    }

    deinit { close(self.descriptor) }

    /// - Returns: the bytes that were taken before the time was over.
    func send(_ count: Int, of byte: UInt8, seconds: Int = 10) -> Int {
        var limit = timeval()
        limit.tv_sec = seconds
        setsockopt(self.descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let block = [UInt8](repeating: byte, count: 1 << 16)
        var sent = 0
        while sent < count, self.isReady(for: POLLOUT, within: seconds) {
            let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
            let part = Glibc.send(self.descriptor, block, min(block.count, count - sent), flags)
            guard part > 0 else { break }
            sent += part
        }
        return sent
    }

    func send(_ text: String) { _ = Glibc.send(self.descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL)) }

    /// Up to `count` bytes, fewer when the peer ends.
    func receive(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < count, self.isReady(for: POLLIN, within: 10) {
            let part = recv(self.descriptor, &block, min(block.count, count - bytes.count), 0)
            guard part > 0 else { break }
            bytes += block[..<part]
        }
        return bytes
    }

    func finishSending() { shutdown(self.descriptor, Int32(SHUT_WR)) }
}
