// SPDX-License-Identifier: Apache-2.0

import FrontendCore
import Testing

struct RequestHeadParserTests {
    enum Outcome: Equatable, Sendable {
        /// Method, target, bytes taken, stays open.
        case head(String, String, Int, Bool)
        case needsMore
        /// The status that refuses it.
        case refused(Int)
    }

    static func parse(_ text: some Collection<UInt8>) -> Outcome {
        Array(text).withUnsafeBytes { bytes in
            do throws(RequestHeadParser.Failure) {
                guard let (head, consumed) = try RequestHeadParser.parse(bytes) else { return .needsMore }
                return .head(head.method, head.target, consumed, head.keepsAlive)
            } catch {
                return .refused(error.status)
            }
        }
    }

    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    static let accepted: [(text: String, method: String, target: String, staysOpen: Bool)] = [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/", true),
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/", true),
        ("GET /a?b=c HTTP/1.1\r\nHOST:a\r\n\r\n", "GET", "/a?b=c", true),
        (
            "GET /200x/http://a.test/b%20c.jpg?x HTTP/1.1\r\nHost: a\r\nX: \t y \t\r\n\r\n", "GET",
            "/200x/http://a.test/b%20c.jpg?x", true
        ),
        ("HEAD / HTTP/1.0\r\n\r\n", "HEAD", "/", false),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET", "/", true),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET", "/", false),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, \tCLOSE , y\r\n\r\n", "GET", "/", false),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", "GET", "/", true),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS", "*", true),
        ("GET http://host/path HTTP/1.1\r\nHost: other\r\n\r\n", "GET", "/path", true),
        ("GET https://host/ HTTP/1.1\r\nHost: other\r\n\r\n", "GET", "/", true),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET", "/", true),
        ("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n", "M-SEARCH", "/", true),
        ("GET /\u{E9} HTTP/1.1\r\nHost: a\r\nX: \u{E9}\r\n\r\n", "GET", "/\u{E9}", true),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "GET", "/", true),
        (
            "GET /" + String(repeating: "a", count: 8000) + " HTTP/1.1\r\nHost: a\r\n\r\n", "GET",
            "/" + String(repeating: "a", count: 8000), true
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: a\r\n", count: 99) + "\r\n", "GET", "/", true),
    ]

    @Test(arguments: accepted)
    func `a right head is read, and nothing after it`(text: String, method: String, target: String, staysOpen: Bool) {
        let bytes = Self.bytes(text)
        let expected = Outcome.head(method, target, bytes.count, staysOpen)
        #expect(Self.parse(bytes) == expected)
        #expect(Self.parse(bytes + Self.bytes("GET / HTTP/1.1\r\n")) == expected)
        #expect(Self.parse(bytes + [0, 10, 13]) == expected)
    }

    static let refused: [(text: String, status: Int)] = [
        ("GET / HTTP/1.1\nHost: a\n\n", 400), ("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", 400), ("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400),
        ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400), ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n: a\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nX\u{E9}: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{7F}\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400), ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{0B}chunked\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n", 400),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400), ("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET /\r\nHost: a\r\n\r\n", 400), ("GET\r\n\r\n", 400),
        ("GET / HTTP/1.1x\r\nHost: a\r\n\r\n", 400), ("GET / HTTP/1.\r\nHost: a\r\n\r\n", 400),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", 400), ("GET / HTTP/11\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505), ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
        ("GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505), ("G\u{E9}T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GETGETGETGETGETGETGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /a\u{7F} HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET /a\u{1} HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /" + String(repeating: "a", count: 8200) + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (String(repeating: "a", count: 20_000), 414), ("GET /" + String(repeating: "a", count: 20_000), 414),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "a", count: 17_000) + "\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: a\r\n", count: 100) + "\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: a\r\n", count: 5000), 431),
    ]

    @Test(arguments: refused)
    func `what could be understood in two ways is refused`(text: String, status: Int) {
        #expect(Self.parse(Self.bytes(text)) == .refused(status))
    }

    @Test(arguments: accepted.map(\.text) + refused.map(\.text))
    func `a head that comes byte by byte means the same`(text: String) {
        let bytes = Self.bytes(text)
        let whole = Self.parse(bytes)
        // Long ones in larger steps: each of them is parsed from its beginning.
        let step = max(1, bytes.count / 500)
        for count in stride(from: 0, to: bytes.count, by: step) {
            let part = Self.parse(bytes.prefix(count))
            guard part != .needsMore else { continue }
            // Decided early: that is only right when nothing that follows could change it.
            #expect(part == whole, "after \(count) bytes")
            return
        }
        #expect(whole != .needsMore)
    }

    @Test func `a head that is not complete waits for the rest`() {
        let bytes = Self.bytes("\r\nGET /a HTTP/1.1\r\nHost: a\r\nX: b\r\n\r\n")
        for count in 0..<bytes.count { #expect(Self.parse(bytes.prefix(count)) == .needsMore) }
    }

    @Test func `an end that never comes is refused at the limit`() {
        for text in ["GET / HTTP/1.1\r\nHost: a\r\nX: ", "GET / HTTP/1.1\r\nHost: a\r\nX"] {
            let bytes = Self.bytes(text) + [UInt8](repeating: 0x61, count: 16 << 10)
            #expect(Self.parse(bytes.prefix((16 << 10) - 1)) == .needsMore)
            #expect(Self.parse(bytes.prefix(16 << 10)) == .refused(431))
            #expect(Self.parse(bytes) == .refused(431))
        }
    }

    @Test func `fields are found without regard to case, the first of a name`() throws {
        let bytes = Self.bytes("GET / HTTP/1.1\r\nHost: a\r\nX-One:  1 \r\nx-oNE: 2\r\nEmpty:\r\n\r\n")
        let head = try #require(
            try bytes.withUnsafeBytes { buffer in try RequestHeadParser.parse(buffer)?.head })
        #expect(head.header("x-one") == "1")
        #expect(head.header("EMPTY") == "")
        #expect(head.header("x-on") == nil)
        #expect(head.header("host") == "a")
    }

    @Test(arguments: [
        ("", RequestHead.Body.none), ("Content-Length: 0\r\n", .none), ("Content-Length: 12\r\n", .length(12)),
        ("Content-Length: 999999999999999999\r\n", .length(999_999_999_999_999_999)),
        ("Transfer-Encoding: Chunked\r\n", .chunked),
    ])
    func `a body is announced in one way`(field: String, body: RequestHead.Body) throws {
        let bytes = Self.bytes("POST / HTTP/1.1\r\nHost: a\r\n\(field)\r\n")
        let head = try #require(try bytes.withUnsafeBytes { buffer in try RequestHeadParser.parse(buffer)?.head })
        #expect(head.body == body)
    }

    @Test func `no byte anywhere makes it trap`() {
        let bytes = Self.bytes(
            "GET http://a/b HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\nContent-Length: 0\r\n\r\n")
        for index in bytes.indices {
            for byte in UInt8.min...UInt8.max {
                var mutated = bytes
                mutated[index] = byte
                if case .head(_, _, let consumed, _) = Self.parse(mutated) { #expect(consumed <= bytes.count) }
                _ = Self.parse(mutated.prefix(index + 1))
            }
        }
    }
}
