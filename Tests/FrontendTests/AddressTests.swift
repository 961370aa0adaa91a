// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FrontendCore

struct AddressTests {
    /// At least one address of every row, the neighbours of the blocks, and what is inside what.
    private static let classes: [(String, AddressClass)] = [
        ("0.0.0.0", .unspecified), ("0.255.255.255", .unspecified), ("1.0.0.0", .public),
        ("9.255.255.255", .public), ("10.0.0.0", .private), ("10.255.255.255", .private), ("11.0.0.0", .public),
        ("100.63.255.255", .public), ("100.64.0.0", .carrierNAT), ("100.127.255.255", .carrierNAT),
        ("100.128.0.0", .public),
        ("100.100.100.200", .cloudMetadata), ("100.100.100.201", .carrierNAT),
        ("126.255.255.255", .public), ("127.0.0.1", .loopback), ("127.255.255.255", .loopback), ("128.0.0.0", .public),
        ("168.63.129.16", .cloudMetadata), ("168.63.129.17", .public),
        ("169.253.255.255", .public), ("169.254.169.254", .linkLocal), ("169.255.0.0", .public),
        ("172.15.255.255", .public), ("172.16.0.0", .private), ("172.31.255.255", .private), ("172.32.0.0", .public),
        ("192.0.0.8", .reserved), ("192.0.0.192", .cloudMetadata), ("192.0.1.0", .public),
        ("192.0.2.1", .documentation),
        ("192.88.99.1", .transition), ("192.167.255.255", .public), ("192.168.0.1", .private), ("192.169.0.0", .public),
        ("198.17.255.255", .public), ("198.18.0.0", .benchmarking), ("198.19.255.255", .benchmarking),
        ("198.20.0.0", .public),
        ("198.51.100.7", .documentation), ("203.0.113.9", .documentation), ("8.8.8.8", .public),
        ("223.255.255.255", .public), ("224.0.0.1", .multicast), ("239.255.255.255", .multicast),
        ("240.0.0.0", .reserved), ("255.255.255.255", .reserved),

        ("::", .unspecified), ("::1", .loopback), ("::2", .unspecified),
        ("::ffff:127.0.0.1", .loopback), ("::ffff:10.1.2.3", .private), ("::ffff:8.8.8.8", .public),
        ("::ffff:0:169.254.169.254", .linkLocal), ("::ffff:0:8.8.8.8", .public),
        ("::127.0.0.1", .loopback), ("::8.8.8.8", .transition),
        ("64:ff9b::10.0.0.1", .private), ("64:ff9b::8.8.8.8", .public), ("64:ff9b:1::1", .transition),
        ("64:ff9b:2::1", .reserved), ("100::1", .reserved), ("100:0:0:1::1", .reserved),
        // Teredo: the client's address is inverted, 80ff:fffe is 127.0.0.1.
        ("2001:0:4136:e378:8000:63bf:80ff:fffe", .loopback), ("2001:0:4136:e378:8000:63bf:f7f7:f7f7", .transition),
        ("2001:2::1", .benchmarking), ("2001:1::1", .reserved), ("2001:200::1", .public),
        ("2001:db8::1", .documentation),
        ("2002:7f00:1::", .loopback), ("2002:a9fe:a9fe::1", .linkLocal), ("2002:808:808::1", .transition),
        ("3fff:fff::1", .documentation), ("3ffe::1", .public), ("5f00::1", .reserved),
        ("fd00:ec2::254", .cloudMetadata), ("fd20:ce::254", .cloudMetadata), ("fd00:ec2::253", .private),
        ("fc00::1", .private),
        ("fe80::1", .linkLocal), ("febf::1", .linkLocal), ("fec0::1", .private), ("ff02::1", .multicast),
        ("4000::1", .reserved), ("2606:4700::1111", .public), ("2a00:1450::1:5efe:10.0.0.1", .public),
        ("2a00:1450::0:5efe:10.0.0.1", .private), ("2a00:1450::200:5efe:127.0.0.1", .loopback),
        ("2a00:1450::5efe:8.8.8.8", .public),
    ]

    @Test(arguments: Self.classes)
    func `an address is of its class`(text: String, addressClass: AddressClass) throws {
        let address = try #require(IPAddress(text))
        #expect(address.addressClass == addressClass)
    }

    @Test func `the table above meets every row`() throws {
        let addresses = Self.classes.compactMap { IPAddress($0.0) }
        #expect(addresses.count == Self.classes.count)
        for row in AddressRange.v4 + AddressRange.v6 {
            let isMet = addresses.contains { $0.family == row.block.network.family && row.block.contains($0) }
            #expect(isMet, "\(row.block)")
        }
    }

    @Test func `every address of a special IPv4 block is special wherever it is embedded`() throws {
        for row in AddressRange.v4 {
            let low = UInt128(row.block.network.value)
            for value in [low, low | UInt128(UInt32.max >> row.block.prefixLength)] {
                let v4 = IPAddress(v4: UInt32(value))
                #expect(v4.addressClass != .public)
                let forms: [UInt128] = [
                    0xffff_0000_0000 | value, 0xffff_0000_0000_0000 | value, 0x64_ff9b << 96 | value,
                    0x2002 << 112 | value << 80, 0x2001 << 112 | UInt128(~UInt32(value)),
                    0x2a00 << 112 | 0x5efe << 32 | value, value,
                ]
                for form in forms {
                    let address = IPAddress(v6: form)
                    #expect(address.addressClass != .public, "\(address)")
                    #expect(AddressPolicy().verdict(on: address, host: "a.example") != .allowed)
                    if form > 1 { #expect(address.embeddedV4 == [v4], "\(address)") }
                }
            }
        }
    }

    @Test(arguments: [
        "127.1", "0x7f.0.0.1", "0177.0.0.1", "2130706433", "1.2.3.4.5", "1.2.3", "256.1.1.1", " 1.2.3.4", "1.2.3.4 ",
        "1.2.3.4/8", "::1%lo", "[::1]", "1::2::3", "", "a.example", "1.2.3.4\0",
    ])
    func `only the one strict spelling is an address`(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(arguments: ["0.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::1", "fe80::1:2:3"])
    func `an address is written as it is read`(text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == text)
        #expect(IPAddress(bytes: address.bytes) == address)
    }

    @Test func `other counts of bytes are no address`() {
        for count in [0, 1, 3, 5, 15, 17] { #expect(IPAddress(bytes: [UInt8](repeating: 1, count: count)) == nil) }
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.9.9.9/8", "10.0.0.1", true),
        ("10.0.0.1", "10.0.0.1", true), ("10.0.0.1", "10.0.0.2", false), ("0.0.0.0/0", "8.8.8.8", true),
        ("0.0.0.0/0", "2001::1", false), ("10.0.0.0/8", "::ffff:10.0.0.1", true), ("::/0", "::1", true),
        ("::/0", "1.2.3.4", false), ("fc00::/7", "fd00::1", true), ("fc00::/7", "fe00::1", false),
        ("::ffff:10.0.0.0/104", "10.1.1.1", true), ("::1/128", "::1", true), ("1.2.3.4/32", "1.2.3.5", false),
    ])
    func `a block contains what shares its bits`(block: String, address: String, isInside: Bool) throws {
        #expect(try #require(CIDR(block)).contains(try #require(IPAddress(address))) == isInside)
    }

    @Test(arguments: [
        "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/ 8", "10/8", "/8", "10.0.0.0/8/8",
        "10.0.0.0/0008", "",
    ])
    func `what is no block is refused`(text: String) {
        #expect(CIDR(text) == nil)
    }

    @Test(arguments: [
        ("a.example", "a.example", true), (" A.Example. ", "a.example", true), ("a.example", "b.a.example", false),
        ("*.a.example", "a.example", true), ("*.a.example", "x.y.a.example", true),
        ("*.a.example", "evila.example", false),
        ("127.0.0.0/8", "127.1.2.3", true), ("127.0.0.0/8", "localhost", false), ("[::1]", "::1", true),
        ("::1", "::1", true),
        ("10.0.0.1", "10.0.0.1", true), ("10.0.0.1", "10.0.0.1.example", false),
    ])
    func `a pattern matches at a dot or not at all`(pattern: String, host: String, isMatch: Bool) throws {
        #expect(try #require(HostPattern(pattern)).matches(host) == isMatch)
    }

    @Test(arguments: [
        "*", "", " ", "*.", ".", "*a.example", "a.example:80", "user@a.example", "a.*.example", "http://a",
    ])
    func `a pattern that could match nothing is none`(text: String) {
        #expect(HostPattern(text) == nil)
    }

    @Test func `a name on a list opens what is inside, but not where credentials are given out`() throws {
        let byName = AddressPolicy(exemptHosts: [try #require(HostPattern("*.corp.example"))])
        let inside = try #require(IPAddress("10.0.0.1"))
        let metadata = try #require(IPAddress("169.254.169.254"))
        #expect(byName.verdict(on: inside, host: "a.corp.example") == .allowed)
        #expect(byName.verdict(on: inside, host: "b.example") == .notPublic(.private))
        #expect(byName.verdict(on: metadata, host: "a.corp.example") == .notPublic(.linkLocal))
        let byBlock = AddressPolicy(exemptHosts: [try #require(HostPattern("169.254.169.254"))])
        #expect(byBlock.verdict(on: metadata, host: "169.254.169.254") == .allowed)
        let byEverything = AddressPolicy(exemptHosts: [try #require(HostPattern("0.0.0.0/0"))])
        #expect(byEverything.verdict(on: metadata, host: "169.254.169.254") == .notPublic(.linkLocal))
        let denied = AddressPolicy(allowPrivateNetworks: true, deny: [try #require(CIDR("10.0.0.0/8"))])
        for text in ["10.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2002:a00:1::"] {
            let verdict = denied.verdict(on: try #require(IPAddress(text)), host: "a.example")
            #expect(verdict == .denied(by: try #require(CIDR("10.0.0.0/8"))))
        }
    }
}
