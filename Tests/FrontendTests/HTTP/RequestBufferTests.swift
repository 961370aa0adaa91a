// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FrontendCore

struct RequestBufferTests {
    private static let limits = RequestHeadParser.Limits()

    /// Feeds `text` in pieces, and gives the targets of the requests that come out.
    private static func targets(
        _ text: String, pieces: Int, into buffer: inout RequestBuffer
    ) throws(RequestHeadParser.Failure) -> [String] {
        var found: [String] = []
        let bytes = Array(text.utf8)
        var at = 0
        while at < bytes.count {
            let piece = Array(bytes[at..<min(at + pieces, bytes.count)])
            at += piece.count
            let span = piece.span.bytes
            var head = try span.withUnsafeBytes { (piece) throws(RequestHeadParser.Failure) in
                try buffer.next(adding: piece, Self.limits)
            }
            while let one = head {
                found.append(one.target)
                head = buffer.isEmpty ? nil : try buffer.next(Self.limits)
            }
        }
        return found
    }

    @Test(arguments: [1, 2, 3, 7, 40, 1000])
    func `requests come out however they came in`(pieces: Int) throws {
        var buffer = RequestBuffer()
        let text = (0..<20).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined()
        let targets = try Self.targets(text, pieces: pieces, into: &buffer)
        #expect(targets == (0..<20).map { "/\($0)" })
        #expect(buffer.isEmpty)
    }

    @Test func `a head that comes byte by byte is not read at every byte`() throws {
        var buffer = RequestBuffer()
        let head = "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "a", count: 12_000) + "\r\n\r\n"
        #expect(try Self.targets(head, pieces: 1, into: &buffer) == ["/"])
        // Reading it at every byte would be 72 million.
        #expect(buffer.parsed < 10 * head.utf8.count, "\(buffer.parsed) bytes")
        var lines = RequestBuffer()
        let fields = String(repeating: "X: " + String(repeating: "a", count: 100) + "\r\n", count: 98)
        #expect(try Self.targets("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n", pieces: 1, into: &lines) == ["/"])
        #expect(lines.parsed < 110 * fields.utf8.count, "\(lines.parsed) bytes")
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400), ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
        ("GET /" + String(repeating: "a", count: 20_000), 414),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "a", count: 20_000), 431),
    ])
    func `what is wrong is found in the smallest pieces, too`(text: String, status: Int) {
        var buffer = RequestBuffer()
        let error = #expect(throws: RequestHeadParser.Failure.self) {
            try Self.targets(text, pieces: 1, into: &buffer)
        }
        #expect(error?.status == status)
        // At the latest when the largest head would be whole.
        #expect(buffer.count <= Self.limits.head)
    }
}
