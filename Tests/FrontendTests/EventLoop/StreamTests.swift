// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import Synchronization
import Testing

/// Holds a body, and says when it was let go.
///
/// `@unchecked`: the bytes are written before anybody else knows of them.
private final class Owner: @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer
    private let gone: Flag

    final class Flag: Sendable {
        private let value = Atomic<Bool>(false)
        var isSet: Bool { self.value.load(ordering: .acquiring) }
        func set() { self.value.store(true, ordering: .releasing) }
    }

    init(count: Int, gone: Flag) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        // A pattern of no power of two, so that a part in the wrong place shows; written once, then repeated.
        for index in 0..<min(count, 251) { buffer[index] = UInt8(index) }
        var filled = 251
        while filled < count {
            let part = min(filled, count - filled)
            memcpy(buffer.baseAddress! + filled, buffer.baseAddress!, part)
            filled += part
        }
        self.bytes = UnsafeRawBufferPointer(buffer)
        self.gone = gone
    }

    deinit {
        self.bytes.deallocate()
        self.gone.set()
    }
}

/// Sees whether a stream is still there without keeping it.
@LoopActor
private final class Weak {
    weak var stream: EventLoop.Stream?

    init(_ stream: EventLoop.Stream) { self.stream = stream }
}

/// The first connection that a listener accepts.
@LoopActor
private final class Accepted {
    private(set) var streams: [EventLoop.Stream] = []
    private var seen: [Weak] = []
    private var listener: Listener?
    private(set) var address = ""

    init(_ address: String) throws {
        self.listener = try Listener(address) { [unowned self] in
            self.streams.append($0)
            self.seen.append(Weak($0))
        }
        self.address = address
    }

    var port: Int { self.listener?.port ?? 0 }

    func first() async throws -> EventLoop.Stream {
        for _ in 0..<2000 where self.streams.isEmpty { try await sleep(for: .milliseconds(2)) }
        return try #require(self.streams.first)
    }

    /// Of all that were accepted, those that are still there.
    var alive: Int { self.seen.count { $0.stream != nil } }

    /// Closes what was accepted, and forgets it.
    func closeStreams() {
        for stream in self.streams { stream.close() }
        self.streams = []
    }

    func close() {
        self.closeStreams()
        self.listener?.close()
        self.listener?.close()
        self.listener = nil
    }
}

/// A client on either kind of address, run on the thread pool.
private func onClient<Value: Sendable>(
    _ address: String, port: Int, receiveBuffer: Int32 = 0,
    _ body: @escaping @Sendable (borrowing BlockingClient) -> Value
) async -> Value? {
    await work { () -> Value? in
        if address.hasPrefix("unix:") {
            guard let client = BlockingClient(path: String(address.dropFirst(5))) else { return nil }
            return body(client)
        }
        guard let client = BlockingClient(port: port, receiveBuffer: receiveBuffer) else { return nil }
        return body(client)
    }
}

private var nobody: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

@Suite(.serialized) struct StreamTests {
    static let addresses = ["127.0.0.1:0", "unix:/tmp/imageproxy-test-stream-\(getpid()).sock"]

    @Test(arguments: addresses)
    func `what is sent arrives, both ways, and then the end`(address: String) async throws {
        try await onLoop {
            let accepted = try Accepted(address)
            let port = accepted.port
            let answer = spawn { () async throws -> [UInt8]? in
                await onClient(address, port: port) { client in
                    client.send("question")
                    client.finishSending()
                    return client.receive(100)
                }
            }
            let stream = try await accepted.first()
            var received: [UInt8] = []
            var ends = 0
            stream.startReading { input in
                switch input {
                case .bytes(let bytes): received += bytes
                case .end: ends += 1
                }
            }
            for _ in 0..<2000 where ends == 0 { try await sleep(for: .milliseconds(2)) }
            #expect(received == Array("question".utf8))
            try await stream.write(head: Array("an".utf8), body: nobody, owner: nil, stall: .seconds(5))
            let body = Array("swer".utf8)
            try await stream.write(head: body, body: nobody, owner: nil, stall: .seconds(5))
            stream.shutDownWriting()
            #expect(try await answer.value == Array("answer".utf8))
            #expect(ends == 1)
            accepted.close()
        }
    }

    @Test(arguments: addresses)
    func `a large body waits for its client, whole and with its owner`(address: String) async throws {
        let gone = Owner.Flag()
        let count = 24 << 20
        try await onLoop {
            let accepted = try Accepted(address)
            let port = accepted.port
            let mayRead = Owner.Flag()
            let client = spawn { () async throws -> (Int, Bool)? in
                await onClient(address, port: port) { client in
                    while !mayRead.isSet { usleep(1000) }
                    let bytes = client.receive(4 + count)
                    // Compared as a whole: byte by byte takes long in a debug build.
                    let expected = Owner(count: count, gone: Owner.Flag())
                    let isRight =
                        bytes.count == 4 + count
                        && bytes.withUnsafeBytes {
                            memcmp($0.baseAddress! + 4, expected.bytes.baseAddress!, count) == 0
                        }
                    return (bytes.count, isRight && bytes.starts(with: "head".utf8))
                }
            }
            let stream = try await accepted.first()
            let isWritten = Owner.Flag()
            let writing = spawn { () async throws -> Void in
                let owner = Owner(count: count, gone: gone)
                try await stream.write(head: Array("head".utf8), body: owner.bytes, owner: owner, stall: .seconds(20))
                isWritten.set()
            }
            try await sleep(for: .milliseconds(100))
            // The kernel does not hold that much: the write is still waiting, and its bytes are alive.
            #expect(!isWritten.isSet)
            #expect(!gone.isSet)
            mayRead.set()
            let (received, isRight) = try #require(try await client.value)
            #expect(received == 4 + count)
            #expect(isRight)
            try await writing.value
            for _ in 0..<500 where !gone.isSet { try await sleep(for: .milliseconds(2)) }
            #expect(gone.isSet)
            accepted.close()
        }
    }

    @Test(arguments: addresses)
    func `a client that takes nothing is cut off`(address: String) async throws {
        let gone = Owner.Flag()
        try await onLoop {
            let accepted = try Accepted(address)
            let port = accepted.port
            let mayEnd = Owner.Flag()
            let client = spawn { () async throws -> Bool? in
                await onClient(address, port: port) { _ in
                    while !mayEnd.isSet { usleep(1000) }
                    return true
                }
            }
            let stream = try await accepted.first()
            let start = ContinuousClock().now
            do {
                let owner = Owner(count: 24 << 20, gone: gone)
                await #expect(throws: LoopError.self) {
                    try await stream.write(head: [1], body: owner.bytes, owner: owner, stall: .milliseconds(100))
                }
            }
            #expect(ContinuousClock().now - start < .seconds(8))
            #expect(stream.isClosed)
            mayEnd.set()
            _ = try await client.value
            for _ in 0..<500 where !gone.isSet { try await sleep(for: .milliseconds(2)) }
            #expect(gone.isSet)
            accepted.close()
        }
    }

    @Test(arguments: addresses)
    func `a client whose bytes are not wanted has to wait`(address: String) async throws {
        try await onLoop {
            let accepted = try Accepted(address)
            let port = accepted.port
            let total = 64 << 20
            let client = spawn { () async throws -> Int? in
                await onClient(address, port: port) { $0.send(total, of: 7, seconds: 1) }
            }
            let stream = try await accepted.first()
            var received = 0
            stream.startReading { input in
                guard case .bytes(let bytes) = input else { return }
                received += bytes.count
                if received > 1 << 16 { stream.stopReading() }
            }
            let sent = try #require(try await client.value)
            #expect(sent < total)
            #expect(received < 1 << 18)
            accepted.close()
        }
    }

    @Test(arguments: addresses)
    func `a closed stream is not written to, and its reader not called`(address: String) async throws {
        try await onLoop {
            let accepted = try Accepted(address)
            let port = accepted.port
            let client = spawn { () async throws -> [UInt8]? in
                await onClient(address, port: port) { client in
                    client.send("ignored")
                    return client.receive(1)
                }
            }
            let stream = try await accepted.first()
            stream.startReading { _ in Issue.record("called after close") }
            stream.close()
            stream.close()
            stream.shutDownWriting()
            stream.stopReading()
            stream.startReading { _ in Issue.record("called after close") }
            await #expect(throws: LoopError.self) {
                try await stream.write(head: [1], body: nobody, owner: nil, stall: .seconds(1))
            }
            #expect(try await client.value == [])
            accepted.close()
        }
    }

    @Test func `a port that is taken is an error, and port 0 a question`() async throws {
        try await onLoop {
            let first = try Listener("127.0.0.1:0") { $0.close() }
            #expect(first.port > 0)
            #expect(throws: LoopError.self) { _ = try Listener("127.0.0.1:\(first.port)") { $0.close() } }
            for bad in ["nonsense", "127.0.0.1:notaport", "256.1.1.1:0", "unix:/nonexistent/directory/x.sock"] {
                #expect(throws: LoopError.self) { _ = try Listener(bad) { $0.close() } }
            }
            first.close()
            let every = try Listener(":0") { $0.close() }
            #expect(every.port > 0)
            every.close()
        }
    }

    @Test func `a socket left behind is replaced, one in use is not`() async throws {
        let path = "/tmp/imageproxy-test-left-\(getpid()).sock"
        defer { unlink(path) }
        try await onLoop {
            // As a process that was killed leaves it: bound, and nobody listens.
            let abandoned = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let status = withUnsafeBytes(of: &address) {
                bind(abandoned, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
            }
            #expect(status == 0)
            close(abandoned)

            let listener = try Listener("unix:\(path)") { $0.close() }
            #expect(throws: LoopError.self) { _ = try Listener("unix:\(path)") { $0.close() } }
            #expect(access(path, F_OK) == 0)
            listener.close()
            #expect(access(path, F_OK) != 0)
        }
    }

    @Test func `a file that is no socket is not removed`() async throws {
        let path = "/tmp/imageproxy-test-file-\(getpid())"
        close(open(path, O_CREAT | O_WRONLY, 0o600))
        defer { unlink(path) }
        try await onLoop {
            #expect(throws: LoopError.self) { _ = try Listener("unix:\(path)") { $0.close() } }
            #expect(access(path, F_OK) == 0)
        }
    }

    @Test(arguments: addresses)
    func `connections leave no handle and no descriptor`(address: String) async throws {
        try await onLoop {
            let accepted = try Accepted(address)
            let port = accepted.port
            let times = 100
            for _ in 0..<times {
                _ = await onClient(address, port: port) { client in
                    client.send("x")
                    client.finishSending()
                }
            }
            for _ in 0..<5000 where accepted.streams.count < times { try await sleep(for: .milliseconds(2)) }
            // A stream lives as long as its handle: this one counts those of this test, whatever other suites have open.
            #expect(accepted.alive == times)
            accepted.closeStreams()
            for _ in 0..<5000 where accepted.alive > 0 { try await sleep(for: .milliseconds(2)) }
            #expect(accepted.alive == 0)
            accepted.close()
        }
    }
}
