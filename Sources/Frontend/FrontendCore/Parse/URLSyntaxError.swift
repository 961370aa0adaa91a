// SPDX-License-Identifier: Apache-2.0

/// Why a text is no URL. The messages are the original's, which clients see as part of an error.
enum URLSyntaxError: Error, Equatable, Sendable {
    case controlCharacter
    case missingScheme
    case colonInFirstSegment
    case escape([UInt8])
    case hostCharacter(UInt8)
    case port([UInt8])
    case missingBracket
    /// Brackets anywhere but around the whole host, or around an IPv4 address.
    case misplacedLiteral
    case notAnAddress([UInt8])
    case userinfo
    /// The URL proper is right, and what is wrong with its fragment is this.
    case fragment(String)

    var message: String {
        switch self {
        case .controlCharacter: "net/url: invalid control character in URL"
        case .missingScheme: "missing protocol scheme"
        case .colonInFirstSegment: "first path segment in URL cannot contain colon"
        case .escape(let text): "invalid URL escape " + GoQuoting.quote(text)
        case .hostCharacter(let byte): "invalid character " + GoQuoting.quote([byte]) + " in host name"
        case .port(let text): "invalid port " + GoQuoting.quote(text) + " after host"
        case .missingBracket: "missing ']' in host"
        case .misplacedLiteral: "invalid IP-literal"
        case .notAnAddress(let text): "invalid host: ParseAddr(" + GoQuoting.quote(text) + "): unable to parse IP"
        case .userinfo: "net/url: invalid userinfo"
        case .fragment(let message): message
        }
    }
}
