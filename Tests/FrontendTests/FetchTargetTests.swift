// SPDX-License-Identifier: Apache-2.0

import Foundation
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

    @Test func `a URL that is read without libcurl is what libcurl reads`() throws {
        let hosts = [
            "a.example", "a-b.c_d.example", "localhost", "127.0.0.1", "1.2.3.4", "8.8.8", "0127.0.0.1", "1.2.3.4.5",
            "256.1.1.1", "1e100.net", "a.0x7f", "0x7f.1", "9.example", "a.9", "a..b", ".a", "a.",
            "xn--bcher-kva.example",
            "xn--a", "-a.example", "A.example", "b\u{fc}cher.example", "u@a.example", "[::1]", "a%41", "",
            String(repeating: "a", count: 63) + ".example", String(repeating: "a", count: 64) + ".example",
            String(repeating: "abcdefgh.", count: 27) + "example",
            String(repeating: "abcdefgh.", count: 28) + "example",
        ]
        let ports = ["", ":80", ":443", ":8080", ":65535", ":65536", ":0", ":080", ":", ":a", ":999999"]
        let rests = [
            "", "/", "/a.jpg", "/a/../b/./c//", "/a?b=c&d=%20", "/%zz%41%4a%c3", "/?", "/a?b?", "/?a", "/a#b", "/a b",
            "/a?b c", "/\u{fc}", "/a\\b", "/a'(b)*[c]", "/a\"<>^`{|}", "/~a:b@c;d=e,f$g!h+i", "?a", "/\0", "/\n",
            "/" + String(repeating: "a", count: 16_300), "/" + String(repeating: "a", count: 16_400),
        ]
        var count = 0
        for scheme in ["http://", "https://", "HTTP://", "ftp://", "http:/", "http:///", ""] {
            for host in hosts {
                for port in ports {
                    for rest in rests {
                        let text = scheme + host + port + rest
                        guard let plain = FetchTarget(plain: text) else { continue }
                        count += 1
                        #expect(plain == (try? FetchTarget(reading: text)), "\(text.prefix(100))")
                    }
                }
            }
        }
        // The usual ones are all among them.
        #expect(count > 500)
        for usual in ["https://example.com/a.jpg", "http://10.0.0.1:8080/a/b.jpg?w=1&h=%20", "https://a-b.example/"] {
            #expect(FetchTarget(plain: usual) != nil)
        }
    }

    /// `IMAGEPROXY_ALL_FAULTS=1` makes it millions.
    private static let urls = ProcessInfo.processInfo.environment["IMAGEPROXY_ALL_FAULTS"] == nil ? 50_000 : 5_000_000

    @Test func `whatever is read without libcurl is what libcurl reads`() throws {
        // Made of what matters to some reader of URLs; the first ones are in most of them.
        let labels = [
            "a", "b-c", "0", "1", "127", "x", "xn--", "0x7f", "255", "-", "_", "9a", "f", "256", "00", "0x", "x1",
            "1e3", "xn-",
            "localhost", "1.2.3.4", "A", "%2e", "\u{e9}", "\u{3002}", "", "@", ":", "[", "]", "\\", "/", "#", "?", " ",
        ]
        let rests = [
            "a", "/", "b.jpg", "%2f", "..", ".", "=", "&", "//", "%", "@", ":", "~", "?", "#", "%00", "\\", " ",
            "\u{e9}",
            "\0", "\t", "\u{7f}", "+", "'", "\"", "<", ";", "[", "http://b/",
        ]
        let schemes = ["http://", "https://", "http://", "https://", "http://", "HTTP://", "http:/", "http:///", "//"]
        let ports = ["", "", "", ":80", ":443", ":8080", ":0", ":080", ":65535", ":65536", ":99999", ":", ":8o", ":+1"]
        var dice = Dice(state: 7)
        /// One of the list, from its beginning more often than from its end.
        func pick(_ list: [String]) -> String {
            list[Int.random(in: 0...Int.random(in: 0..<list.count, using: &dice), using: &dice)]
        }
        var count = 0
        for _ in 0..<Self.urls {
            var text = schemes[Int.random(in: 0..<schemes.count, using: &dice)]
            for index in 0..<Int.random(in: 1...5, using: &dice) {
                if index > 0 { text += "." }
                for _ in 0..<Int.random(in: 1...2, using: &dice) { text += pick(labels) }
            }
            text += ports[Int.random(in: 0..<ports.count, using: &dice)]
            if Int.random(in: 0..<8, using: &dice) > 0 { text += "/" }
            for _ in 0..<Int.random(in: 0..<6, using: &dice) { text += pick(rests) }
            guard let plain = FetchTarget(plain: text) else { continue }
            count += 1
            // One record for each, not a million expectations.
            if plain != (try? FetchTarget(reading: text)) { Issue.record("\(text.debugDescription)") }
        }
        #expect(count > Self.urls / 50)
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
