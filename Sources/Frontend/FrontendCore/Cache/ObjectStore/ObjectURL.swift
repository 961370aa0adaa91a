// SPDX-License-Identifier: Apache-2.0

/// The parts of a cache's address, `scheme://host/path?name=value&…`.
struct ObjectURL {
    let host: String
    /// Decoded, without the first slash.
    let path: String
    private let query: [(name: String, value: String)]

    /// - Parameter text: what comes after the scheme's colon.
    init?(_ text: Substring) {
        guard text.hasPrefix("//") else { return nil }
        let parts = text.dropFirst(2).split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let host = parts[0].prefix { $0 != "/" }
        guard let path = Self.decoded(parts[0].dropFirst(host.count + 1)), host.utf8.allSatisfy(Self.isNameByte) else {
            return nil
        }
        self.host = String(host)
        self.path = path
        var query: [(String, String)] = []
        for item in parts.count > 1 ? parts[1].split(separator: "&") : [] {
            let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(pair[0]), let value = Self.decoded(pair.count > 1 ? pair[1] : "") else {
                return nil
            }
            query.append((name, value))
        }
        self.query = query
    }

    /// The first value of a name; nil when there is none or it is empty.
    subscript(name: String) -> String? {
        self.query.first { $0.name == name && !$0.value.isEmpty }?.value
    }

    /// How long an answer waits for one look; nil = as long as `ObjectStore` thinks right.
    func timeout() throws(FlagError) -> Duration? {
        guard let text = self["timeout"] else { return nil }
        return try LookLimit.parse(text)
    }

    func hasOnly(_ names: Set<String>) -> Bool { self.query.allSatisfy { names.contains($0.name) } }

    /// What stands before an object's name: the parts of a path without empty ones, each with a slash behind it, as
    /// the original joins them.
    static func prefix(_ path: some StringProtocol) -> String? {
        var parts: [Substring] = []
        for part in String(path).split(separator: "/") where part != "." {
            guard part != ".." else { return nil }
            parts.append(part)
        }
        return parts.map { $0 + "/" }.joined()
    }

    /// A path as it goes into a URL: everything encoded but letters, digits, `-._~` and the slashes.
    static func escaped(_ path: String, keepingSlash: Bool = true) -> String {
        var text: [UInt8] = []
        for byte in path.utf8 {
            if Self.isNameByte(byte) || byte == UInt8(ascii: "~") || keepingSlash && byte == UInt8(ascii: "/") {
                text.append(byte)
            } else {
                text += URLComponent.escaped(byte)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func decoded(_ text: Substring) -> String? {
        guard let bytes = try? URLComponent.path.unescape(Array(text.utf8)[...]), !bytes.contains(0) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}

/// A service's address, as operators write it: `https://host[:port][/path]`, or without the scheme.
struct ServiceEndpoint: Sendable, Equatable {
    let scheme: String
    /// As it goes into the `Host` field: the port only where it is not the scheme's own.
    let authority: String
    /// Without a slash at its end.
    let path: String

    init(scheme: String = "https", authority: String, path: String = "") {
        self.scheme = scheme
        self.authority = authority
        self.path = path
    }

    init?(_ text: String, defaultScheme: String = "https") {
        let hasScheme = text.firstRange(of: "://") != nil
        guard let target = try? FetchTarget(parsing: hasScheme ? text : "\(defaultScheme)://\(text)"),
            target.credentials == nil, !target.url.contains("?"), let scheme = target.url.firstRange(of: "://")
        else { return nil }
        let host = target.host.contains(":") ? "[\(target.host)]" : target.host
        let isUsual = target.port == (target.scheme == .https ? 443 : 80)
        self.scheme = target.scheme.rawValue
        self.authority = isUsual ? host : "\(host):\(target.port)"
        let path = target.url[scheme.upperBound...].drop { $0 != "/" }
        self.path = String(path.reversed().drop { $0 == "/" }.reversed())
    }

    var text: String { "\(self.scheme)://\(self.authority)\(self.path)" }
    var isEncrypted: Bool { self.scheme == "https" }
}
