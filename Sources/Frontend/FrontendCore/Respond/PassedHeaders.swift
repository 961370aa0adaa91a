// SPDX-License-Identifier: Apache-2.0

/// Which fields of an origin's answer reach the client, and which of a client's request may reach an origin.
enum PassedHeaders {
    /// Fields that frame a message or belong to one connection, those that this service sets itself, and those that
    /// decide what a browser does on this service's behalf or a proxy in front of it sends instead. Passing one of them
    /// would let every origin speak for this service.
    private static let never: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
        "content-length", "content-encoding", "content-range", "content-type", "accept-ranges", "date", "age", "vary",
        "server", "via", "alt-svc", "location", "refresh",
        // Who may come in, and what is remembered of them.
        "set-cookie", "set-cookie2", "clear-site-data", "www-authenticate", "authentication-info",
        "proxy-authenticate", "proxy-authorization", "proxy-authentication-info", "authentication-control",
        // What browsers allow here, load for it, and report about it.
        "content-security-policy", "content-security-policy-report-only", "x-content-type-options",
        "x-xss-protection", "x-frame-options", "x-permitted-cross-domain-policies", "x-download-options",
        "permissions-policy", "permissions-policy-report-only", "feature-policy", "document-policy", "referrer-policy",
        "origin-agent-cluster", "service-worker-allowed", "service-worker-navigation-preload", "sourcemap",
        "x-sourcemap", "speculation-rules", "no-vary-search", "timing-allow-origin", "accept-ch", "critical-ch",
        "strict-transport-security", "public-key-pins", "public-key-pins-report-only", "expect-ct", "expect-staple",
        "report-to", "reporting-endpoints", "nel",
        // Instructions to the proxy in front: send this file, ask that URL.
        "x-sendfile", "x-lighttpd-send-file", "x-lighttpd-sendfile", "x-reproxy-url", "x-reproxy-file",
    ]
    private static let neverPrefixes = ["access-control-", "cross-origin-", "sec-", "x-accel-", "x-imageproxy-"]

    static func mayBePassed(_ name: String) -> Bool {
        let lower = name.lowercased()
        return Self.isName(name) && !Self.never.contains(lower) && !Self.neverPrefixes.contains { lower.hasPrefix($0) }
    }

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
