// SPDX-License-Identifier: Apache-2.0

extension IPAddress {
    /// The IPv4 address that `::ffff:a.b.c.d` is another spelling of.
    var mappedV4: IPAddress? {
        guard self.family == .v6, self.value >> 32 == 0xffff else { return nil }
        return IPAddress(v4: UInt32(truncatingIfNeeded: self.value))
    }

    /// What kind of place this address leads to.
    ///
    /// IPv4 inside IPv6 is looked at too: a translator or tunnel on the way could turn `64:ff9b::10.0.0.1` into the
    /// neighbour's printer.
    var addressClass: AddressClass {
        let rows = self.family == .v4 ? AddressRange.v4 : AddressRange.v6
        if let row = rows.first(where: { $0.block.containsExactly(self) }) {
            return self.addressClass(by: row.meaning)
        }
        guard self.family == .v6 else { return .public }
        guard AddressRange.globalUnicast.contains(self) else { return .reserved }
        return self.isatapV4?.addressClass ?? .public
    }

    private func addressClass(by meaning: AddressRange.Meaning) -> AddressClass {
        switch meaning {
        case .class(let addressClass):
            return addressClass
        case .sameAsV4(let shift):
            return self.v4(shift: shift, isInverted: false).addressClass
        case .tunnel(let shift, let isInverted):
            let inner = self.v4(shift: shift, isInverted: isInverted).addressClass
            return inner == .public ? .transition : inner
        }
    }

    /// The IPv4 addresses that a packet to this one could end at; empty for one that carries none.
    var embeddedV4: [IPAddress] {
        guard self.family == .v6 else { return [] }
        switch AddressRange.v6.first(where: { $0.block.containsExactly(self) })?.meaning {
        case .sameAsV4(let shift):
            return [self.v4(shift: shift, isInverted: false)]
        case .tunnel(let shift, let isInverted):
            return [self.v4(shift: shift, isInverted: isInverted)]
        case .class, nil:
            return self.isatapV4.map { [$0] } ?? []
        }
    }

    /// The IPv4 address in an ISATAP interface identifier, `…:0:5efe:a.b.c.d` or `…:200:5efe:a.b.c.d` (RFC 5214 6.1).
    private var isatapV4: IPAddress? {
        let marker = UInt32(truncatingIfNeeded: self.value >> 32)
        guard marker == 0x0000_5efe || marker == 0x0200_5efe else { return nil }
        return self.v4(shift: 0, isInverted: false)
    }

    private func v4(shift: Int, isInverted: Bool) -> IPAddress {
        let bits = UInt32(truncatingIfNeeded: self.value >> shift)
        return IPAddress(v4: isInverted ? ~bits : bits)
    }
}

extension CIDR {
    /// As ``contains(_:)``, but without looking into IPv4-mapped addresses: the table has a row for those.
    fileprivate func containsExactly(_ address: IPAddress) -> Bool {
        address.family == self.network.family && self.contains(address)
    }
}
