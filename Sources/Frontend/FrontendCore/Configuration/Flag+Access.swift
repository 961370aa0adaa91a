// SPDX-License-Identifier: Apache-2.0

extension Flag {
    /// The flags that say who may have what, and what an origin is told about whoever asks.
    static let access: [Flag] = [
        Flag(
            name: "allowHosts", group: .access, valueName: "list", defaultText: "",
            help: "hosts that pictures may come from without a signature, comma-separated; empty = all. "
                + "A host named here may be inside your network",
            kind: .value { (configuration, text) in configuration.access.allowHosts = HostList(text) }),
        Flag(
            name: "denyHosts", group: .access, valueName: "list", defaultText: "",
            help: "hosts that nothing is fetched from, whatever else allows it; also addresses that names lead to",
            kind: .value { (configuration, text) in configuration.access.denyHosts = HostList(text) }),
        Flag(
            name: "referrers", group: .access, valueName: "list", defaultText: "",
            help: "hosts whose pages may show pictures of this service; empty = all",
            kind: .value { (configuration, text) in configuration.access.referrers = HostList(text) }),
        Flag(
            name: "signatureKey", group: .access, valueName: "key|@file", defaultText: "",
            help: "key of requests that are signed, or the file that is one; may stand several times, or hold several "
                + "separated by spaces",
            isSecret: true,
            kind: .repeatable { (configuration, text) throws(FlagError) in
                for item in text.split(whereSeparator: \.isWhitespace) {
                    configuration.access.signingKeys.add(try key(item))
                }
            }),
        Flag(
            name: "strictRedirects", group: .access, valueName: "", defaultText: "false",
            help: "redirects may lead to the hosts of -allowHosts only; without this to all that are not denied",
            kind: .boolean { $0.access.strictRedirects = $1 }),
        Flag(
            name: "allowPorts", group: .access, valueName: "list", defaultText: "",
            help: "ports of origins, comma-separated; empty = all but those of services that do not speak HTTP",
            kind: .value { (configuration, text) throws(FlagError) in
                var ports: Set<UInt16> = []
                for item in commaList(text) {
                    guard let port = UInt16(item), !PortPolicy.blocked.contains(port) else {
                        throw FlagError(expected: "ports from 1 to 65535 that browsers speak HTTP to")
                    }
                    ports.insert(port)
                }
                configuration.access.allowPorts = ports.isEmpty ? nil : ports
            }),

        Flag(
            name: "pathPrefix", group: .listening, valueName: "prefix", defaultText: "",
            help: "start of the paths under which pictures are asked for, as in /images/200x/https://…",
            kind: .value { (configuration, text) throws(FlagError) in
                guard let prefix = PathPrefix(text) else { throw FlagError(expected: "a path such as /images") }
                configuration.pathPrefix = prefix
            }),
        Flag(
            name: "trustedProxies", group: .listening, valueName: "list", defaultText: "",
            help:
                "addresses and blocks of the load balancers whose X-Forwarded-For is believed, comma-separated; `unix` = "
                + "whoever connects to the Unix socket",
            kind: .value { (configuration, text) throws(FlagError) in
                guard let proxies = TrustedProxies(commaList(text)) else {
                    throw FlagError(expected: "addresses, blocks such as 10.0.0.0/8, or unix")
                }
                configuration.trustedProxies = proxies
            }),
        Flag(
            name: "maxConnectionsPerClient", group: .listening, valueName: "number", defaultText: "0",
            help: "connections that one client may have open at a time, or requests through -trustedProxies; an IPv6 "
                + "client is a block of 64 bits; 0 = any number",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.maxConnectionsPerClient = try integer(text, in: 0...1_000_000)
            }),
        Flag(
            name: "includeReferer", group: .origins, valueName: "", defaultText: "false",
            help: "pass the client's Referer on to origins",
            kind: .boolean { $0.includeReferer = $1 }),
        Flag(
            name: "passRequestHeaders", group: .origins, valueName: "list", defaultText: "",
            help: "headers of the client's request that are passed on to origins",
            kind: .value { (configuration, text) throws(FlagError) in
                let names = commaList(text)
                if let bad = names.first(where: { !PassedHeaders.mayBeSent($0) }) {
                    throw FlagError(expected: "names of headers other than \(bad), which the service sets itself")
                }
                configuration.passRequestHeaders = names
            }),
    ]

    private static func key(_ item: Substring) throws(FlagError) -> [UInt8] {
        guard item.hasPrefix("@") else { return Array(item.utf8) }
        do throws(FileError) {
            return try FileContent.read(String(item.dropFirst()))
        } catch {
            throw FlagError(failure: "error reading signature file: \(error)")
        }
    }
}
