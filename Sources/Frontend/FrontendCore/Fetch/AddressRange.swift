// SPDX-License-Identifier: Apache-2.0

/// One row of the table of special addresses.
struct AddressRange: Sendable {
    /// What an address in the block is.
    enum Meaning: Sendable {
        case `class`(AddressClass)
        /// The same place as the IPv4 address at this distance (bits) from the low end.
        case sameAsV4(shift: Int)
        /// A tunnel: refused whatever is inside; the IPv4 address inside says why when it is special itself.
        case tunnel(shift: Int, isInverted: Bool)
    }

    let block: CIDR
    let meaning: Meaning
    /// Where the meaning is written down.
    let reason: String

    private init(_ text: String, _ meaning: Meaning, _ reason: String) {
        // Safe to force: the literals below are the only callers, and a test reads every row.
        self.block = CIDR(text)!
        self.meaning = meaning
        self.reason = reason
    }

    /// The special IPv4 blocks; what is in none of them is public.
    static let v4: [AddressRange] = [
        AddressRange("0.0.0.0/8", .class(.unspecified), "this host on this network, RFC 1122 3.2.1.3"),
        AddressRange("10.0.0.0/8", .class(.private), "private use, RFC 1918"),
        AddressRange("100.100.100.200/32", .class(.cloudMetadata), "Alibaba Cloud's metadata service"),
        AddressRange("100.64.0.0/10", .class(.carrierNAT), "shared address space, RFC 6598"),
        AddressRange("127.0.0.0/8", .class(.loopback), "loopback, RFC 1122 3.2.1.3"),
        AddressRange("168.63.129.16/32", .class(.cloudMetadata), "Azure's platform endpoint, a public number"),
        AddressRange("169.254.0.0/16", .class(.linkLocal), "link local, RFC 3927; cloud metadata services"),
        AddressRange("172.16.0.0/12", .class(.private), "private use, RFC 1918"),
        AddressRange("192.0.0.192/32", .class(.cloudMetadata), "Oracle Cloud's former metadata service"),
        AddressRange("192.0.0.0/24", .class(.reserved), "IETF protocol assignments, RFC 6890"),
        AddressRange("192.0.2.0/24", .class(.documentation), "TEST-NET-1, RFC 5737"),
        AddressRange("192.88.99.0/24", .class(.transition), "6to4 relay anycast, RFC 7526"),
        AddressRange("192.168.0.0/16", .class(.private), "private use, RFC 1918"),
        AddressRange("198.18.0.0/15", .class(.benchmarking), "benchmarking, RFC 2544"),
        AddressRange("198.51.100.0/24", .class(.documentation), "TEST-NET-2, RFC 5737"),
        AddressRange("203.0.113.0/24", .class(.documentation), "TEST-NET-3, RFC 5737"),
        AddressRange("224.0.0.0/4", .class(.multicast), "multicast, RFC 5771"),
        AddressRange("240.0.0.0/4", .class(.reserved), "reserved and limited broadcast, RFC 1112, RFC 8190"),
    ]

    /// The special IPv6 blocks, the narrower first; what is in none of them is public only inside `2000::/3`.
    static let v6: [AddressRange] = [
        AddressRange("::/128", .class(.unspecified), "the unspecified address, RFC 4291 2.5.2"),
        AddressRange("::1/128", .class(.loopback), "loopback, RFC 4291 2.5.3"),
        mappedV4,
        AddressRange("::ffff:0:0:0/96", .sameAsV4(shift: 0), "IPv4-translated, RFC 2765 2.1"),
        AddressRange("::/96", .tunnel(shift: 0, isInverted: false), "IPv4-compatible, RFC 4291 2.5.5.1, deprecated"),
        AddressRange("64:ff9b::/96", .sameAsV4(shift: 0), "NAT64's well-known prefix, RFC 6052 2.1"),
        AddressRange("64:ff9b:1::/48", .class(.transition), "NAT64 of local use, RFC 8215"),
        AddressRange("100::/64", .class(.reserved), "discard only, RFC 6666"),
        AddressRange("100:0:0:1::/64", .class(.reserved), "dummy prefix, RFC 9780"),
        AddressRange("2001::/32", .tunnel(shift: 0, isInverted: true), "Teredo, RFC 4380 4: the client, inverted"),
        AddressRange("2001:2::/48", .class(.benchmarking), "benchmarking, RFC 5180"),
        AddressRange("2001::/23", .class(.reserved), "IETF protocol assignments, RFC 2928"),
        AddressRange("2001:db8::/32", .class(.documentation), "documentation, RFC 3849"),
        AddressRange("2002::/16", .tunnel(shift: 80, isInverted: false), "6to4, RFC 3056 2"),
        AddressRange("3fff::/20", .class(.documentation), "documentation, RFC 9637"),
        AddressRange("5f00::/16", .class(.reserved), "segment routing, RFC 9602"),
        AddressRange("fd00:ec2::254/128", .class(.cloudMetadata), "AWS's metadata service"),
        AddressRange("fd20:ce::254/128", .class(.cloudMetadata), "Google Cloud's metadata service"),
        AddressRange("fc00::/7", .class(.private), "unique local, RFC 4193"),
        AddressRange("fe80::/10", .class(.linkLocal), "link local, RFC 4291 2.5.6"),
        AddressRange("fec0::/10", .class(.private), "site local, RFC 3879"),
        AddressRange("ff00::/8", .class(.multicast), "multicast, RFC 4291 2.7"),
    ]

    /// `CIDR`'s own parser turns mapped text into IPv4, so this row is made from the number.
    private static let mappedV4 = AddressRange(
        block: CIDR(IPAddress(v6: 0xffff_0000_0000), prefixLength: 96), meaning: .sameAsV4(shift: 0),
        reason: "IPv4-mapped, RFC 4291 2.5.5.2")

    private init(block: CIDR, meaning: Meaning, reason: String) {
        self.block = block
        self.meaning = meaning
        self.reason = reason
    }

    /// All that is or will be global unicast (RFC 4291 2.4, RFC 3513).
    static let globalUnicast = CIDR(IPAddress(v6: 0x2 << 124), prefixLength: 3)
}
