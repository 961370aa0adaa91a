// SPDX-License-Identifier: Apache-2.0

// Whichever of these two a compiler process loads first owns the members of socket addresses.
import CCurl
import Glibc

/// An IPv4 or IPv6 address as a number, so that ranges are compared by shifting and not as text.
///
/// It has no zone (`%eth0`): a zone names an interface of this machine, which no remote URL has a reason to do.
struct IPAddress: Hashable, Sendable {
    enum Family: Sendable {
        case v4, v6

        /// Bits in an address of this family.
        var width: Int { self == .v4 ? 32 : 128 }
    }

    let family: Family
    /// The address in host order; an IPv4 address fills the low 32 bits.
    let value: UInt128

    init(v4 value: UInt32) {
        self.family = .v4
        self.value = UInt128(value)
    }

    init(v6 value: UInt128) {
        self.family = .v6
        self.value = value
    }

    /// Takes 4 or 16 bytes in network order; any other count is no address.
    init?(bytes: [UInt8]) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.family = bytes.count == 4 ? .v4 : .v6
        self.value = bytes.reduce(0) { $0 << 8 | UInt128($1) }
    }

    /// Reads a literal in its one strict spelling: four decimal numbers without leading zeros, or RFC 4291 text.
    ///
    /// `127.1`, `0x7f.1` and the like are not literals here: libcurl's URL parser rewrites those before anything is
    /// decided, and a configuration that holds one is refused rather than guessed at.
    init?(_ text: some StringProtocol) {
        let text = String(text)
        guard !text.utf8.contains(0) else { return nil }
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            self.init(v4: UInt32(bigEndian: v4.s_addr))
            return
        }
        var v6 = in6_addr()
        guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
        self.init(v6: withUnsafeBytes(of: &v6) { $0.reduce(0) { $0 << 8 | UInt128($1) } })
    }

    /// Reads what a socket is about to connect to; nil for families that are neither IPv4 nor IPv6.
    ///
    /// Safe as long as `address` points to as many bytes as its family needs, which whoever fills a `sockaddr` ensures.
    init?(_ address: UnsafePointer<sockaddr>) {
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            let v4 = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self)
            self.init(v4: UInt32(bigEndian: v4.sin_addr.s_addr))
        case AF_INET6:
            let v6 = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in6.self)
            self.init(v6: withUnsafeBytes(of: v6.sin6_addr) { $0.reduce(0) { $0 << 8 | UInt128($1) } })
        default:
            return nil
        }
    }

    /// The address in network order, 4 or 16 bytes.
    var bytes: [UInt8] {
        stride(from: self.family.width - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: self.value >> $0) }
    }
}

extension IPAddress: CustomStringConvertible {
    /// The shortest usual spelling (RFC 5952 for IPv6), without brackets.
    var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let bytes = self.bytes
        let family = self.family == .v4 ? AF_INET : AF_INET6
        guard inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil else { return "?" }
        return text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }
}
