// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import FrontendCore

/// Where redirects lead, and where they must not.
struct FetchRedirectTests {
    private static func redirect(to location: String, status: Int = 302) -> String {
        "HTTP/1.1 \(status) Found\r\nLocation: \(location)\r\nContent-Length: 4\r\n\r\nbody"
    }

    /// Redirects `/n` to `/n-1`, down to `/0`.
    private static func countdown() -> ScriptedOrigin {
        ScriptedOrigin { request in
            let number = Int(request.path.dropFirst()) ?? 0
            return [.send(number == 0 ? FetchTests.ok("end") : Self.redirect(to: "/\(number - 1)"))]
        }
    }

    @Test func `ten redirects are followed on one connection, eleven are too many`() async throws {
        let origin = Self.countdown()
        defer { origin.stop() }
        let answer = try await FetchTests.fetch(origin.url + "/10")
        #expect(Array(answer.body.bytes) == Array("end".utf8))
        #expect(answer.url == origin.url + "/0")
        #expect(origin.requests.count == 11)
        #expect(origin.accepted == 1)
        #expect(try await FetchTests.failure(origin.url + "/11") == .tooManyRedirects(limit: 10))
    }

    @Test(arguments: [
        ("b", "/x/b"), ("../b", "/b"), ("/b?c#d", "/b?c"), ("?q", "/x/a?q"), ("//HOST/b", "/b"),
        ("http://HOST/b c", "/b%20c"),
        ("./b/./c/../d", "/x/b/d"),
    ])
    func `a redirect is relative to the URL that gave it`(location: String, path: String) async throws {
        let origin = ScriptedOrigin { request in
            guard request.path == "/x/a" else { return [.send(FetchTests.ok("ok"))] }
            let host = request.value(of: "Host") ?? ""
            return [.send(Self.redirect(to: location.replacing("HOST", with: host)))]
        }
        defer { origin.stop() }
        _ = try await FetchTests.fetch(origin.url + "/x/a")
        #expect(origin.requests.last?.path == path)
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `every kind of redirect is followed with a GET`(status: Int) async throws {
        let origin = ScriptedOrigin { request in
            [.send(request.path == "/a" ? Self.redirect(to: "/b", status: status) : FetchTests.ok("ok"))]
        }
        defer { origin.stop() }
        #expect(try await FetchTests.fetch(origin.url + "/a").status == 200)
        #expect(origin.requests.last?.head.hasPrefix("GET /b HTTP/1.1\r\n") == true)
    }

    @Test(arguments: [
        "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation:\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 300 Choices\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
    ])
    func `what leads nowhere is an answer`(answer: String) async throws {
        let origin = ScriptedOrigin(always: answer)
        defer { origin.stop() }
        #expect(try await FetchTests.fetch(origin.url).status / 100 == 3)
        #expect(origin.requests.count == 1)
    }

    @Test func `redirects are not followed when they are turned off`() async throws {
        let origin = Self.countdown()
        defer { origin.stop() }
        var settings = FetchTests.open
        settings.followsRedirects = false
        let answer = try await FetchTests.fetch(origin.url + "/1", settings)
        #expect(answer.status == 302)
        #expect(Array(answer.body.bytes) == Array("body".utf8))
        #expect(origin.requests.count == 1)
    }

    @Test func `a redirect's endless body holds nobody up`() async throws {
        let origin = ScriptedOrigin { request in
            guard request.path == "/a" else { return [.send(FetchTests.ok("ok"))] }
            return [
                .send("HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n"),
                .endlessly([UInt8](repeating: 0x61, count: 1000), every: .zero),
            ]
        }
        defer { origin.stop() }
        #expect(try await FetchTests.fetch(origin.url + "/a").status == 200)
    }

    @Test func `a redirect's missing body holds nobody up for long`() async throws {
        let origin = ScriptedOrigin { request in
            guard request.path == "/a" else { return [.send(FetchTests.ok("ok"))] }
            return [.send("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 10\r\n\r\n"), .awaitEnd]
        }
        defer { origin.stop() }
        var settings = FetchTests.open
        settings.limits.total = .seconds(8)
        #expect(try await FetchTests.fetch(origin.url + "/a", settings).status == 200)
    }

    @Test(arguments: [
        ("ftp://example.com/", "bad_redirect"), ("file:///etc/passwd", "bad_redirect"),
        ("gopher://127.0.0.1/", "bad_redirect"),
        ("dict://127.0.0.1/", "bad_redirect"), ("javascript:alert(1)", "bad_redirect"), ("data:,x", "bad_redirect"),
        ("http:///x", "bad_redirect"), ("http://", "bad_redirect"), ("http://127.0.0.1:22/", "forbidden_port"),
        ("//127.0.0.1:6000/", "forbidden_port"), ("http://10.0.0.1/", "forbidden_host"),
        ("//169.254.169.254/latest/meta-data", "forbidden_host"), ("http://[::ffff:10.0.0.1]/", "forbidden_host"),
        ("http://0xa000001/", "forbidden_host"), ("http://[64:ff9b::a00:1]/", "forbidden_host"),
        ("http://127.0.0.2:PORT/", "forbidden_host"), ("http://localhost:PORT/", "forbidden_address"),
    ])
    func `a redirect into the dark is refused`(location: String, kind: String) async throws {
        let origin = ScriptedOrigin { request in
            let port = request.value(of: "Host")?.split(separator: ":").last ?? ""
            return [.send(Self.redirect(to: location.replacing("PORT", with: port)))]
        }
        defer { origin.stop() }
        var settings = FetchSettings()
        settings.rules.addresses.exemptHosts = [try #require(HostPattern("127.0.0.1"))]
        let error = try await FetchTests.failure(origin.url, settings)
        #expect(error?.kind == kind)
        if kind == "forbidden_host" { #expect(error?.publicMessage == "requested URL in redirect is not allowed") }
        #expect(origin.accepted == 1)
        #expect(origin.requests.count == 1)
    }

    @Test func `the rule for hosts is asked at every hop`() async throws {
        let origin = Self.countdown()
        defer { origin.stop() }
        var settings = FetchTests.open
        settings.rules.hosts = { (target, hop) throws(FetchError) in
            if target.url.hasSuffix("/1") { throw .forbiddenHost(hop: hop, "listed") }
        }
        #expect(try await FetchTests.failure(origin.url + "/3", settings) == .forbiddenHost(hop: 2, "listed"))
        #expect(origin.requests.map(\.path) == ["/3", "/2"])
    }

    @Test func `a password goes to its own origin only, and so does what says who asks`() async throws {
        let other = ScriptedOrigin(always: FetchTests.ok("other"))
        let otherURL = other.url
        let origin = ScriptedOrigin { request in
            [.send(Self.redirect(to: request.path == "/a" ? "/b" : otherURL + "/c"))]
        }
        defer {
            origin.stop()
            other.stop()
        }
        let url = origin.url.replacing("//", with: "//user:p%40ss@") + "/a"
        let headers = [("Cookie", "a=b"), ("Referer", "http://r/"), ("X-Own", "1")]
        _ = try await FetchTests.fetch(url, headers: headers)
        for request in origin.requests {
            #expect(request.value(of: "Authorization") == "Basic dXNlcjpwQHNz")
            #expect(request.value(of: "Cookie") == "a=b")
        }
        #expect(origin.requests.count == 2)
        let last = try #require(other.requests.first)
        #expect(last.value(of: "Authorization") == nil)
        #expect(last.value(of: "Cookie") == nil)
        #expect(last.value(of: "Referer") == nil)
        #expect(last.value(of: "X-Own") == "1")
    }

    @Test func `a condition goes to the URL whose answer it speaks of`() async throws {
        let origin = ScriptedOrigin { request in
            guard request.path == "/b" else { return [.send(Self.redirect(to: "/b"))] }
            return [
                .send(
                    request.value(of: "If-None-Match") == "\"b\""
                        ? "HTTP/1.1 304 Not Modified\r\nContent-Length: 90\r\n\r\n" : FetchTests.ok("new"))
            ]
        }
        defer { origin.stop() }
        let headers = [("If-None-Match", "\"b\"")]
        #expect(try await FetchTests.fetch(origin.url + "/b", headers: headers).status == 304)
        #expect(try await FetchTests.fetch(origin.url + "/a", headers: headers).status == 200)
        let again = try await FetchTests.fetch(origin.url + "/a", headers: headers, validatorsOf: origin.url + "/b")
        #expect(again.status == 304)
        #expect(origin.requests[3].value(of: "If-None-Match") == nil)
    }
}
