// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FrontendCore

struct AuthorizerTests {
    private static let now: Int64 = 1_700_000_000

    private static func configuration(_ flags: [String]) throws -> Configuration {
        let outcome = try CommandLineReader.read(flags, environment: [])
        guard case .run(let configuration) = outcome else { throw UsageError(description: "no configuration") }
        return configuration
    }

    /// Why a request is refused, in the log's words; nil when it is not.
    private static func refusal(_ flags: [String], _ target: String, referer: String? = nil) throws -> String? {
        let authorizer = try Authorizer(Self.configuration(flags))
        let url = try RequestURL.parse(target: target, baseURL: nil)
        do throws(RequestError) {
            try authorizer.check(url, referer: referer, now: Self.now)
            return nil
        } catch {
            #expect(error.kind.row == (403, "requested URL is not allowed\n"))
            return error.detail
        }
    }

    private static let c0ffee = "sNDx5zZHx7QfE8E-ijowRreq6CJJBZjwiRfOVk_mkfQQ="
    private static let beer = "sFWIawYV4SEyI4zKJMeGugM-eJM1eI_jXPEQ20ZgRe4A="
    private static let bad = "sgWivrPhXBbsYEwpmWAKjbJEiAEgZwbXbltg95O2tgNI="

    @Test(
        arguments: [
            ([], "//http://test/image", true), (["-allowHosts", "good"], "//http://good/image", true),
            (["-allowHosts", "good"], "//http://bad/image", false),
            (["-signatureKey", "c0ffee"], "/\(Self.c0ffee)/http://test/image", true),
            (["-signatureKey", "c0ffee beer"], "/\(Self.c0ffee)/http://test/image", true),
            (["-signatureKey", "beer", "-signatureKey", "c0ffee"], "/\(Self.c0ffee)/http://test/image", true),
            (["-signatureKey", "c0ffee beer"], "/\(Self.beer)/http://test/image", true),
            (["-signatureKey", "c0ffee"], "/\(Self.beer)/http://test/image", false),
            (["-signatureKey", "c0ffee"], "/sdeadbeef/http://test/image", false),
            (["-signatureKey", "c0ffee"], "//http://test/image", false),
            (["-signatureKey", "c0ffee", "-allowHosts", "good"], "//http://good/image", true),
            (["-signatureKey", "c0ffee", "-allowHosts", "good"], "/\(Self.bad)/http://bad/image", true),
            (["-signatureKey", "c0ffee", "-allowHosts", "good"], "//http://bad/image", false),
            (
                ["-signatureKey", "c0ffee", "-allowHosts", "test", "-denyHosts", "test"],
                "/\(Self.c0ffee)/http://test/image", false
            ),
            (["-denyHosts", "test"], "//http://test:3000/image", false),
            (["-denyHosts", "test"], "//http://other/", true),
            (["-denyHosts", "127.0.0.0/8"], "//http://127.0.0.1/image", false),
            (["-denyHosts", "127.0.0.0/8"], "//http://127.0.0.1:3000/image", false),
            (["-denyHosts", "127.0.0.0/8"], "//http://2130706433/image", false),
            (["-denyHosts", "good"], "//http://GOOD./image", false),
            (["-allowHosts", "good"], "//http:good/image", false),
            (["-allowHosts", "*"], "//http://good/image", false),
            (["-allowHosts", " good , x"], "//http://x/image", true),
            (["-allowHosts", "good"], "//http://bad@good/image", true),
            (["-allowHosts", "good"], "//http://good@bad/image", false),
        ] as [([String], String, Bool)])
    func `a request is allowed by its host or its signature`(flags: [String], target: String, isAllowed: Bool) throws {
        #expect(try (Self.refusal(flags, target) == nil) == isAllowed)
    }

    @Test(
        arguments: [
            ("http://good/foo", true), ("https://GOOD.:8080/", true), ("http://sub.pages.test/", true),
            ("http://[0:0::1]/", true), ("http://bad/foo", false), ("MALFORMED!!", false), (nil, false), ("", false),
            ("/good", false), ("http://evilpages.test/", false), ("http://good:x/", false),
        ] as [(String?, Bool)])
    func `a page has to be on the list of referrers`(referer: String?, isAllowed: Bool) throws {
        let refusal = try Self.refusal(
            ["-referrers", "good,*.pages.test,::1"], "//http://test/image", referer: referer)
        #expect((refusal == nil) == isAllowed)
    }

    @Test(arguments: [
        ("vu1700000001", true), ("vu1700000000", false), ("vu1699999999", false), ("vu0", true), ("vux", true),
    ])
    func `a request is valid until its second, not longer`(options: String, isValid: Bool) throws {
        #expect(try (Self.refusal([], "/\(options)/http://test/image") == nil) == isValid)
        #expect(try (Self.refusal(["-allowHosts", "test"], "/\(options)/http://test/image") == nil) == isValid)
    }

    @Test(
        arguments: [
            ("/vu1,10x,sabc/http://bad/a", "bad", "request is no longer valid: http://bad/a#10x0,sabc,vu1"),
            ("/10x/http://bad/a", nil, "request does not contain an allowed referrer: http://bad/a#10x0"),
            ("/10x/http://bad/a", "bad", "request contains a denied host: http://bad/a#10x0"),
            (
                "//http://other/", "bad",
                "request does not contain an allowed host or valid signature: http://other/#0x0"
            ),
        ] as [(String, String?, String)])
    func `the first rule that refuses is the one in the log`(target: String, referrer: String?, line: String) throws {
        let flags = ["-referrers", "bad", "-denyHosts", "bad", "-allowHosts", "bad"]
        #expect(try Self.refusal(flags, target, referer: referrer.map { "http://\($0)/" }) == line)
    }

    @Test func `a password in a URL stays out of the log`() throws {
        let line = try #require(try Self.refusal(["-denyHosts", "bad"], "//http://user:pass@bad/a"))
        #expect(line.hasSuffix("@bad/a#0x0") && !line.contains("user") && !line.contains("pass"))
    }

    @Test func `redirects may lead anywhere but to denied hosts, or to listed ones alone`() throws {
        let lax = try Authorizer(Self.configuration(["-allowHosts", "a.test", "-denyHosts", "d.test,10.0.0.0/8"]))
            .hostRule
        let strict = try Authorizer(Self.configuration(["-allowHosts", "*.a.test", "-strictRedirects"])).hostRule
        let open = try Authorizer(Self.configuration(["-strictRedirects"])).hostRule
        func target(_ host: String) throws -> FetchTarget { try FetchTarget(parsing: "http://\(host)/") }
        for hop in 0...2 {
            try lax(target("b.test"), hop)
            for host in ["d.test", "D.TEST.", "10.1.2.3", "0xa.1"] {
                #expect(throws: FetchError.self) { try lax(target(host), hop) }
            }
            try strict(target("x.a.test"), hop)
            try open(target("b.test"), hop)
        }
        // What was asked for itself may have been signed.
        try strict(target("b.test"), 0)
        #expect(throws: FetchError.self) { try strict(target("b.test"), 1) }
    }

    @Test func `hosts that the operator names may be inside, and denied addresses are denied to names`() throws {
        let rules = FetchSettings(
            try Self.configuration([
                "-allowHosts", "inside.test,10.0.0.0/8", "-denyHosts", "10.9.0.0/16,1.2.3.4", "-allowPorts", "80,443",
            ])
        ).rules
        func verdict(_ address: String, _ host: String) throws -> AddressPolicy.Verdict {
            rules.addresses.verdict(on: try #require(IPAddress(address)), host: host)
        }
        #expect(try verdict("192.168.1.1", "inside.test") == .allowed)
        #expect(try verdict("10.1.2.3", "10.1.2.3") == .allowed)
        #expect(try verdict("192.168.1.1", "outside.test") == .notPublic(.private))
        #expect(try verdict("169.254.169.254", "inside.test") == .notPublic(.linkLocal))
        #expect(try verdict("10.9.1.1", "inside.test") != .allowed)
        #expect(try verdict("1.2.3.4", "outside.test") != .allowed)
        #expect(try verdict("64:ff9b::1.2.3.4", "outside.test") != .allowed)
        #expect(try verdict("1.2.3.5", "outside.test") == .allowed)
        #expect(rules.ports.allows(443) && !rules.ports.allows(8080))
    }

    @Test func `the sample photograph asks nobody`() throws {
        let flags = ["-allowHosts", "good", "-samplePhoto", "/x.jpg"]
        #expect(try Self.refusal(flags, "/10x/\(SamplePhoto.remoteURL)") == nil)
        #expect(try Self.refusal(["-allowHosts", "good"], "/10x/\(SamplePhoto.remoteURL)") != nil)
    }
}
