// SPDX-License-Identifier: Apache-2.0

/// Decides which addresses may be connected to.
///
/// It is asked about the address that a socket is about to connect to, after DNS, on every hop and again when a
/// connection is used a second time. Names prove nothing: whoever owns one decides what it resolves to.
struct AddressPolicy: Sendable {
    /// Opens every range that is not public; ``deny`` still holds.
    var allowPrivateNetworks = false
    /// Hosts that the operator named, and which may therefore be inside. See ``AddressClass/needsLiteral``.
    var exemptHosts: [HostPattern] = []
    /// Never connected to, whatever else allows it; an IPv4 block also covers the IPv6 forms that carry its addresses.
    var deny: [CIDR] = []

    enum Verdict: Equatable, Sendable {
        case allowed
        /// The address is not public, and nobody vouched for the host.
        case notPublic(AddressClass)
        case denied(by: CIDR)
    }

    /// Judges one connection.
    ///
    /// - Parameters:
    ///   - address: what would be connected to.
    ///   - host: the URL's host as ``FetchTarget/host`` has it.
    func verdict(on address: IPAddress, host: String) -> Verdict {
        let carried = [address] + address.embeddedV4
        if let block = self.deny.first(where: { block in carried.contains { block.contains($0) } }) {
            return .denied(by: block)
        }
        let addressClass = address.addressClass
        if addressClass == .public || self.allowPrivateNetworks || self.isExempt(host, leadingTo: addressClass) {
            return .allowed
        }
        return .notPublic(addressClass)
    }

    private func isExempt(_ host: String, leadingTo addressClass: AddressClass) -> Bool {
        self.exemptHosts.contains { pattern in
            guard pattern.matches(host) else { return false }
            guard addressClass.needsLiteral else { return true }
            // `0.0.0.0/0` on a list means "any address"; it was not written with the metadata service in mind.
            guard case .network(let block) = pattern else { return false }
            return block.network.addressClass.needsLiteral
        }
    }
}
