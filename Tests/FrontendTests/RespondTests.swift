// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FrontendCore

struct RespondTests {
    struct TypeVector: Decodable {
        let match: Bool
        let patterns: [String]?
        let type: String
    }

    @Test func `content types match upstream's patterns`() throws {
        for row: TypeVector in try vectors("contenttypes") {
            #expect(
                ContentType.matches(row.type, patterns: row.patterns ?? []) == row.match,
                "\(row.type) against \(row.patterns ?? [])")
        }
    }

    @Test(arguments: [
        ("image/[a-j]*", "image/jpeg", true), ("image/[^a-j]*", "image/jpeg", false), ("image/[", "image/[", false),
        ("image/\\*", "image/*", true), ("image/\\*", "image/x", false), ("*/*/*", "image/x", false),
        ("i*e/*g", "image/png", true), ("i*e/*g", "image/gif", false), ("[]a]", "]", false), ("a\\", "a", false),
        (String(repeating: "*a", count: 30), String(repeating: "a", count: 60) + "b", false),
    ])
    func `patterns are Go's`(pattern: String, text: String, isMatch: Bool) {
        #expect(Glob.matches(Array(text.utf8), pattern: Array(pattern.utf8)) == isMatch)
    }

    private static let jpeg: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0, 0, 0, 0, 0]
    private static let html = Array("<html><script>alert(1)</script></html>".utf8)

    @Test(
        arguments: [
            ("image/jpeg", Self.jpeg, "image/jpeg"), ("image/png; charset=x", Self.jpeg, "image/jpeg"),
            ("", Self.jpeg, "image/jpeg"), ("application/octet-stream", Self.jpeg, "image/jpeg"),
            ("", Self.html, "application/octet-stream"), ("text/html", Self.html, "text/html"),
            ("image/png", Self.html, nil), ("image/svg+xml", Self.html, nil), ("image/heic", Self.jpeg, "image/jpeg"),
            ("image/svg+xml", Array(" \n<svg xmlns=''/>".utf8), "image/svg+xml"),
            ("image/svg+xml", Array("<?xml version='1.0'?><svg/>".utf8), "image/svg+xml"),
            ("image/svg+xml", Array("\u{FEFF}<!-- a > b -->\n<!----><svg/>".utf8), "image/svg+xml"),
            ("image/svg+xml", Array("<!-- a --><!DOCTYPE svg PUBLIC 'a' 'b'><svg/>".utf8), "image/svg+xml"),
            ("image/svg+xml", Array("<!DOCTYPE html><svg/>".utf8), nil),
            ("image/svg+xml", Array("<!-- <svg/> --><html/>".utf8), nil),
            ("image/svg+xml", Array("<!-- <svg/> ".utf8), nil), ("image/svg+xml", Array("<!--".utf8), nil),
            ("image/png", Array("<!-- a --><svg/>".utf8), nil),
            ("image/png", [], "image/png"),
            ("image/avif", Array("\0\0\0 ftypheic".utf8), nil),
            ("image/heif", Array("\0\0\0 ftypheic".utf8), "image/heif"),
        ] as [(String, [UInt8], String?)])
    func `the bytes decide what is served as a picture`(announced: String, bytes: [UInt8], served: String?) {
        #expect(ContentType.resolve(announced: announced, bytes: bytes.span) == served)
    }

    @Test(
        arguments: [
            ("\"a\"", nil, "\"a\"", nil, true), ("\"b\"", nil, "\"a\"", nil, false), ("*", nil, nil, nil, true),
            ("\"b\", W/\"a\"", nil, "\"a\"", nil, true), ("\"x,\", \"a\"", nil, "\"a\"", nil, true),
            ("\"a\"", nil, "W/\"a\"", nil, true), (nil, nil, "\"a\"", nil, false),
            (nil, "Sun, 06 Nov 1994 08:49:37 GMT", nil, "Sun, 06 Nov 1994 08:49:37 GMT", true),
            (nil, "Sun, 06 Nov 1994 08:49:36 GMT", nil, "Sun, 06 Nov 1994 08:49:37 GMT", false),
            (nil, "nonsense", nil, "Sun, 06 Nov 1994 08:49:37 GMT", false),
            ("\"b\"", "Sun, 06 Nov 1994 08:49:37 GMT", "\"a\"", "Sun, 06 Nov 1994 08:49:37 GMT", false),
        ] as [(String?, String?, String?, String?, Bool)])
    func `a client that has it is told so`(
        match: String?, since: String?, etag: String?, modified: String?, isUnchanged: Bool
    ) {
        #expect(
            Conditional.isNotModified(ifNoneMatch: match, ifModifiedSince: since, etag: etag, lastModified: modified)
                == isUnchanged)
    }

    @Test(arguments: [
        "Content-Length", "transfer-encoding", "Set-Cookie", "Content-Security-Policy", "", "a b", "x:",
        "Clear-Site-Data", "CONTENT-RANGE", "Access-Control-Allow-Credentials", "access-control-expose-headers",
        "Cross-Origin-Resource-Policy", "Strict-Transport-Security", "X-Frame-Options", "Permissions-Policy",
        "Content-Security-Policy-Report-Only", "Refresh", "Location", "X-Accel-Redirect", "X-Sendfile", "Report-To",
        "Service-Worker-Allowed", "WWW-Authenticate", "X-Imageproxy-Error",
    ])
    func `headers that would speak for this service cannot be passed`(name: String) {
        #expect(!PassedHeaders.mayBePassed(name))
    }

    @Test(arguments: [
        "Cache-Control", "Last-Modified", "Expires", "Etag", "Link", "Content-Disposition", "Content-Language",
        "Surrogate-Key", "CDN-Cache-Control", "X-Robots-Tag", "X-Own", "Warning",
    ])
    func `headers about the picture may be`(name: String) {
        #expect(PassedHeaders.mayBePassed(name))
    }
}
