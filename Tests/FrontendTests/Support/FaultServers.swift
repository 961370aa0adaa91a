// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Synchronization

/// A server that says what a closure tells it to, on a thread for each connection.
final class ScriptedServer: Sendable {
    private let listener: TestListener
    private let count = Atomic<Int>(0)

    var port: UInt16 { self.listener.port }
    var url: String { "redis://127.0.0.1:\(self.port)" }
    /// Connections that were accepted so far.
    var connections: Int { self.count.load(ordering: .relaxed) }

    /// - Parameter serve: gets each connection; it is closed when this returns.
    init(_ serve: @escaping @Sendable (Connection) -> Void) {
        guard let listener = TestListener(0) else { preconditionFailure("no free port") }
        self.listener = listener
        Thread.detachNewThread { [weak self] in
            while true {
                let descriptor = accept(listener.descriptor, nil, nil)
                guard descriptor >= 0 else { return }
                self?.count.add(1, ordering: .relaxed)
                Thread.detachNewThread {
                    serve(Connection(descriptor: descriptor))
                    Glibc.close(descriptor)
                }
            }
        }
    }

    deinit { self.listener.close() }

    struct Connection: Sendable {
        let descriptor: Int32

        func write(_ text: String) { self.write(Array(text.utf8)) }

        func write(_ bytes: [UInt8]) {
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes {
                    send(self.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }

        /// What has arrived, at least one byte; empty at the end.
        func read() -> [UInt8] {
            var buffer = [UInt8](repeating: 0, count: 65536)
            let count = recv(self.descriptor, &buffer, buffer.count, 0)
            return count > 0 ? Array(buffer[..<count]) : []
        }

        /// Answers what a link says at first, command by command as it comes; false when it hangs up.
        func greet() -> Bool {
            while true {
                let text = String(decoding: self.read(), as: UTF8.self)
                if text.isEmpty { return false }
                self.write(text.contains("PING") ? "+PONG\r\n" : "+OK\r\n")
                if text.contains("PING") { return true }
            }
        }
    }
}

/// Passes bytes on, each way after a delay.
final class DelayProxy: Sendable {
    private let server: ScriptedServer
    private let milliseconds: Shared

    private final class Shared: Sendable {
        let delay = Atomic<Int>(0)
    }

    var port: UInt16 { self.server.port }
    var url: String { self.server.url }

    init(to port: UInt16) {
        let shared = Shared()
        self.milliseconds = shared
        self.server = ScriptedServer { client in
            guard let descriptor = connectTCP(port) else { return }
            let upstream = ScriptedServer.Connection(descriptor: descriptor)
            let done = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                Self.pump(upstream, client, shared)
                done.signal()
            }
            Self.pump(client, upstream, shared)
            done.wait()
            close(descriptor)
        }
    }

    func delay(_ milliseconds: Int) { self.milliseconds.delay.store(milliseconds, ordering: .relaxed) }

    private static func pump(_ from: ScriptedServer.Connection, _ to: ScriptedServer.Connection, _ shared: Shared) {
        while true {
            let bytes = from.read()
            guard !bytes.isEmpty else { break }
            usleep(UInt32(shared.delay.load(ordering: .relaxed)) * 1000)
            to.write(bytes)
        }
        shutdown(to.descriptor, Int32(SHUT_RDWR))
        shutdown(from.descriptor, Int32(SHUT_RDWR))
    }
}
