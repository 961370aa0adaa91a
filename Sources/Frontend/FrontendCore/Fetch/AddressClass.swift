// SPDX-License-Identifier: Apache-2.0

/// What kind of place an address leads to. Only ``public`` may be fetched from without the operator's word.
enum AddressClass: String, CaseIterable, Sendable {
    case `public`
    /// `0.0.0.0` and `::`, which Linux connects to itself.
    case unspecified
    case loopback
    /// Inside networks: RFC 1918, unique local, site-local.
    case `private`
    /// Between a provider and its customers (RFC 6598).
    case carrierNAT
    case linkLocal
    /// Where clouds hand out an instance's credentials, outside the link-local range.
    case cloudMetadata
    /// A tunnel or translation whose exit is somebody's choice.
    case transition
    case documentation
    case benchmarking
    case multicast
    case reserved

    /// Whether a host's *name* on a list is too little to let it lead here: the name's owner, not the operator, decides
    /// what it resolves to, and these places give out credentials to whoever asks. A literal or a CIDR is needed.
    var needsLiteral: Bool { self == .linkLocal || self == .cloudMetadata }
}
