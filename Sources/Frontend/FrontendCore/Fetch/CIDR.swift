// SPDX-License-Identifier: Apache-2.0

/// A block of addresses, such as `10.0.0.0/8`; a single address is a block of one.
struct CIDR: Hashable, Sendable {
    /// The block's first address: host bits are zero.
    let network: IPAddress
    /// How many leading bits every member shares, 0...32 or 0...128.
    let prefixLength: Int

    /// Makes the block that `address` lies in.
    ///
    /// - Precondition: `prefixLength` is within the family's width; text from outside goes through ``init(_:)``.
    init(_ address: IPAddress, prefixLength: Int) {
        let width = address.family.width
        precondition((0...width).contains(prefixLength), "a prefix longer than its address")
        let hostBits = width - prefixLength
        let value = hostBits == 128 ? 0 : (address.value >> hostBits) << hostBits
        // Safe to truncate: an IPv4 address never has more than 32 bits.
        self.network = address.family == .v4 ? IPAddress(v4: UInt32(truncatingIfNeeded: value)) : IPAddress(v6: value)
        self.prefixLength = prefixLength
    }

    /// Reads `address/length`, or a bare address as a block of one.
    ///
    /// Host bits may be set (`10.1.2.3/8` is `10.0.0.0/8`), as in Go's `net.ParseCIDR`; the length is plain digits. A
    /// block written in IPv4-mapped IPv6 (`::ffff:10.0.0.0/104`) is the IPv4 block it stands for.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first) else { return nil }
        var length = address.family.width
        if parts.count == 2 {
            let digits = parts[1].utf8
            guard (1...3).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
                let given = Int(parts[1]), given <= length
            else { return nil }
            length = given
        }
        if let mapped = address.mappedV4, length >= 96 {
            self.init(mapped, prefixLength: length - 96)
        } else {
            self.init(address, prefixLength: length)
        }
    }

    /// Whether `address` is in the block; an IPv4-mapped IPv6 address counts as the IPv4 address inside it.
    func contains(_ address: IPAddress) -> Bool {
        let address = self.network.family == .v4 ? address.mappedV4 ?? address : address
        guard address.family == self.network.family else { return false }
        let hostBits = address.family.width - self.prefixLength
        return hostBits == 128 || (address.value ^ self.network.value) >> hostBits == 0
    }

    /// Whether every member of `other` is in this block too.
    func contains(_ other: CIDR) -> Bool {
        self.network.family == other.network.family && self.prefixLength <= other.prefixLength
            && self.contains(other.network)
    }
}

extension CIDR: CustomStringConvertible {
    var description: String { "\(self.network)/\(self.prefixLength)" }
}
