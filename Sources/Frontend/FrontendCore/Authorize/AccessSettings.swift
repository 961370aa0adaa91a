// SPDX-License-Identifier: Apache-2.0

/// Who may have which picture.
public struct AccessSettings: Sendable {
    /// Hosts that pictures may come from without a signature; empty, and without keys, = all.
    public var allowHosts = HostList()
    /// Hosts and addresses that nothing is fetched from, whatever else allows it.
    public var denyHosts = HostList()
    /// Hosts whose pages may show pictures of this service; empty = all.
    public var referrers = HostList()
    public var signingKeys = SigningKeys()
    /// The hosts that redirects lead to have to be allowed ones, too.
    public var strictRedirects = false
    /// Ports that origins may have; nil = all but those that no browser speaks HTTP to.
    public var allowPorts: Set<UInt16>?

    public init() {}
}
