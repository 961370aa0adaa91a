// SPDX-License-Identifier: Apache-2.0

/// One entry of a list of hosts: a name, a name with all that is below it, or a block of addresses.
///
/// Both sides of a comparison are in the form that ``FetchTarget`` produces: lower case, no trailing dot, no port, IPv6
/// without brackets, numeric spellings normalised.
enum HostPattern: Hashable, Sendable {
    case name(String)
    /// `*.example.com`: `example.com` and its sub-domains, at a dot; `evilexample.com` is neither.
    case subdomains(of: String)
    case network(CIDR)

    /// Reads a list item; spaces around it are ignored. Nil when nothing could ever match it, such as `*`.
    init?(_ text: some StringProtocol) {
        var item = String(text)[...]
        while let first = item.first, first.isWhitespace { item.removeFirst() }
        while let last = item.last, last.isWhitespace { item.removeLast() }
        if item.hasPrefix("["), item.hasSuffix("]") { item = item.dropFirst().dropLast() }
        if let block = CIDR(item) {
            self = .network(block)
            return
        }
        var name = item.lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        if name.hasPrefix("*.") {
            name.removeFirst(2)
            self = .subdomains(of: name)
        } else {
            self = .name(name)
        }
        guard !name.isEmpty, !name.contains(where: { "*/:[]@ ".contains($0) }) else { return nil }
    }

    /// Whether `host` is what the entry names. An address matches blocks only, a name never does.
    func matches(_ host: String) -> Bool {
        switch self {
        case .name(let name): host == name
        case .subdomains(let parent): host == parent || host.hasSuffix("." + parent)
        case .network(let block): IPAddress(host).map { block.contains($0) } ?? false
        }
    }
}
