// SPDX-License-Identifier: Apache-2.0

/// Everything about fetching that an operator decides.
struct FetchSettings: Sendable {
    var rules = FetchRules()
    var limits = FetchLimits()
    var followsRedirects = true
    /// Empty = what the original's HTTP library sends when it is told nothing.
    var userAgent = ""
    /// The `Accept` header; empty = none is sent.
    var accept = ""
    /// PEM file with certificates that are trusted in addition to the system's.
    var extraCertificates: String?
    /// Whether bodies will be asked for their digest, see ``BodySink``: what is stored outside of this process is stored
    /// with it.
    var digestsBodies = false

    init() {}

    init(_ configuration: Configuration) {
        self.rules.hosts = Authorizer(configuration).hostRule
        self.rules.ports.allowed = configuration.access.allowPorts
        self.rules.addresses.allowPrivateNetworks = configuration.allowPrivateNetworks
        self.rules.addresses.deny = configuration.access.denyHosts.networks
        self.rules.addresses.exemptHosts = configuration.access.allowHosts.patterns
        // Whoever names a base says that this host may be fetched from, wherever it is.
        if let base = configuration.baseURL, let target = try? FetchTarget(parsing: base.string),
            let pattern = HostPattern(target.host)
        {
            self.rules.addresses.exemptHosts.append(pattern)
        }
        self.limits.maximumBytes = configuration.maxSourceBytes
        self.limits.total = configuration.fetchTimeout
        self.limits.maximumPerHost = configuration.maxFetchesPerHost
        self.followsRedirects = configuration.followRedirects
        self.userAgent = configuration.userAgent
        self.accept = configuration.contentTypes.joined(separator: ", ")
        self.extraCertificates = configuration.tlsCAFile
        self.digestsBodies = configuration.caches.contains { if case .memory = $0 { false } else { true } }
    }
}
