// SPDX-License-Identifier: Apache-2.0

/// The load balancers before this service, whose word about their clients is taken (`-trustedProxies`).
public struct TrustedProxies: Sendable, Equatable {
    private var networks: [CIDR] = []
    /// Whoever can connect to the Unix socket that is listened on.
    private var includesUnixSocket = false

    public init() {}

    /// Reads a comma-separated list of addresses, blocks of them and the word `unix`; nil when an item is none of these.
    init?(_ items: [String]) {
        for item in items {
            if item == "unix" {
                self.includesUnixSocket = true
            } else if let block = CIDR(item) {
                self.networks.append(block)
            } else {
                return nil
            }
        }
    }

    public var isEmpty: Bool { self.networks.isEmpty && !self.includesUnixSocket }

    /// - Parameter peer: the other end of a connection; nil = that of a Unix socket.
    func contains(_ peer: IPAddress?) -> Bool {
        guard let peer else { return self.includesUnixSocket }
        return self.networks.contains { $0.contains(peer) }
    }

    /// Who sent a request: the peer, or who a trusted peer says it was.
    ///
    /// Each proxy adds who it was connected to at the right. Reading from there, the first address that is not itself a
    /// trusted proxy's is the client's; everything further left is only what that client wrote.
    ///
    /// - Parameters:
    ///   - peer: as above.
    ///   - forwarded: the request's `X-Forwarded-For` fields, in their order.
    /// - Returns: nil when nobody knows.
    func client(peer: IPAddress?, forwarded: [String]) -> IPAddress? {
        var client = peer
        guard self.contains(peer) else { return client }
        for item in forwarded.flatMap({ $0.split(separator: ",", omittingEmptySubsequences: false) }).reversed() {
            guard let address = Self.address(String(item).trimmed) else { return client }
            client = address
            if !self.contains(address) { return client }
        }
        return client
    }

    /// An address as proxies write it: bare, with a port, an IPv6 one in brackets.
    private static func address(_ text: String) -> IPAddress? {
        if let address = IPAddress(text) { return address.mappedV4 ?? address }
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            return IPAddress(text[text.index(after: text.startIndex)..<end])
        }
        guard let colon = text.lastIndex(of: ":") else { return nil }
        return IPAddress(text[..<colon])
    }
}
