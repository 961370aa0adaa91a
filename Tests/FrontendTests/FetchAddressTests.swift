// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import FrontendCore

/// Nothing inside is reached unless the operator said so.
struct FetchAddressTests {
    private static let spellings = [
        "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "0",
        "0.0.0.0",
        "127.0.0.1.", "%31%32%37.0.0.1", "127.1.2.3", "127。0。0。1", "①②⑦.⓪.⓪.①", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
        "[::1]", "[::]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "localhost", "LOCALHOST",
        "localhost.",
        "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "localhost.localdomain", "ip6-localhost", "user@127.0.0.1", "x.localhost", "[fe80::1%25eth0]",
        "[::1%251]",
    ]

    @Test(arguments: Self.spellings)
    func `this machine is not reached, however it is spelled`(host: String) async throws {
        let origin = ScriptedOrigin(always: FetchTests.ok("secret"))
        defer { origin.stop() }
        let error = try await FetchTests.failure("http://\(host):\(origin.port)/", FetchSettings())
        let kind = try #require(error?.kind)
        #expect(["forbidden_host", "forbidden_address", "invalid_url", "resolve"].contains(kind))
        #expect(origin.accepted == 0)
    }

    /// The trap above works: with the door open the same spellings spring it.
    @Test(arguments: ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "①②⑦.⓪.⓪.①", "localhost", "0"])
    func `with private networks allowed this machine is reached`(host: String) async throws {
        let origin = ScriptedOrigin(always: FetchTests.ok("ok"))
        defer { origin.stop() }
        #expect(try await FetchTests.fetch("http://\(host):\(origin.port)/").status == 200)
        #expect(origin.accepted == 1)
    }

    @Test func `a literal is refused as a rule is, a name as an origin that cannot be reached`() async throws {
        let literal = try await FetchTests.failure("http://127.0.0.1:8080/", FetchSettings())
        #expect(literal?.status == 403)
        #expect(literal?.kind == "forbidden_host")
        let name = try await FetchTests.failure("http://localhost:8080/", FetchSettings())
        #expect(name?.status == 502)
        #expect(name?.kind == "forbidden_address")
        #expect(name?.publicMessage == FetchError.connect("").publicMessage)
    }

    @Test func `the base's host may be inside, and nobody else`() async throws {
        let origin = ScriptedOrigin(always: FetchTests.ok("ok"))
        defer { origin.stop() }
        var configuration = Configuration()
        configuration.baseURL = RemoteURL(absolute: "http://localhost/")
        let settings = FetchSettings(configuration)
        #expect(try await FetchTests.fetch("http://localhost:\(origin.port)/", settings).status == 200)
        #expect(try await FetchTests.failure(origin.url, settings)?.kind == "forbidden_host")
    }

    @Test func `a denied block is denied to names too, whatever is allowed`() async throws {
        let origin = ScriptedOrigin(always: FetchTests.ok("ok"))
        defer { origin.stop() }
        var settings = FetchTests.open
        settings.rules.addresses.deny = [try #require(CIDR("127.0.0.0/8"))]
        #expect(try await FetchTests.failure("http://localhost:\(origin.port)/", settings)?.kind == "forbidden_address")
        #expect(try await FetchTests.failure(origin.url, settings)?.kind == "forbidden_host")
        #expect(origin.accepted == 0)
    }

    @Test(arguments: [0, 22, 25, 53, 6000, 6667, 10080] as [UInt16])
    func `ports of other services are refused`(port: UInt16) async throws {
        let error = try await FetchTests.failure("http://127.0.0.1:\(port)/", FetchTests.open)
        #expect(error == .forbiddenPort(hop: 0, port))
        #expect(error?.status == 403)
    }

    @Test func `a list of ports narrows further`() {
        let policy = PortPolicy(allowed: [80, 22])
        #expect(policy.allows(80))
        #expect(!policy.allows(443))
        #expect(!policy.allows(22))
    }
}
