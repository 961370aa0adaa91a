// SPDX-License-Identifier: Apache-2.0

/// What may be fetched. Every hop is held to all of it, whoever chose that hop.
struct FetchRules: Sendable {
    /// Judges a host by its name; `hop` 0 is what the client asked for, the others are redirects.
    ///
    /// - Throws: ``FetchError/forbiddenHost(hop:_:)``.
    typealias HostRule = @Sendable (_ target: FetchTarget, _ hop: Int) throws(FetchError) -> Void

    var addresses = AddressPolicy()
    var ports = PortPolicy()
    var hosts: HostRule = { (_, _) throws(FetchError) in }

    /// Judges what can be judged without a network. What a name resolves to is judged by the transfer, when it connects.
    func check(_ target: FetchTarget, hop: Int) throws(FetchError) {
        try self.hosts(target, hop)
        guard self.ports.allows(target.port) else { throw .forbiddenPort(hop: hop, target.port) }
        guard let address = target.literalAddress else { return }
        guard self.addresses.verdict(on: address, host: target.host) == .allowed else {
            throw .forbiddenHost(hop: hop, "\(target.host): \(self.reason(against: address, host: target.host))")
        }
    }

    /// Judges the address that a host has led to.
    func check(_ address: IPAddress, of target: FetchTarget) throws(FetchError) {
        guard self.addresses.verdict(on: address, host: target.host) == .allowed else {
            throw .forbiddenAddress(
                "\(target.host) leads to \(address): \(self.reason(against: address, host: target.host))")
        }
    }

    private func reason(against address: IPAddress, host: String) -> String {
        switch self.addresses.verdict(on: address, host: host) {
        case .allowed: "allowed"
        case .notPublic(let addressClass): "not public (\(addressClass.rawValue))"
        case .denied(let block): "denied by \(block)"
        }
    }
}
