// SPDX-License-Identifier: Apache-2.0

/// A configuration in plain words, for `imageproxy check`: what would be done, and what was hardly meant.
enum ConfigurationReport {
    /// - Throws: one line, when something is missing that is not part of the configuration itself.
    static func text(_ configuration: Configuration) throws(UsageError) -> String {
        let lines =
            Self.listening(configuration) + Self.access(configuration.access) + Self.origins(configuration)
            + Self.pictures(configuration) + (try Self.caches(configuration.caches))
        let remarks = Self.remarks(configuration).map { "remark: \($0)" }
        return (["The configuration is valid.", ""] + lines + (remarks.isEmpty ? [] : [""] + remarks))
            .joined(separator: "\n") + "\n"
    }

    /// What is allowed and will surprise somebody.
    static func remarks(_ configuration: Configuration) -> [String] {
        let access = configuration.access
        var remarks = Self.mistakes(access)
        if access.allowHosts.isEmpty, access.signingKeys.isEmpty {
            remarks.append(
                "everybody can have every picture of the Internet fetched and transformed: see -allowHosts, -signatureKey"
            )
        }
        if configuration.allowPrivateNetworks, access.allowHosts.isEmpty {
            remarks.append("pictures inside your network can be had by everybody who may ask: see -allowHosts")
        }
        return remarks
    }

    /// What cannot have been meant; said at every start, too.
    static func mistakes(_ access: AccessSettings) -> [String] {
        var mistakes: [String] = []
        let lists = [
            ("allowHosts", access.allowHosts), ("denyHosts", access.denyHosts), ("referrers", access.referrers),
        ]
        for (flag, list) in lists {
            for item in list.unusable { mistakes.append("\(quoted(item)) in -\(flag) can never match a host") }
        }
        if access.strictRedirects, access.allowHosts.isEmpty {
            mistakes.append("-strictRedirects does nothing without -allowHosts")
        }
        if access.signingKeys.hasEmptyKey { mistakes.append("an empty -signatureKey signs nothing") }
        return mistakes
    }

    private static func listening(_ configuration: Configuration) -> [String] {
        let prefix = configuration.pathPrefix.text
        let source = configuration.configFile.map { ["Settings were read from \($0)."] } ?? []
        return source + ["It listens on \(configuration.address), for pictures under \(prefix)/{options}/{remote URL}."]
    }

    private static func access(_ access: AccessSettings) -> [String] {
        let keys = access.signingKeys.count == 1 ? "the key" : "one of \(access.signingKeys.count) keys"
        let sources: String
        switch (access.allowHosts.isEmpty, access.signingKeys.isEmpty) {
        case (true, true): sources = "all public hosts"
        case (false, true): sources = Self.list(access.allowHosts)
        case (true, false): sources = "all public hosts, for requests that are signed with \(keys)"
        case (false, false):
            sources = "\(Self.list(access.allowHosts)), and all public hosts for requests that are signed with \(keys)"
        }
        var lines = ["Pictures may come from: \(sources)."]
        if !access.denyHosts.isEmpty { lines.append("Never from: \(Self.list(access.denyHosts)).") }
        lines.append(
            access.strictRedirects && !access.allowHosts.isEmpty
                ? "Redirects may lead only to hosts that are listed."
                : "Redirects may lead to all public hosts that are not denied.")
        if !access.referrers.isEmpty { lines.append("They may be shown by pages of: \(Self.list(access.referrers)).") }
        if let ports = access.allowPorts {
            lines.append("Origins' ports: \(ports.sorted().map(String.init).joined(separator: ", ")).")
        }
        return lines
    }

    private static func origins(_ configuration: Configuration) -> [String] {
        var lines: [String] = []
        if let base = configuration.baseURL { lines.append("Relative URLs are relative to \(base).") }
        lines.append(
            configuration.allowPrivateNetworks
                ? "Addresses that are not public are fetched from."
                : "Addresses that are not public are refused, but for hosts that -allowHosts or -baseURL names.")
        if !configuration.followRedirects { lines.append("Redirects are not followed.") }
        let types = configuration.contentTypes
        lines.append("Content types: \(types.isEmpty ? "all" : types.joined(separator: ", ")).")
        if !configuration.passRequestHeaders.isEmpty {
            lines.append("Origins see clients' \(configuration.passRequestHeaders.joined(separator: ", ")).")
        }
        return lines
    }

    private static func pictures(_ configuration: Configuration) -> [String] {
        [
            configuration.scaleUp
                ? "Pictures may become larger than their sources." : "Pictures never become larger than their sources."
        ]
    }

    private static func caches(_ settings: [CacheSetting]) throws(UsageError) -> [String] {
        guard !settings.isEmpty else { return ["Nothing is cached."] }
        var places: [String] = []
        for setting in settings { places.append(try setting.words()) }
        return ["Cached in: \(places.joined(separator: "; then "))."]
    }

    private static func list(_ hosts: HostList) -> String {
        hosts.patterns.isEmpty ? "nowhere" : hosts.patterns.map(Self.words).joined(separator: ", ")
    }

    private static func words(_ pattern: HostPattern) -> String {
        switch pattern {
        case .name(let name): name
        case .subdomains(let parent): "\(parent) and all below it"
        case .network(let block):
            block.prefixLength == block.network.family.width ? "\(block.network)" : "the addresses \(block)"
        }
    }
}
