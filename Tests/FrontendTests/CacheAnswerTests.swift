// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FrontendCore

/// What of a stored answer reaches the client, and how.
struct CacheAnswerTests {
    private static let date = "Sun, 06 Nov 1994 08:49:37 GMT"

    private static func answer(
        _ fields: String, _ headers: [(String, String)] = [], method: String = "GET", selecting: [String] = [],
        passing: [String] = [], now: Int64 = 1000
    ) throws -> HTTPResponse {
        let bytes = Array("\(method) /x HTTP/1.1\r\nHost: h\r\n\(fields)\r\n".utf8)
        let parsed = try #require(try bytes.withUnsafeBytes { try RequestHeadParser.parse($0) })
        let headers = HTTPFields([("ETag", "\"a\""), ("Last-Modified", Self.date)] + headers)
        let entry = CacheEntry(
            status: 200, headers: headers, contentType: "image/png", body: Blob(Array("0123456789".utf8)),
            freshness: Freshness(status: 200, headers: headers, now: 1000))
        let responder = Responder(passedHeaders: passing, selectingHeaders: selecting)
        return responder.answer(Picture(entry: entry, outcome: .hit), to: HTTPRequest(head: parsed.head), now: now)
    }

    private static func header(_ response: HTTPResponse, _ name: String) -> String? {
        response.headers.first { $0.0.equalsIgnoringCase(name) }?.1
    }

    private static func text(_ response: HTTPResponse) -> String {
        guard case .buffer(let bytes, let owner) = response.body else { return "" }
        return withExtendedLifetime(owner) { String(decoding: bytes, as: UTF8.self) }
    }

    @Test(
        arguments: [
            ("bytes=0-1", .part(0..<2)), ("bytes=1-", .part(1..<10)), ("bytes=-1", .part(9..<10)),
            ("bytes=0-99", .part(0..<10)), ("bytes=-99", .part(0..<10)), ("BYTES = 2 - 3", .whole),
            ("bytes= 2-3 ", .part(2..<4)), ("bytes=9-9", .part(9..<10)), ("bytes=10-", .nothing),
            ("bytes=-0", .nothing),
            ("bytes=5-4", .whole), ("bytes=0-1,3-4", .whole), ("bytes=a-b", .whole), ("bytes=-", .whole),
            ("bytes=", .whole),
            ("bytes", .whole), ("", .whole), ("lines=0-1", .whole), ("bytes=+1-2", .whole), ("bytes=1--2", .whole),
            ("bytes=0-99999999999999999999999", .part(0..<10)), ("bytes=99999999999999999999999-", .nothing),
            ("bytes=-99999999999999999999999", .part(0..<10)),
        ] as [(String, ByteRange)])
    func `a part is what the client asks for, as far as it is there`(field: String, range: ByteRange) {
        #expect(ByteRange(field, count: 10) == range)
    }

    @Test func `of nothing there is no part`() {
        #expect(ByteRange("bytes=0-", count: 0) == .nothing)
        #expect(ByteRange("bytes=-5", count: 0) == .nothing)
    }

    @Test func `a part says which it is`() throws {
        let part = try Self.answer(
            "Range: bytes=2-4\r\n", [("Content-Range", "x")], passing: ["ETag", "Content-Range"])
        #expect(part.status == 206)
        #expect(Self.text(part) == "234")
        #expect(part.headers.filter { $0.0 == "Content-Range" }.map(\.1) == ["bytes 2-4/10"])
        #expect(Self.header(part, "ETag") == "\"a\"")
        #expect(Self.header(part, "X-Content-Type-Options") == "nosniff")
        let nothing = try Self.answer("Range: bytes=10-\r\n")
        #expect(nothing.status == 416)
        #expect(Self.header(nothing, "Content-Range") == "bytes */10")
    }

    @Test(arguments: [
        ("Range: bytes=0-1\r\nIf-Range: \"a\"\r\n", "GET", 206),
        ("Range: bytes=0-1\r\nIf-Range: \"b\"\r\n", "GET", 200),
        ("Range: bytes=0-1\r\nIf-Range: W/\"a\"\r\n", "GET", 200),
        ("Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "GET", 206),
        ("Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:38 GMT\r\n", "GET", 200),
        ("Range: bytes=0-1\r\nIf-None-Match: \"a\"\r\n", "GET", 304), ("Range: bytes=0-1\r\n", "HEAD", 200),
    ])
    func `a part is only a part of what the client means`(fields: String, method: String, status: Int) throws {
        #expect(try Self.answer(fields, method: method).status == status)
    }

    @Test func `a stored answer keeps its date and tells its age`() throws {
        for fields in ["", "If-None-Match: \"a\"\r\n", "Range: bytes=0-1\r\n"] {
            let answer = try Self.answer(fields, [("Date", Self.date)], now: 1060)
            #expect(answer.date == Self.date)
            #expect(answer.age == 60)
            let head = String(decoding: answer.serializedHead(date: "now", closes: false) ?? [], as: UTF8.self)
            #expect(head.contains("Date: \(Self.date)\r\n"))
            #expect(!head.contains("now"))
        }
        #expect(try Self.answer("").date == nil)
    }

    @Test(
        arguments: [
            ("Foo", ["Foo"], "Foo"), ("foo, Bar, Accept", ["FOO", "Accept"], "foo, Accept"), ("Accept", [], nil),
            ("Bar", ["Foo"], nil),
            ("*", [], "*"), ("Foo, *", ["Foo"], "*"),
        ] as [(String, [String], String?)])
    func `other caches are told of what a client sends and an origin sees`(
        vary: String, selecting: [String], told: String?
    ) throws {
        #expect(try Self.header(Self.answer("", [("Vary", vary)], selecting: selecting), "Vary") == told)
    }

    @Test(
        arguments: [
            ("text/plain;charset=utf-8", "hello", "text/plain;charset=utf-8"),
            (" Text/Plain ; a=b ", "x", "Text/Plain ; a=b"),
            ("image/svg+xml; charset=utf-8", "<svg/>", "image/svg+xml; charset=utf-8"),
            ("image/png; x=y", "\u{89}", nil),
            ("", "hello", "application/octet-stream"),
        ] as [(String, String, String?)])
    func `a text keeps what it takes to read it`(announced: String, body: String, served: String?) {
        #expect(ContentType.served(announced: announced, bytes: Array(body.utf8).span) == served)
    }

    @Test func `a picture's type is its bytes' alone`() {
        #expect(ContentType.served(announced: "image/png; a=b", bytes: jpeg().span) == "image/jpeg")
        #expect(ContentType.served(announced: "image/jpeg; a=b", bytes: jpeg().span) == "image/jpeg")
    }
}
