// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FrontendCore

struct ResponderTests {
    private static let modified = "Sun, 06 Nov 1994 08:49:37 GMT"

    private static func entry(_ headers: [(String, String)], status: Int = 200, tag: String? = nil) -> CacheEntry {
        let fields = HTTPFields(headers)
        var entry = CacheEntry(
            status: status, headers: fields, contentType: "image/png", body: Blob([1, 2, 3]),
            freshness: Freshness(status: status, headers: fields, now: 1000))
        entry.variantTag = tag
        return entry
    }

    private static func request(_ fields: String = "") throws -> HTTPRequest {
        let bytes = Array("GET /x HTTP/1.1\r\nHost: h\r\n\(fields)\r\n".utf8)
        let parsed = try bytes.withUnsafeBytes { try RequestHeadParser.parse($0) }
        return HTTPRequest(head: try #require(parsed).head)
    }

    private static let origin = [
        ("Cache-Control", "max-age=60"), ("ETag", "\"o\""), ("Last-Modified", Self.modified), ("Link", "<a>"),
        ("link", "<b>"), ("Server", "x"), ("Set-Cookie", "a=b"), ("Content-Type", "text/html"),
    ]

    private static func answer(
        _ entry: CacheEntry, passing: [String] = Configuration().passResponseHeaders, _ fields: String = ""
    ) throws -> HTTPResponse {
        try Responder(passedHeaders: passing).answer(
            Picture(entry: entry, outcome: .hit), to: Self.request(fields), now: 1000)
    }

    /// Names and values, sorted by name.
    private static func fields(_ response: HTTPResponse) -> [String] {
        response.headers.map { "\($0.0): \($0.1)" }.sorted()
    }

    private static let own = [
        "Access-Control-Allow-Origin: *",
        "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
        "Content-Type: image/png", "X-Content-Type-Options: nosniff", "X-Xss-Protection: 1; mode=block",
    ]
    private static let passed = [
        "Cache-Control: max-age=60", "ETag: \"o\"", "Last-Modified: \(Self.modified)", "Link: <a>", "link: <b>",
    ]

    @Test func `a picture has the headers that were asked for and this service's own, and no others`() throws {
        #expect(try Self.fields(Self.answer(Self.entry(Self.origin))) == (Self.passed + Self.own).sorted())
        #expect(try Self.fields(Self.answer(Self.entry(Self.origin), passing: [])) == Self.own.sorted())
        let variant = try Self.answer(Self.entry(Self.origin, tag: "\"v\""))
        let expected = Self.passed.filter { !$0.hasPrefix("ETag") } + ["Etag: \"v\""] + Self.own
        #expect(Self.fields(variant) == expected.sorted())
        #expect(try Self.fields(Self.answer(Self.entry(Self.origin, tag: "\"v\""), passing: [])) == Self.own.sorted())
    }

    @Test(arguments: [200, 204, 302, 403, 500, 503])
    func `the origin's status is the answer's`(status: Int) throws {
        #expect(try Self.answer(Self.entry(Self.origin, status: status)).status == status)
    }

    @Test func `not modified has the passed headers alone`() throws {
        for (tag, fields) in [
            (nil, "If-None-Match: \"o\"\r\n"), (nil, "If-Modified-Since: \(Self.modified)\r\n"),
            ("\"v\"", "If-None-Match: \"x\", \"v\"\r\n"),
        ] {
            let response = try Self.answer(Self.entry(Self.origin, tag: tag), fields)
            #expect(response.status == 304)
            let other = Self.passed.filter { !$0.hasPrefix("ETag") }
            #expect(Self.fields(response) == (other + [tag == nil ? "ETag: \"o\"" : "Etag: \"v\""]).sorted())
            #expect(response.body.count == 0)
        }
        // Neither the origin's tag for a variant, nor an error that happens to have one.
        #expect(try Self.answer(Self.entry(Self.origin, tag: "\"v\""), "If-None-Match: \"o\"\r\n").status == 200)
        #expect(try Self.answer(Self.entry(Self.origin, status: 500), "If-None-Match: \"o\"\r\n").status == 500)
    }

    @Test(arguments: RequestError.Kind.allCases)
    func `an error is plain text that no browser takes for something else`(kind: RequestError.Kind) {
        let response = Responder(passedHeaders: []).answer(RequestError(kind, detail: "secret"))
        let fields = Self.fields(response).filter { !$0.hasPrefix("Retry-After") }
        #expect(fields == ["Content-Type: text/plain; charset=utf-8", "X-Content-Type-Options: nosniff"])
        guard case .bytes(let body) = response.body else {
            Issue.record("no text")
            return
        }
        #expect(!String(decoding: body, as: UTF8.self).contains("secret"))
    }

    @Test(
        arguments: [
            (.expired, 403, "requested URL is not allowed\n"),
            (.contentTypeNotAllowed, 403, "requested URL is not allowed\n"),
            (.notFound, 404, "not found\n"), (.timedOut, 504, "Gateway timeout waiting for remote resource."),
        ] as [(RequestError.Kind, Int, String)])
    func `the original's texts are kept`(kind: RequestError.Kind, status: Int, text: String) {
        #expect(kind.row == (status, text))
    }

    @Test(
        arguments: [
            (FetchError.forbiddenHost(hop: 0, "10.0.0.1"), 403, "requested URL is not allowed\n"),
            (.forbiddenHost(hop: 3, "10.0.0.1"), 403, "requested URL in redirect is not allowed\n"),
            (.forbiddenAddress("10.0.0.1"), 502, "error fetching remote image: the remote host could not be reached\n"),
            (.connect("10.0.0.1"), 502, "error fetching remote image: the remote host could not be reached\n"),
            (.tooManyRedirects(limit: 10), 502, "error fetching remote image: too many redirects\n"),
        ] as [(FetchError, Int, String)])
    func `a failed fetch is told without an address`(failure: FetchError, status: Int, text: String) {
        let error = RequestError(failure, url: "http://h/")
        #expect(error.kind.row.status == status)
        #expect(error.publicMessage == text)
    }
}
