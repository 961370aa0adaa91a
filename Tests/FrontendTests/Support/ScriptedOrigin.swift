// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Synchronization

/// An origin on 127.0.0.1 that sends exactly the bytes it is told to, however wrong they are.
///
/// A thread per connection: the loop under test must not be the one that answers it.
final class ScriptedOrigin: Sendable {
    enum Step: Sendable {
        case send(String)
        case bytes([UInt8])
        case pause(Duration)
        /// The same again and again, with a pause between, until the peer goes.
        case endlessly([UInt8], every: Duration)
        case close
        /// Closes with a TCP reset.
        case reset
        /// Waits until the peer closes.
        case awaitEnd
    }

    struct Request: Sendable {
        let head: String
        /// Counts connections from 1.
        let connection: Int

        var path: String { String(self.head.split(separator: " ")[1]) }

        func value(of name: String) -> String? {
            let prefix = name.lowercased() + ": "
            let line = self.head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(prefix) }
            return line.map { String($0.dropFirst(prefix.count)) }
        }
    }

    private struct State {
        var accepted = 0
        var ended = 0
        var requests: [Request] = []
        var open: Set<Int32> = []
        var isStopped = false
    }

    let port: UInt16
    private let listener: Int32
    private let script: @Sendable (Request) -> [Step]
    private let state = Mutex(State())

    init(_ script: @escaping @Sendable (Request) -> [Step]) {
        self.script = script
        self.listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = self.listener
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        precondition(isBound, "no port to listen on")
        self.port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { self.acceptAll() }
    }

    /// The same answer to everything.
    convenience init(always answer: String) {
        self.init { _ in [.send(answer)] }
    }

    var url: String { "http://127.0.0.1:\(self.port)" }
    /// Connections that were accepted.
    var accepted: Int { self.state.withLock { $0.accepted } }
    /// Connections that are over.
    var ended: Int { self.state.withLock { $0.ended } }
    var requests: [Request] { self.state.withLock { $0.requests } }

    func stop() {
        let open = self.state.withLock { state in
            state.isStopped = true
            return state.open
        }
        shutdown(self.listener, Int32(SHUT_RDWR))
        for descriptor in open { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    private func acceptAll() {
        while true {
            let descriptor = accept(self.listener, nil, nil)
            guard descriptor >= 0 else { break }
            // A process that another test starts would keep the connection open.
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            let number = self.state.withLock { state in
                state.accepted += 1
                state.open.insert(descriptor)
                return state.accepted
            }
            Thread.detachNewThread { self.serve(descriptor, number) }
        }
        close(self.listener)
    }

    private func serve(_ descriptor: Int32, _ number: Int) {
        var input: [UInt8] = []
        while let head = self.readHead(descriptor, &input) {
            let request = Request(head: head, connection: number)
            self.state.withLock { $0.requests.append(request) }
            guard self.perform(self.script(request), on: descriptor) else { break }
        }
        self.state.withLock { state in
            state.ended += 1
            state.open.remove(descriptor)
        }
        close(descriptor)
    }

    /// False when the connection is over.
    private func perform(_ steps: [Step], on descriptor: Int32) -> Bool {
        for step in steps {
            switch step {
            case .send(let text): guard Self.sendAll(descriptor, Array(text.utf8)) else { return false }
            case .bytes(let bytes): guard Self.sendAll(descriptor, bytes) else { return false }
            case .pause(let duration): Self.pause(duration)
            case .endlessly(let bytes, let interval):
                while Self.sendAll(descriptor, bytes), !self.state.withLock({ $0.isStopped }) { Self.pause(interval) }
                return false
            case .close: return false
            case .reset:
                var hard = linger(l_onoff: 1, l_linger: 0)
                setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &hard, socklen_t(MemoryLayout<linger>.size))
                return false
            case .awaitEnd:
                var byte: UInt8 = 0
                while recv(descriptor, &byte, 1, 0) > 0 {}
                return false
            }
        }
        return true
    }

    private func readHead(_ descriptor: Int32, _ input: inout [UInt8]) -> String? {
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let range = input.firstRange(of: end) {
                defer { input.removeSubrange(..<range.upperBound) }
                return String(decoding: input[..<range.upperBound], as: UTF8.self)
            }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            input += buffer[..<count]
        }
    }

    private static func sendAll(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    private static func pause(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        if duration > .zero { usleep(UInt32(seconds * 1_000_000 + attoseconds / 1_000_000_000_000)) }
    }
}
