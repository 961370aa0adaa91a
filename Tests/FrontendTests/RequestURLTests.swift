// SPDX-License-Identifier: Apache-2.0

import ImageJob
import Testing

@testable import FrontendCore

/// One row of a table that the original produced.
private struct RequestVector: Decodable {
    let baseUrl: String
    let requestTarget: String
    let remoteUrl: String?
    let host: String?
    let options: String?
    let cacheKey: String?
    let upstreamUrl: String?
    let error: String?
}

struct RequestURLTests {
    private static func parse(_ target: String, base: String = "") throws -> RequestURL {
        let baseURL = RemoteURL(absolute: base)
        try #require(base.isEmpty == (baseURL == nil))
        return try RequestURL.parse(target: target, baseURL: baseURL)
    }

    /// `requests` was written by hand for the original; `requests-generated` holds random targets and its answers,
    /// without those that differ on purpose: bytes that are no UTF-8, raw number signs in a query, and error texts about
    /// IPv6 literals.
    @Test(arguments: ["requests", "requests-generated"])
    func `a target names the URL that the original makes of it`(table: String) throws {
        for row: RequestVector in try vectors(table) {
            let name = "\(row.requestTarget) on \(row.baseUrl)"
            do {
                let url = try Self.parse(row.requestTarget, base: row.baseUrl)
                // The original keeps a fragment in the URL that is signed, and drops it only for fetching: a signature
                // made for one set of options then authorises any other. Here it is dropped at once.
                let withoutFragment = row.remoteUrl.map { String($0.prefix { $0 != "#" }) }
                #expect(url.remote.string == withoutFragment, "\(name)")
                if let fetched = row.upstreamUrl { #expect(url.remote.string == fetched, "\(name)") }
                #expect(url.options.canonical == row.options, "\(name)")
                // The original's key has the signature and the end of validity in it, so one picture is made twice.
                if let key = row.cacheKey, url.options.signature.isEmpty, url.options.validUntil == 0 {
                    #expect(url.cacheKey == key, "\(name)")
                }
                if let host = row.host {
                    #expect(String(decoding: url.remote.reference.hostName, as: UTF8.self) == host, "\(name)")
                }
                #expect(row.error == nil, "\(name)")
            } catch let error as RequestURLError {
                #expect(error.description == row.error, "\(name)")
            }
        }
    }

    @Test(arguments: [
        ("/s/http://example.com/", "http://example.com/#0x0"),
        ("/1xs/http://example.com/", "http://example.com/#1x0"),
        ("//https://example.com/foo", "https://example.com/foo#0x0"),
        ("/http:///example.com/foo", "http://example.com/foo#0x0"),
        ("/x/aHR0cHM6Ly9leGFtcGxlLmNvbS9mb28_YmFy?baz", "https://example.com/foo?bar#0x0"),
        ("/1x2/http%3A%2F%2Fexample.com%2Ffoo%2Fhttp%2Fstuff", "http://example.com/foo/http/stuff#1x2"),
        ("/x/http://example.com/a|b%2Cc", "http://example.com/a%7Cb,c#0x0"),
        ("/x/http://example.com/caf\u{E9}", "http://example.com/caf%C3%A9#0x0"),
        ("/x/http://example.com/a?x=a|b&y=%2c", "http://example.com/a?x=a|b&y=%2c#0x0"),
        ("/10x,sc0ffee,vu99/http://example.com/a", "http://example.com/a#10x0"),
    ])
    func `a variant is stored under its URL and its options`(target: String, key: String) throws {
        #expect(try Self.parse(target).cacheKey == key)
    }

    @Test(arguments: [
        ("/x/path", "https://example.com/path"), ("/x/5bey54S2", "https://example.com/%E5%B7%B2%E7%84%B6"),
        ("/x/Zm9v", "https://example.com/foo"), ("/images/a.jpg", "https://example.com/a.jpg"),
        ("/x//a.jpg", "https://example.com/a.jpg"), ("/x///other.test/a", "https://other.test/a"),
        ("/x/../up.jpg?q", "https://example.com/up.jpg?q"), ("/x/http://h/a/../b", "http://h/b"),
    ])
    func `a relative URL is relative to the base`(target: String, remote: String) throws {
        #expect(try Self.parse(target, base: "https://example.com/").remote.string == remote)
    }

    @Test func `the fragment of an encoded URL reaches neither signature nor key`() throws {
        let url = try Self.parse("/60x40/http%3A%2F%2Fh%2Fa.png%2310x10")
        #expect(url.remote.string == "http://h/a.png")
        #expect(url.cacheKey == "http://h/a.png#60x40")
    }

    @Test func `a raw number sign in a query cannot pass for a fragment, nor the URL for a variant's key`() throws {
        // The original signs and stores this one as `http://h/a.png?x#10x10`.
        let url = try Self.parse("/60x40/http://h/a.png?x#10x10")
        #expect(url.remote.string == "http://h/a.png?x%2310x10")
    }

    @Test(arguments: ["/x/http://h/%zz", "/%", "/x/http://h/a%2", "/a\u{7F}b", "x"])
    func `a malformed escape makes the whole request malformed`(target: String) {
        #expect(throws: RequestURLError.badRequest) { try Self.parse(target) }
    }

    @Test(arguments: [
        "/x/ftp://user:s3cret@host/", "/x/http://user:s3/cret@host/", "/x/http://u:s3?cret@host/", "//u:s3cret@host",
        "/x/ftp%3A%2F%2Fu%3As3cret%40host%2F", "/x/http://u:s3cret@ho%20st/", "/u:s3cret@host",
        "/x/ZnRwOi8vdXNlcjpzM2NyZXRAaG9zdC8", "/x/aHR0cDovL3VzZXI6czNjcmV0QGhvIHN0Lw", "/ftp://u:s3cret@host/",
    ])
    func `what could be a password in what is no URL is not logged`(target: String) throws {
        let error = try #require(throws: RequestURLError.self) { try Self.parse(target) }
        for part in ["s3cret", "cret", "s3", "ZnRwOi8vdXNlcjpzM2NyZXRAaG9zdC8", "aHR0cDovL3VzZXI6czNjcmV0QGhvIHN0Lw"] {
            #expect(!error.logText.contains(part), "\(error.logText)")
        }
        #expect(error.logText.hasPrefix("invalid request URL: malformed URL, not shown because of the @ in it: "))
        #expect(error.logText.count > 90 && !error.logText.contains("\""))
    }

    @Test func `what is no URL is logged otherwise`() throws {
        let error = try #require(throws: RequestURLError.self) { try Self.parse("/x/ftp://host/images/a.jpg") }
        #expect(error.logText == error.description)
    }

    @Test func `bytes that are no UTF-8 stay what they are`() throws {
        let target = Array("/x/http://h/\u{E9}?".utf8) + [0xFF]
        #expect(try RequestURL.parse(target: target, baseURL: nil).remote.string == "http://h/%C3%A9?%FF")
    }

    @Test(arguments: [
        ("a\"b\\", "\"a\\\"b\\\\\""), ("\u{1}\n\u{7F}\u{A0}\u{200B}", "\"\\x01\\n\\x7f\\u00a0\\u200b\""),
        ("é😀\u{FFFD}", "\"é😀\u{FFFD}\""), ("\u{E0001}", "\"\\U000e0001\""),
    ])
    func `quotes are Go's`(text: String, quoted: String) {
        #expect(GoQuoting.quote(Array(text.utf8)) == quoted)
    }

    @Test func `quotes show each byte that is no UTF-8`() {
        #expect(GoQuoting.quote([0x61, 0xFF, 0xE2, 0x82]) == "\"a\\xff\\xe2\\x82\"")
    }

    @Test(arguments: ["", "/x", "http:h", "http:///x", "ftp://h/", "http://", "http://[::1", "http://h:x/"])
    func `a base URL has a scheme and a host`(text: String) {
        #expect(RemoteURL(absolute: text) == nil)
    }

    @Test func `base64 is written as it is read`() {
        for count in 0..<70 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255) }
            let text = Base64.encode(bytes)
            #expect(text.utf8.count % 4 == 0)
            #expect(Base64.decodeUnpadded(text.utf8.filter { $0 != UInt8(ascii: "=") }) == bytes)
        }
        #expect(Base64.decodeUnpadded("Zm9vYg==".utf8) == nil)
        #expect(Base64.decodeUnpadded("a+b/".utf8) == nil)
        #expect(Base64.decodeUnpadded("a".utf8) == nil)
    }
}
