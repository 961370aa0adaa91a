// SPDX-License-Identifier: Apache-2.0

/// A list of hosts as an operator writes it: names, `*.names`, addresses and blocks of them, separated by commas.
///
/// An entry is brought into the form in which hosts are judged (see ``FetchTarget/host``) before anything is compared,
/// so that `Bücher.Example.`, `127.1` and `[0::1]` mean on a list what they mean in a URL.
public struct HostList: Sendable, Equatable {
    /// Nothing was written. A list whose entries can all never match is not empty: it matches nothing.
    public let isEmpty: Bool
    /// Entries that can never match, such as `*`, `*c.test` and `host:80`. The original takes them without a word.
    let unusable: [String]
    let patterns: [HostPattern]
    private let names: Set<String>
    private let parents: Set<String>
    let networks: [CIDR]

    public init() {
        self.init("")
    }

    public init(_ text: String) {
        let items = text.split(separator: ",").map { String($0).trimmed }.filter { !$0.isEmpty }
        var unusable: [String] = []
        var patterns: [HostPattern] = []
        for item in items {
            if let pattern = Self.pattern(item) { patterns.append(pattern) } else { unusable.append(item) }
        }
        self.isEmpty = text.isEmpty
        self.unusable = unusable
        self.patterns = patterns
        self.names = Set(patterns.compactMap { if case .name(let name) = $0 { name } else { nil } })
        self.parents = Set(patterns.compactMap { if case .subdomains(let parent) = $0 { parent } else { nil } })
        self.networks = patterns.compactMap { if case .network(let block) = $0 { block } else { nil } }
    }

    private static func pattern(_ item: String) -> HostPattern? {
        guard let pattern = HostPattern(item) else { return nil }
        // A name is read as a URL's host is, which may turn it into an address.
        switch pattern {
        case .name(let name): return (try? FetchTarget(parsing: "http://\(name)/")).flatMap { HostPattern($0.host) }
        case .subdomains(let parent):
            return (try? FetchTarget(parsing: "http://\(parent)/")).flatMap { HostPattern("*." + $0.host) }
        case .network: return pattern
        }
    }

    /// - Parameter host: in the form of ``FetchTarget/host``.
    func matches(_ host: String) -> Bool {
        if self.names.contains(host) || self.isBelowParent(host) { return true }
        guard !self.networks.isEmpty, let address = IPAddress(host) else { return false }
        return self.networks.contains { $0.contains(address) }
    }

    private func isBelowParent(_ host: String) -> Bool {
        guard !self.parents.isEmpty else { return false }
        var rest = host[...]
        while !rest.isEmpty {
            if self.parents.contains(String(rest)) { return true }
            guard let dot = rest.firstIndex(of: ".") else { return false }
            rest = rest[rest.index(after: dot)...]
        }
        return false
    }
}
