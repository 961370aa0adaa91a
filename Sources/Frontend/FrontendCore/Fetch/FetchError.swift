// SPDX-License-Identifier: Apache-2.0

/// Why a source could not be fetched.
///
/// `status` and `publicMessage` go to the client; ``detail`` names addresses and goes to the log only. Whether an
/// address is refused, unreachable or unknown looks the same from outside: anything else would make this program a
/// scanner of the network it stands in.
enum FetchError: Error, Hashable, Sendable {
    /// What was asked for is no URL that can be fetched.
    case invalidURL(String)
    /// A host that a rule forbids, or a literal address that is not public. `hop` 0 is what the client asked for.
    case forbiddenHost(hop: Int, String)
    case forbiddenPort(hop: Int, UInt16)
    /// DNS led to an address that may not be connected to.
    case forbiddenAddress(String)
    case resolve(String)
    case connect(String)
    case tls(String)
    case timedOut(FetchPhase, String)
    /// The source has more than `limit` bytes.
    case tooLarge(limit: Int)
    case tooManyRedirects(limit: Int)
    case badRedirect(String)
    /// The origin broke HTTP's rules, or the connection broke in the middle of an answer.
    case protocolViolation(String)
    /// The origin used a content coding that nobody asked for.
    case contentCoding(String)
    /// Too many others ask this host already.
    case busy(String)
    /// This side's fault: no memory, no descriptor, closed.
    case internalFailure(String)

    /// The status that answers the client.
    var status: Int { self.row.status }

    /// Safe to show to anyone.
    var publicMessage: String { self.row.publicMessage }

    /// The words for metrics and logs: few, and known beforehand.
    enum Kind: String, CaseIterable {
        case invalidURL = "invalid_url"
        case forbiddenHost = "forbidden_host"
        case forbiddenPort = "forbidden_port"
        case forbiddenAddress = "forbidden_address"
        case resolve
        case connect
        case timeout
        case tls
        case tooLarge = "too_large"
        case tooManyRedirects = "too_many_redirects"
        case badRedirect = "bad_redirect"
        case protocolViolation = "protocol"
        case contentCoding = "content_coding"
        case busy
        case internalFailure = "internal"
    }

    var kind: String { self.row.kind.rawValue }

    private var row: (status: Int, kind: Kind, publicMessage: String) {
        switch self {
        case .invalidURL: (400, .invalidURL, "the remote URL cannot be fetched")
        case .forbiddenHost(hop: 0, _): (403, .forbiddenHost, "requested URL is not allowed")
        case .forbiddenHost: (403, .forbiddenHost, "requested URL in redirect is not allowed")
        case .forbiddenPort(hop: 0, _): (403, .forbiddenPort, "requested URL is not allowed")
        case .forbiddenPort: (403, .forbiddenPort, "requested URL in redirect is not allowed")
        case .forbiddenAddress: (502, .forbiddenAddress, Self.unreachable)
        case .resolve: (502, .resolve, Self.unreachable)
        case .connect: (502, .connect, Self.unreachable)
        case .timedOut(.resolve, _), .timedOut(.connect, _): (504, .timeout, Self.timedOutMessage)
        case .timedOut: (504, .timeout, Self.timedOutMessage)
        case .tls: (502, .tls, "the remote host's TLS connection failed")
        case .tooLarge: (502, .tooLarge, "the remote file is too large")
        case .tooManyRedirects: (502, .tooManyRedirects, "too many redirects")
        case .badRedirect: (502, .badRedirect, "the remote host redirects to a URL that cannot be fetched")
        case .protocolViolation: (502, .protocolViolation, "the remote host's answer breaks the rules of HTTP")
        case .contentCoding: (502, .contentCoding, "the remote host's answer has an unwanted content coding")
        case .busy: (503, .busy, "too many ask the remote host, try again shortly")
        case .internalFailure: (503, .internalFailure, "the remote URL cannot be fetched now")
        }
    }

    private static let unreachable = "the remote host could not be reached"
    private static let timedOutMessage = "the remote host took too long"

    /// What happened, for the log; it may name addresses of this network.
    var detail: String {
        switch self {
        case .invalidURL(let detail), .forbiddenHost(_, let detail), .forbiddenAddress(let detail),
            .resolve(let detail), .connect(let detail), .tls(let detail), .badRedirect(let detail),
            .protocolViolation(let detail), .contentCoding(let detail), .internalFailure(let detail):
            detail
        case .busy(let host): "too many requests for \(host) at a time"
        case .forbiddenPort(_, let port): "port \(port) is not allowed"
        case .timedOut(let phase, let detail): "\(phase.rawValue): \(detail)"
        case .tooLarge(let limit): "more than \(limit) bytes"
        case .tooManyRedirects(let limit): "more than \(limit) redirects"
        }
    }
}

extension FetchError: CustomStringConvertible {
    /// Safe to show to anyone: it leaves ``detail`` out.
    var description: String { self.publicMessage }
}
