// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FrontendCore

struct ResponseHeadTests {
    private static func parse(_ text: String, _ limits: FetchLimits = FetchLimits()) throws(FetchError) -> ResponseHead?
    {
        var parser = ResponseHeadParser(limits: limits)
        var head: ResponseHead?
        // By bytes: "\r\n" is one character.
        for line in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast() {
            let whole = Array(line) + [0x0A]
            head = try parser.take(whole.span) ?? head
        }
        return head
    }

    private static func isRefused(_ text: String, _ limits: FetchLimits = FetchLimits()) -> Bool {
        do throws(FetchError) {
            _ = try Self.parse(text, limits)
            return false
        } catch {
            return true
        }
    }

    @Test func `a head is complete with its empty line`() throws {
        #expect(try Self.parse("HTTP/1.1 200 OK\r\nA: b\r\n")?.status == nil)
        let head = try #require(try Self.parse("HTTP/1.1 200\r\nA:b\r\nc:\t d \r\nA:\r\n\r\n"))
        #expect(head.status == 200)
        #expect(head.headers.map(\.name) == ["A", "c", "A"])
        #expect(head.headers.map(\.value) == ["b", "d", ""])
        #expect(head.values(of: "a") == ["b", ""])
    }

    @Test func `interim answers and trailers are no part of the head`() throws {
        let head = try Self.parse("HTTP/1.1 103 Hi\r\nA: b\r\n\r\nHTTP/1.1 201 OK\r\nC: d\r\n\r\nE: f\r\n")
        #expect(head?.status == 201)
        #expect(head?.headers.map(\.name) == ["C"])
    }

    @Test func `bytes that are no UTF-8 are kept as Latin-1`() throws {
        var parser = ResponseHeadParser(limits: FetchLimits())
        var head: ResponseHead?
        for line in [
            Array("HTTP/1.1 200 OK\r\n".utf8), [0x41, 0x3A, 0xE9, 0x0D, 0x0A], Array("B: é\r\n".utf8), [0x0D, 0x0A],
        ] {
            head = try parser.take(line.span)
        }
        #expect(head?.headers.map(\.value) == ["é", "é"])
    }

    @Test(arguments: [
        "HTTP/1.1 200OK", "HTTP/1.1  200 OK", "HTTP/1.1 2x0 OK", "HTTP/1.1 099 OK", "HTTP/1.1 1000 OK",
        "http/1.1 200 OK",
        "200 OK", "", "HTTP/1.1\t200 OK",
    ])
    func `a status line is one`(line: String) {
        #expect(Self.isRefused(line + "\r\n\r\n"))
    }

    @Test(arguments: [
        "no colon", ": empty", " A: b", "\tA: b", "A : b", "A\t: b", "A(: b", "A\u{e9}: b", "A: b\u{0}", "A: b\u{1}c",
        "A: b\rc", "A: \u{7f}", "Content-Length: 1\r\nContent-Length: 2", "Content-Length: 1, 1", "Content-Length: +1",
        "Content-Length: -1", "Content-Length: 0x1", "Content-Length: ", "Content-Length: 1 1",
        "Content-Length: 9999999999999999999", "Content-Length: 1\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: ", "Transfer-Encoding: identity", "Content-Encoding: gzip", "Content-Encoding: identity,br",
        "Content-Encoding: \u{0b}gzip",
    ])
    func `a field that could be read in two ways is refused`(fields: String) {
        #expect(Self.isRefused("HTTP/1.1 200 OK\r\n\(fields)\r\n\r\n"))
    }

    @Test(arguments: [
        "Content-Length: 1\r\ncontent-length: 1", "Transfer-Encoding: Chunked", "Content-Encoding: identity",
        "Content-Encoding:", "A: \u{e9}", "!#$%&'*+-.^_`|~9: x", "A:\tb\tc",
    ])
    func `a field that can be read in one way is not`(fields: String) throws {
        #expect(try Self.parse("HTTP/1.1 200 OK\r\n\(fields)\r\n\r\n") != nil)
    }

    @Test func `fields and bytes are counted over everything that comes`() throws {
        var limits = FetchLimits()
        limits.maximumHeaderFields = 3
        #expect(!Self.isRefused("HTTP/1.1 200 OK\r\nA: b\r\nA: b\r\nA: b\r\n\r\n", limits))
        #expect(Self.isRefused("HTTP/1.1 200 OK\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n\r\n", limits))
        #expect(Self.isRefused("HTTP/1.1 103 X\r\nA: b\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\nA: b\r\n\r\n", limits))
        #expect(Self.isRefused("HTTP/1.1 200 OK\r\nA: b\r\nA: b\r\n\r\nA: b\r\nA: b\r\n", limits))
        limits = FetchLimits()
        limits.maximumHeaderBytes = 25
        #expect(!Self.isRefused("HTTP/1.1 200 OK\r\nA: b\r\n\r\n", limits))
        #expect(Self.isRefused("HTTP/1.1 200 OK\r\nA: bc\r\n\r\n", limits))
    }

    @Test func `a switch of protocols was never asked for`() {
        #expect(Self.isRefused("HTTP/1.1 101 Switching\r\n\r\n"))
    }
}
