// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FrontendCore

struct FetchTargetTests {
    @Test(
        arguments: [
            ("http://A.Example./x", "http://a.example/x", "a.example", 80),
            ("HTTPS://a.example:8443/?q#f", "https://a.example:8443/?q", "a.example", 8443),
            ("https://a.example:443/", "https://a.example:443/", "a.example", 443),
            ("http://a.example", "http://a.example/", "a.example", 80),
            ("http://a.example/a/../b/./c", "http://a.example/a/../b/./c", "a.example", 80),
            ("http://a.example/%2e%2E/%41", "http://a.example/%2e%2E/%41", "a.example", 80),
            ("http://u:p@a.example/", "http://a.example/", "a.example", 80),
            ("http://127.1/", "http://127.0.0.1/", "127.0.0.1", 80),
            ("http://0x7f000001/", "http://127.0.0.1/", "127.0.0.1", 80),
            ("http://017700000001/", "http://127.0.0.1/", "127.0.0.1", 80),
            ("http://%31%32%37.0.0.1/", "http://127.0.0.1/", "127.0.0.1", 80),
            ("http://[0:0::1]:81/", "http://[::1]:81/", "::1", 81),
            ("http://bücher.example/", "http://xn--bcher-kva.example/", "xn--bcher-kva.example", 80),
            ("http://ⓔⓧⓐⓜⓟⓛⓔ.com/", "http://example.com/", "example.com", 80),
            ("http://a_b.example/", "http://a_b.example/", "a_b.example", 80),
        ] as [(String, String, String, UInt16)])
    func `a URL is judged in the form in which it is dialled`(
        text: String, url: String, host: String, port: UInt16
    ) throws {
        let target = try FetchTarget(parsing: text)
        #expect(target.url == url)
        #expect(target.host == host)
        #expect(target.port == port)
        // The form is final: reading it again changes nothing.
        #expect(try FetchTarget(parsing: target.url).url == url)
    }

    @Test(arguments: [
        "", "a.example/x", "//a.example/x", "http:a.example", "http:/a.example", "http:///a.example", "http://",
        "http://:80/",
        "ftp://a.example/", "file:///etc/passwd", "gopher://a.example/", "http://a.example:99999/",
        "http://a.example:x/",
        "http://[fe80::1%25eth0]/", "http://[::1/", "http://1.2.3.4.5/", "http://a.0x7f/", "http://256.1.1.1/",
        "http://a b/", "http://a..example/", "http://a.example%00/", "http://a.example%2fb/", "http://a.example%23/",
        "http://a\0.example/", "http://a.example/\0", "http://u%00:p@a.example/", "http://\u{ff0f}/", "http://%FF/",
        "http://a%FFb/",
        "http://" + String(repeating: "a", count: 64) + ".example/",
        "http://" + String(repeating: "abcdefgh.", count: 29) + "example/",
        "http://a.example/" + String(repeating: "a", count: 17000),
    ])
    func `what cannot be dialled unambiguously is refused`(text: String) {
        do {
            let target = try FetchTarget(parsing: text)
            Issue.record("accepted as \(target.url)")
        } catch {
            guard case .invalidURL = error else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test func `credentials are taken out of the URL`() throws {
        let target = try FetchTarget(parsing: "http://us%65r:p%40%3a@a.example/")
        #expect(target.credentials == FetchTarget.Credentials(user: "user", password: "p@:"))
        #expect(try FetchTarget(parsing: "http://a.example/@b").credentials == nil)
    }

    @Test(arguments: [
        ("https://a.example/", false), ("http://b.example/", false), ("http://a.example:81/", false),
        ("http://a.example/other", true), ("http://A.example:80/", true), ("/x", true), ("//a.example/x", true),
    ])
    func `credentials stay with their origin`(location: String, areKept: Bool) throws {
        let target = try FetchTarget(parsing: "http://u:p@a.example/")
        let next = try target.resolving(location: location)
        #expect((next.credentials != nil) == areKept)
        #expect(next.sharesOrigin(with: target) == areKept)
    }

    @Test func `an origin cannot choose a password for another`() throws {
        let target = try FetchTarget(parsing: "http://a.example/")
        #expect(try target.resolving(location: "http://u:p@b.example/").credentials == nil)
        #expect(try target.resolving(location: "http://u:p@a.example/").credentials?.user == "u")
    }

    @Test(arguments: [
        "", "#f", "b?c#d", "///b", "ftp://x/", "http:/x", "//", "http://a.example:0x50/", "//[::1%25lo]/",
    ])
    func `a redirect is a URL or refused, never half of both`(location: String) throws {
        let target = try FetchTarget(parsing: "http://a.example/x/y?z")
        do {
            let next = try target.resolving(location: location)
            #expect(["http://a.example/x/y?z", "http://a.example/x/b?c"].contains(next.url))
        } catch {
            guard case .badRedirect = error else {
                Issue.record("\(error)")
                return
            }
        }
    }
}
