// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FrontendCore

struct ClientTests {
    private static let proxies = TrustedProxies(["10.0.0.0/8", "2001:db8::1", "unix"])

    @Test(
        arguments: [
            // Who is no proxy is the client, whatever it says.
            ("192.0.2.1", ["1.2.3.4"], "192.0.2.1"), ("192.0.2.1", [], "192.0.2.1"),
            ("10.0.0.1", [], "10.0.0.1"), ("10.0.0.1", ["1.2.3.4"], "1.2.3.4"), ("10.0.0.1", [" 1.2.3.4 "], "1.2.3.4"),
            // What the client itself wrote stands to the left of what the proxies know.
            ("10.0.0.1", ["6.6.6.6, 1.2.3.4"], "1.2.3.4"), ("10.0.0.1", ["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", ["6.6.6.6, 1.2.3.4, 10.0.0.2"], "1.2.3.4"), ("10.0.0.1", ["10.0.0.3,10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", ["1.2.3.4, nonsense, 10.0.0.2"], "10.0.0.2"), ("10.0.0.1", ["unknown"], "10.0.0.1"),
            ("10.0.0.1", ["1.2.3.4,"], "10.0.0.1"), ("10.0.0.1", [""], "10.0.0.1"),
            ("10.0.0.1", ["1.2.3.4:5678"], "1.2.3.4"), ("10.0.0.1", ["[2001:db8::5]:80"], "2001:db8::5"),
            ("10.0.0.1", ["2001:db8::5"], "2001:db8::5"), ("10.0.0.1", ["::ffff:1.2.3.4"], "1.2.3.4"),
            ("2001:db8::1", ["1.2.3.4"], "1.2.3.4"), ("2001:db8::2", ["1.2.3.4"], "2001:db8::2"),
            ("", ["1.2.3.4"], "1.2.3.4"), ("", [], ""),
        ] as [(String, [String], String)])
    func `a client is who the trusted proxies say it is`(peer: String, forwarded: [String], client: String) throws {
        let proxies = try #require(Self.proxies)
        let found = proxies.client(peer: IPAddress(peer), forwarded: forwarded)
        #expect(found == IPAddress(client), "\(found?.description ?? "nobody")")
    }

    @Test func `without trusted proxies nobody's word is taken`() {
        let none = TrustedProxies()
        #expect(none.client(peer: IPAddress("127.0.0.1"), forwarded: ["1.2.3.4"]) == IPAddress("127.0.0.1"))
        #expect(none.client(peer: nil, forwarded: ["1.2.3.4"]) == nil)
    }

    @Test(arguments: ["proxy.test", "10.0.0.0/33", "", "*", "unix:/path"])
    func `what is no address is no proxy`(item: String) {
        #expect(TrustedProxies([item]) == nil)
    }

    @Test func `a client has so much and not more`() async throws {
        try await onLoop {
            let counts = ClientCounts(limit: 2)
            let one = IPAddress("192.0.2.1")
            #expect(counts.enter(one) && counts.enter(one) && !counts.enter(one))
            #expect(counts.enter(IPAddress("192.0.2.2")))
            counts.leave(one)
            #expect(counts.enter(one) && !counts.enter(one))
            // The same in another spelling.
            #expect(!counts.enter(IPAddress("::ffff:192.0.2.1")))
            // A block of 64 bits is one client.
            #expect(counts.enter(IPAddress("2001:db8::1")) && counts.enter(IPAddress("2001:db8::2")))
            #expect(!counts.enter(IPAddress("2001:db8::3:4:5:6")) && counts.enter(IPAddress("2001:db8:0:1::1")))
            #expect((0..<10).allSatisfy { _ in counts.enter(nil) })
            let free = ClientCounts(limit: 0)
            #expect((0..<10).allSatisfy { _ in free.enter(one) })
        }
    }
}
