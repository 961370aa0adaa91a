// SPDX-License-Identifier: Apache-2.0

/// Which fields of an origin's answer reach the client, and which of a client's request may reach an origin.
enum PassedHeaders {
    /// Fields that frame a message, belong to one connection, or decide what a browser may do with an answer. Passing
    /// one of them would let an origin speak for this service.
    private static let never: Set<String> = [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade", "content-length", "content-encoding", "content-type", "date", "set-cookie",
        "access-control-allow-origin", "access-control-allow-credentials",
        "content-security-policy", "x-content-type-options", "x-xss-protection", "strict-transport-security",
        "location", "server", "alt-svc", "x-imageproxy-error", "age", "vary",
    ]

    static func mayBePassed(_ name: String) -> Bool { Self.isName(name) && !Self.never.contains(name.lowercased()) }

    /// Fields that belong to one connection or frame a message, and those with which this service itself asks for a
    /// part, for a coding, or whether something has changed.
    private static let neverSent: Set<String> = [
        "host", "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
        "content-length", "expect", "accept-encoding", "range", "if-range", "if-match", "if-none-match",
        "if-modified-since", "if-unmodified-since",
    ]

    static func mayBeSent(_ name: String) -> Bool { Self.isName(name) && !Self.neverSent.contains(name.lowercased()) }

    private static func isName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in byte > 0x20 && byte < 0x7F && !"\"(),/:;<=>?@[\\]{}".utf8.contains(byte) }
    }

    /// The configured fields of an answer, all values, in the answer's order.
    static func select(_ names: [String], from headers: HTTPFields) -> [(String, String)] {
        headers.filter { field in names.contains { $0.equalsIgnoringCase(field.name) } }.map { ($0.name, $0.value) }
    }
}
