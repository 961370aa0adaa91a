// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Foundation
import Platform
import Testing

@testable import FrontendCore

/// The fetcher against origins that behave, and that do not.
struct FetchTests {
    /// Settings under which a test's origin may be fetched from.
    static var open: FetchSettings {
        var settings = FetchSettings()
        settings.rules.addresses.allowPrivateNetworks = true
        return settings
    }

    /// Fetches once, with a fetcher of its own.
    static func fetch(
        _ url: String, _ settings: FetchSettings = Self.open, headers: [(String, String)] = [],
        validatorsOf stored: String? = nil
    ) async throws -> FetchedResource {
        try await onLoop {
            let fetcher = Fetcher(settings)
            defer { fetcher.close() }
            return try await fetcher.fetch(url, headers: HTTPFields(headers), validatorsOf: stored)
        }
    }

    static func failure(_ url: String, _ settings: FetchSettings = Self.open) async throws -> FetchError? {
        do {
            _ = try await Self.fetch(url, settings)
            return nil
        } catch let error as FetchError {
            return error
        }
    }

    static func ok(_ body: String, _ fields: String = "") -> String {
        "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)"
    }

    static func chunk(_ bytes: [UInt8]) -> [UInt8] {
        Array(String(bytes.count, radix: 16).utf8) + Array("\r\n".utf8) + bytes + Array("\r\n".utf8)
    }

    // MARK: Good answers

    @Test func `an answer comes with status, headers and body`() async throws {
        let origin = ScriptedOrigin(always: Self.ok("picture", "X-One: 1\r\nx-two:  2 \r\nX-One: 3\r\n"))
        defer { origin.stop() }
        let answer = try await Self.fetch(origin.url + "/a?b=c#d")
        #expect(answer.status == 200)
        #expect(Array(answer.body.bytes) == Array("picture".utf8))
        #expect(answer.url == origin.url + "/a?b=c")
        #expect(answer.headers.values(named: "x-one") == ["1", "3"])
        #expect(answer.headers["X-Two"] == "2")
    }

    @Test func `the request says what was configured, and nothing else`() async throws {
        let origin = ScriptedOrigin(always: Self.ok(""))
        defer { origin.stop() }
        var settings = Self.open
        settings.userAgent = "tester/1"
        settings.accept = "image/*, text/plain"
        _ = try await Self.fetch(origin.url + "/a/../b%2e?q", settings, headers: [("X-A", "1"), ("X-E", "")])
        let head = try #require(origin.requests.first?.head)
        #expect(
            Set(head.components(separatedBy: "\r\n")) == [
                "GET /a/../b%2e?q HTTP/1.1", "Host: 127.0.0.1:\(origin.port)", "User-Agent: tester/1",
                "Accept: image/*, text/plain", "Accept-Encoding: identity", "X-A: 1", "X-E:", "",
            ])
    }

    @Test func `an empty user agent is the original's library, no content types are no Accept`() async throws {
        let origin = ScriptedOrigin(always: Self.ok(""))
        defer { origin.stop() }
        _ = try await Self.fetch(origin.url)
        #expect(origin.requests.first?.value(of: "User-Agent") == "Go-http-client/1.1")
        #expect(origin.requests.first?.value(of: "Accept") == nil)
    }

    @Test(arguments: ["Accept-Encoding", "Host", "Connection", "Transfer-Encoding", "Content-Length", "Expect"])
    func `headers that frame the request are not the caller's`(name: String) async throws {
        let origin = ScriptedOrigin(always: Self.ok("ok"))
        defer { origin.stop() }
        let answer = try await Self.fetch(origin.url, headers: [(name, "7")])
        #expect(answer.status == 200)
        #expect(origin.requests.first?.head.contains(": 7\r\n") == false)
    }

    @Test func `a header of two lines is not sent`() async throws {
        let origin = ScriptedOrigin(always: Self.ok("ok"))
        defer { origin.stop() }
        await #expect(throws: FetchError.internalFailure("a request header that cannot be sent")) {
            try await Self.fetch(origin.url, headers: [("X-A", "1\r\nX-B: 2")])
        }
        #expect(origin.accepted == 0)
    }

    @Test(arguments: [0, 1, Blob.smallestSealed - 1, Blob.smallestSealed, 300_000], [true, false])
    func `bodies of every size arrive whole`(size: Int, isChunked: Bool) async throws {
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let origin = ScriptedOrigin { _ in
            guard isChunked else {
                return [.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n"), .bytes(body)]
            }
            let parts = stride(from: 0, to: size, by: 7000).map { Self.chunk(Array(body[$0..<min(size, $0 + 7000)])) }
            return [.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")] + parts.map { .bytes($0) } + [
                .send("0\r\n\r\n")
            ]
        }
        defer { origin.stop() }
        let answer = try await Self.fetch(origin.url)
        #expect(Array(answer.body.bytes) == body)
        // What is large enough is where a worker can be given it: no copy is made for that.
        guard size > 0 else { return }
        let isSealed = try answer.body.sealed().bytes.baseAddress == answer.body.bytes.baseAddress
        #expect(isSealed == (size >= Blob.smallestSealed))
        // Its first bytes are at hand without the others.
        let head = answer.body.withHead { head in head.indices.map { head[$0] } }
        #expect(head == Array(body.prefix(isSealed ? Blob.headLength : size)))
    }

    @Test(arguments: [20_000, 1 << 20, 1_500_000], [true, false])
    func `the digest of what was fetched is that of its bytes`(size: Int, isAnnounced: Bool) async throws {
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let length = isAnnounced ? "Content-Length: \(size)\r\n" : ""
        let origin = ScriptedOrigin { _ in [.send("HTTP/1.1 200 OK\r\n\(length)\r\n"), .bytes(body), .close] }
        defer { origin.stop() }
        var settings = Self.open
        settings.digestsBodies = true
        let fetched = try await Self.fetch(origin.url, settings).body
        // Up to a mebibyte it is known by then.
        #expect((fetched.knownDigest != nil) == (size <= 1 << 20))
        let digest = try await onLoop { await fetched.digest() }
        #expect(digest == body.withUnsafeBytes { ContentDigest(of: $0) })
        #expect(try await Self.fetch(origin.url).body.knownDigest == nil)
    }

    @Test(arguments: [
        "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ])
    func `an empty body is one`(answer: String) async throws {
        let origin = ScriptedOrigin(always: answer)
        defer { origin.stop() }
        #expect(try await Self.fetch(origin.url).body.count == 0)
    }

    @Test func `an interim answer is passed over`() async throws {
        let origin = ScriptedOrigin(
            always: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + Self.ok("ok"))
        defer { origin.stop() }
        let answer = try await Self.fetch(origin.url)
        #expect(answer.status == 200)
        #expect(answer.headers.map(\.name).count == 1)
    }

    @Test func `without a length the body ends with the connection`() async throws {
        let origin = ScriptedOrigin { _ in [.send("HTTP/1.0 200 OK\r\n\r\nall of it"), .close] }
        defer { origin.stop() }
        let answer = try await Self.fetch(origin.url)
        #expect(String(decoding: answer.body.bytes, as: UTF8.self) == "all of it")
    }

    @Test func `a connection is used again`() async throws {
        let origin = ScriptedOrigin(always: Self.ok("ok"))
        defer { origin.stop() }
        let url = origin.url
        try await onLoop {
            let fetcher = Fetcher(Self.open)
            defer { fetcher.close() }
            for number in 0..<5 { _ = try await fetcher.fetch("\(url)/\(number)", headers: HTTPFields()) }
        }
        #expect(origin.requests.count == 5)
        #expect(origin.accepted == 1)
    }

    @Test func `a connection that the origin closed meanwhile is no failure`() async throws {
        let origin = ScriptedOrigin { _ in [.send(Self.ok("ok")), .close] }
        defer { origin.stop() }
        let url = origin.url
        try await onLoop {
            let fetcher = Fetcher(Self.open)
            defer { fetcher.close() }
            for _ in 0..<5 {
                let answer = try await fetcher.fetch(url, headers: HTTPFields())
                #expect(answer.status == 200)
            }
        }
        #expect(origin.accepted == 5)
    }

    @Test func `many fetches run side by side`() async throws {
        let origin = ScriptedOrigin { [.pause(.milliseconds(100)), .send(Self.ok($0.path))] }
        defer { origin.stop() }
        let url = origin.url
        try await onLoop {
            let fetcher = Fetcher(Self.open)
            defer { fetcher.close() }
            let tasks = (0..<40).map { number in
                spawn { try await fetcher.fetch("\(url)/\(number)", headers: HTTPFields()).body }
            }
            for (number, task) in tasks.enumerated() {
                let body = try await task.value
                #expect(Array(body.bytes) == Array("/\(number)".utf8))
            }
        }
    }

    @Test func `what was sent after an answer is not the answer to the next request`() async throws {
        let evil = Self.ok("EVIL")
        for pause in [Duration.zero, .milliseconds(50)] {
            let origin = ScriptedOrigin { request in
                guard request.path == "/1" else { return [.send(Self.ok("good"))] }
                return [.send(Self.ok("1")), .pause(pause), .send(evil)]
            }
            defer { origin.stop() }
            let url = origin.url
            try await onLoop {
                let fetcher = Fetcher(Self.open)
                defer { fetcher.close() }
                _ = try await fetcher.fetch(url + "/1", headers: HTTPFields())
                try await sleep(for: .milliseconds(150))
                let second = try await fetcher.fetch(url + "/2", headers: HTTPFields())
                #expect(Array(second.body.bytes) == Array("good".utf8))
            }
            #expect(origin.accepted == 2)
        }
    }

    // MARK: Bad answers

    struct Lie: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let kind: String
        let steps: [ScriptedOrigin.Step]

        init(_ name: String, _ kind: String, _ steps: ScriptedOrigin.Step...) {
            self.testDescription = name
            self.kind = kind
            self.steps = steps
        }
    }

    static let lies: [Lie] = [
        Lie("cut short of its length", "protocol", .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), .close),
        Lie(
            "a large one cut short", "protocol", .send("HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n"),
            .bytes([UInt8](repeating: 1, count: 50_000)), .close),
        Lie("no body at all", "protocol", .send("HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n"), .close),
        Lie(
            "cut inside a chunk", "protocol",
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf"), .close),
        Lie(
            "cut between chunks", "protocol",
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"), .close),
        Lie(
            "a bad chunk size", "protocol",
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhalf\r\n0\r\n\r\n"), .close),
        Lie(
            "reset in the body", "protocol", .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
            .pause(.milliseconds(30)), .reset),
        Lie("reset in the head", "protocol", .send("HTTP/1.1 200 OK\r\nConte"), .pause(.milliseconds(30)), .reset),
        Lie("closed in the head", "protocol", .send("HTTP/1.1 200 OK\r\nConte"), .close),
        Lie("closed without a word", "protocol", .close),
        Lie("HTTP/0.9", "protocol", .send("<html>hello</html>"), .close),
        Lie("a banner of another protocol", "protocol", .send("SSH-2.0-OpenSSH_9.2\r\n"), .close),
        Lie("gzip nobody asked for", "content_coding", .send(Self.ok("xx", "Content-Encoding: gzip\r\n"))),
        Lie("br after identity", "content_coding", .send(Self.ok("xx", "Content-Encoding: identity, br\r\n"))),
        Lie(
            "too many fields", "protocol",
            .send(Self.ok("", (0..<101).map { "X-\($0): 1\r\n" }.joined()))),
        Lie(
            "too many bytes of fields", "protocol",
            .send(
                Self.ok("", (0..<70).map { "X-\($0): \(String(repeating: "a", count: 1000))\r\n" }.joined()))),
        Lie(
            "one endless field", "protocol", .send("HTTP/1.1 200 OK\r\nX: "),
            .endlessly([UInt8](repeating: 0x61, count: 10_000), every: .zero)),
        Lie(
            "fields without end", "protocol", .send("HTTP/1.1 200 OK\r\n"),
            .endlessly(Array("X: y\r\n".utf8), every: .zero)),
        Lie(
            "interim answers without end", "protocol",
            .endlessly(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8), every: .zero)),
        Lie("two lengths", "protocol", .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk")),
        Lie("a list of lengths", "protocol", .send("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok")),
        Lie("a negative length", "protocol", .send("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok"), .close),
        Lie("a length with a sign", "protocol", .send("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok"), .close),
        Lie(
            "length and chunks", "protocol",
            .send(
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")),
        Lie(
            "chunks and length", "protocol",
            .send(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n")),
        Lie(
            "another transfer coding", "protocol",
            .send(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")),
        Lie("a control character", "protocol", .send(Self.ok("ok", "X: a\u{1}b\r\n"))),
        Lie("a NUL", "protocol", .send(Self.ok("ok", "X: a\u{0}b\r\n"))),
        Lie("a bare CR", "protocol", .send(Self.ok("ok", "X: a\rSet-Cookie: b\r\n"))),
        Lie("a folded field", "protocol", .send(Self.ok("ok", "X: a\r\n b\r\n"))),
        Lie("a space before the colon", "protocol", .send(Self.ok("ok", "X : a\r\n"))),
        Lie("a line without a colon", "protocol", .send(Self.ok("ok", "nonsense\r\n"))),
        Lie(
            "an unasked switch of protocols", "protocol",
            .send(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"), .pause(.milliseconds(50)), .close),
        Lie("an unasked \"not modified\"", "protocol", .send("HTTP/1.1 304 Not Modified\r\n\r\n")),
        Lie("a bad status", "protocol", .send("HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"), .close),
        Lie(
            "a trailer without end", "protocol",
            .send(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"),
            .endlessly(Array("X: y\r\n".utf8), every: .zero)),
    ]

    @Test(arguments: Self.lies)
    func `an answer that breaks the rules is refused, and its connection not used again`(lie: Lie) async throws {
        let origin = ScriptedOrigin { $0.path == "/lie" ? lie.steps : [.send(Self.ok("good"))] }
        defer { origin.stop() }
        let url = origin.url
        var settings = Self.open
        settings.limits.total = .seconds(20)
        let kind = try await onLoop { [settings] in
            let fetcher = Fetcher(settings)
            defer { fetcher.close() }
            var kind: String?
            do {
                _ = try await fetcher.fetch(url + "/lie", headers: HTTPFields())
            } catch let error as FetchError {
                kind = error.kind
            }
            let next = try await fetcher.fetch(url, headers: HTTPFields())
            #expect(Array(next.body.bytes) == Array("good".utf8))
            return kind
        }
        #expect(kind == lie.kind)
        // A "not modified" that came unasked is well framed: that connection may live on.
        #expect(origin.accepted == 2 || lie.testDescription.contains("not modified"))
    }

    // MARK: Limits

    @Test func `a source of exactly the limit is fetched`() async throws {
        let origin = ScriptedOrigin(always: Self.ok(String(repeating: "x", count: 1000)))
        defer { origin.stop() }
        var settings = Self.open
        settings.limits.maximumBytes = 1000
        #expect(try await Self.fetch(origin.url, settings).body.count == 1000)
        settings.limits.maximumBytes = 999
        #expect(try await Self.failure(origin.url, settings) == .tooLarge(limit: 999))
    }

    @Test func `a length over the limit is refused before a byte of the body`() async throws {
        let origin = ScriptedOrigin { _ in [.send("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"), .awaitEnd] }
        defer { origin.stop() }
        var settings = Self.open
        settings.limits.maximumBytes = 1000
        #expect(try await Self.failure(origin.url, settings) == .tooLarge(limit: 1000))
    }

    @Test(arguments: ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"])
    func `an endless body is cut at the limit`(head: String) async throws {
        let part = [UInt8](repeating: 0x61, count: 10_000)
        let bytes = head.contains("chunked") ? Self.chunk(part) : part
        let origin = ScriptedOrigin { _ in [.send(head), .endlessly(bytes, every: .zero)] }
        defer { origin.stop() }
        var settings = Self.open
        settings.limits.maximumBytes = 1 << 20
        #expect(try await Self.failure(origin.url, settings) == .tooLarge(limit: 1 << 20))
    }

    private static func phase(of error: FetchError?) -> FetchPhase? {
        guard case .timedOut(let phase, _)? = error else { return nil }
        return phase
    }

    @Test func `an origin that does not answer is given up`() async throws {
        let origin = ScriptedOrigin { _ in [.awaitEnd] }
        defer { origin.stop() }
        var settings = Self.open
        settings.limits.firstByte = .milliseconds(200)
        #expect(Self.phase(of: try await Self.failure(origin.url, settings)) == .firstByte)
    }

    @Test func `an origin that drips is given up`() async throws {
        let origin = ScriptedOrigin { _ in
            [.send("HTTP/1.1 200 OK\r\n\r\n"), .endlessly([0x61], every: .milliseconds(20))]
        }
        defer { origin.stop() }
        var settings = Self.open
        settings.limits.lowSpeedWindow = .milliseconds(300)
        #expect(Self.phase(of: try await Self.failure(origin.url, settings)) == .lowSpeed)
    }

    @Test func `an origin that drips its head is given up`() async throws {
        let origin = ScriptedOrigin { _ in
            [.send("HTTP/1.1 200 OK\r\n"), .endlessly(Array("X: y\r\n".utf8), every: .milliseconds(50))]
        }
        defer { origin.stop() }
        var settings = Self.open
        settings.limits.lowSpeedWindow = .milliseconds(300)
        #expect(Self.phase(of: try await Self.failure(origin.url, settings)) == .lowSpeed)
    }

    @Test func `the whole fetch has one time limit`() async throws {
        let origin = ScriptedOrigin { _ in
            [
                .send("HTTP/1.1 200 OK\r\n\r\n"),
                .endlessly([UInt8](repeating: 0x61, count: 1000), every: .milliseconds(10)),
            ]
        }
        defer { origin.stop() }
        var settings = Self.open
        settings.limits.total = .milliseconds(500)
        #expect(Self.phase(of: try await Self.failure(origin.url, settings)) == .total)
    }

    @Test func `redirects share the time limit`() async throws {
        let origin = ScriptedOrigin { _ in
            [.pause(.milliseconds(150)), .send("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")]
        }
        defer { origin.stop() }
        var settings = Self.open
        settings.limits.total = .milliseconds(500)
        #expect(Self.phase(of: try await Self.failure(origin.url, settings)) == .total)
        #expect(origin.requests.count < 6)
    }

    // MARK: Ends

    @Test func `a port where nobody listens, a name that is none`() async throws {
        let origin = ScriptedOrigin(always: "")
        origin.stop()
        try await onLoop { try await sleep(for: .milliseconds(100)) }
        #expect(try await Self.failure(origin.url)?.kind == "connect")
        #expect(try await Self.failure("http://does-not-exist.invalid/")?.kind == "resolve")
    }

    @Test func `a connection that is never made is given up`() async throws {
        let full = FullListener()
        var settings = Self.open
        settings.limits.connect = .milliseconds(300)
        #expect(Self.phase(of: try await Self.failure("http://127.0.0.1:\(full.port)/", settings)) == .connect)
    }

    @Test func `who cannot be reached looks the same, whatever the reason`() {
        let texts = Set(
            [FetchError.forbiddenAddress("a"), .resolve("b"), .connect("c")].map { "\($0.status) \($0.publicMessage)" })
        #expect(texts.count == 1)
    }

    @Test func `a cancelled fetch ends at once, and its connection with it`() async throws {
        let origin = ScriptedOrigin { _ in [.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), .awaitEnd] }
        defer { origin.stop() }
        let url = origin.url
        try await onLoop {
            let fetcher = Fetcher(Self.open)
            let task = spawn { try await fetcher.fetch(url, headers: HTTPFields()).status }
            while origin.requests.isEmpty { try await sleep(for: .milliseconds(10)) }
            let start = ContinuousClock.now
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            // The fetcher lives on: it is the cancellation that closes.
            while origin.ended == 0, ContinuousClock.now - start < .seconds(5) {
                try await sleep(for: .milliseconds(10))
            }
            #expect(ContinuousClock.now - start < .seconds(2))
            fetcher.close()
        }
        #expect(origin.ended == 1)
    }

    @Test func `a task that was cancelled before fetches nothing`() async throws {
        let origin = ScriptedOrigin(always: Self.ok("ok"))
        defer { origin.stop() }
        let url = origin.url
        try await onLoop {
            let fetcher = Fetcher(Self.open)
            defer { fetcher.close() }
            let task = spawn { try await fetcher.fetch(url, headers: HTTPFields()).status }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(origin.requests.isEmpty)
    }

    @Test func `closing ends what runs, and leaves no handle behind`() async throws {
        let origin = ScriptedOrigin { $0.path == "/stuck" ? [.awaitEnd] : [.send(Self.ok("ok"))] }
        defer { origin.stop() }
        let url = origin.url
        // Other tests use the loop too. So one handle that is left per round, which is the least a leak could be, must
        // add up to more than they ever hold.
        let rounds = 60
        let fewest = try await onLoop {
            for round in 1...rounds {
                let fetcher = Fetcher(Self.open)
                for number in 0..<2 {
                    let status = try await fetcher.fetch(url + "/\(number)", headers: HTTPFields()).status
                    #expect(status == 200)
                }
                let stuck = spawn { try await fetcher.fetch(url + "/stuck", headers: HTTPFields()).status }
                while origin.requests.count < round * 3 { try await sleep(for: .milliseconds(1)) }
                fetcher.close()
                await #expect(throws: FetchError.internalFailure("closed")) { try await stuck.value }
                await #expect(throws: FetchError.internalFailure("closed")) {
                    try await fetcher.fetch(url, headers: HTTPFields())
                }
                fetcher.close()
            }
            var fewest = Loop.shared.openHandles
            for _ in 0..<500 where fewest >= rounds {
                try await sleep(for: .milliseconds(20))
                fewest = min(fewest, Loop.shared.openHandles)
            }
            return fewest
        }
        #expect(fewest < rounds)
    }

    @Test func `a fetcher that is dropped closes itself`() async throws {
        let origin = ScriptedOrigin(always: Self.ok("ok"))
        defer { origin.stop() }
        let url = origin.url
        _ = try await onLoop { try await Fetcher(Self.open).fetch(url, headers: HTTPFields()).status }
        try await onLoop {
            for _ in 0..<200 where origin.ended == 0 { try await sleep(for: .milliseconds(10)) }
        }
        #expect(origin.ended == 1)
    }
}
