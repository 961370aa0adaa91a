// SPDX-License-Identifier: Apache-2.0

/// A URL or a relative reference, taken apart and written again exactly as the original does it.
///
/// What is written may differ from what was read: the scheme is lowered, a path with a byte that must not stand in one
/// is decoded and escaped afresh, user names are escaped anew. Signatures and cache keys are made over the result, so
/// these rules are part of the interface. The fragment is checked and dropped.
struct URLReference: Hashable, Sendable {
    /// Lower case; empty in a relative reference.
    var scheme = ""
    /// What follows the scheme when that is no slash (`http:host`): nothing that can be fetched.
    var opaque: [UInt8] = []
    /// Escaped, `user` or `user:password`.
    var userinfo: [UInt8]?
    /// Host and port, unescaped, with the brackets of an IPv6 literal.
    var host: [UInt8] = []
    /// Escaped.
    var path: [UInt8] = []
    var query: [UInt8] = []
    /// A question mark with nothing behind it.
    var hasEmptyQuery = false
    /// There is a scheme and a path but no `//` between them (`http:/x`).
    var lacksAuthority = false

    var isAbsolute: Bool { !self.scheme.isEmpty }

    init() {}

    /// Whether a text begins with a scheme, without which it is no absolute URL.
    static func hasScheme(_ text: some Sequence<UInt8>) -> Bool {
        var isFirst = true
        for byte in text {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): break
            case UInt8(ascii: ":"): return !isFirst
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
                if isFirst { return false }
            default: return false
            }
            isFirst = false
        }
        return false
    }

    init(parsing text: [UInt8]) throws(URLSyntaxError) {
        let (text, fragment) = text[...].cut(at: UInt8(ascii: "#"))
        guard text.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { throw .controlCharacter }
        var rest = try self.readScheme(text)
        rest = self.readQuery(rest)
        if rest.first == UInt8(ascii: "/") {
            rest = try self.readAuthority(rest)
            self.path = try Self.normalizedPath(rest)
        } else if self.isAbsolute {
            self.opaque = Array(rest)
        } else {
            // It would read as a scheme.
            guard !rest.cut(at: UInt8(ascii: "/")).head.contains(UInt8(ascii: ":")) else { throw .colonInFirstSegment }
            self.path = try Self.normalizedPath(rest)
        }
        if let fragment {
            do throws(URLSyntaxError) { _ = try URLComponent.fragment.unescape(fragment) } catch {
                throw .fragment(error.message)
            }
        }
    }

    /// - Returns: what follows the scheme.
    private mutating func readScheme(_ text: ArraySlice<UInt8>) throws(URLSyntaxError) -> ArraySlice<UInt8> {
        for index in text.indices {
            switch text[index] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): continue
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
                guard index > text.startIndex else { return text }
            case UInt8(ascii: ":"):
                guard index > text.startIndex else { throw .missingScheme }
                self.scheme = String(decoding: text[..<index], as: UTF8.self).lowercased()
                return text[(index + 1)...]
            default: return text
            }
        }
        return text
    }

    private mutating func readQuery(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let (head, query) = text.cut(at: UInt8(ascii: "?"))
        self.query = Array(query ?? [])
        self.hasEmptyQuery = query?.isEmpty ?? false
        return head
    }

    /// - Returns: the path.
    private mutating func readAuthority(_ text: ArraySlice<UInt8>) throws(URLSyntaxError) -> ArraySlice<UInt8> {
        guard text.starts(with: "//".utf8), self.isAbsolute || !text.starts(with: "///".utf8) else {
            self.lacksAuthority = self.isAbsolute
            return text
        }
        let authority = text.dropFirst(2).prefix { $0 != UInt8(ascii: "/") }
        let at = authority.lastIndex(of: UInt8(ascii: "@"))
        self.host = try Self.host(authority[(at.map { $0 + 1 } ?? authority.startIndex)...])
        if let at { self.userinfo = try Self.userinfo(authority[..<at]) }
        return text[authority.endIndex...]
    }

    private static func userinfo(_ text: ArraySlice<UInt8>) throws(URLSyntaxError) -> [UInt8] {
        let allowed = "-._:~!$&'()*+,;=%@".utf8
        guard text.allSatisfy({ URLComponent.userinfo.contains($0) || allowed.contains($0) }) else { throw .userinfo }
        let (user, password) = text.cut(at: UInt8(ascii: ":"))
        var escaped = URLComponent.userinfo.escape(try URLComponent.userinfo.unescape(user))
        if let password {
            escaped.append(UInt8(ascii: ":"))
            escaped += URLComponent.userinfo.escape(try URLComponent.userinfo.unescape(password))
        }
        return escaped
    }

    private static func host(_ text: ArraySlice<UInt8>) throws(URLSyntaxError) -> [UInt8] {
        if let open = text.lastIndex(of: UInt8(ascii: "[")) {
            guard open == text.startIndex else { throw .misplacedLiteral }
            return try Self.literalHost(text)
        }
        if let colon = text.lastIndex(of: UInt8(ascii: ":")) { try Self.checkPort(text[colon...]) }
        return try URLComponent.host.unescape(text)
    }

    /// `[address]` or `[address%25zone]`, and a port.
    private static func literalHost(_ text: ArraySlice<UInt8>) throws(URLSyntaxError) -> [UInt8] {
        guard let close = text.lastIndex(of: UInt8(ascii: "]")) else { throw .missingBracket }
        let port = text[(close + 1)...]
        try Self.checkPort(port)
        let inside = text[(text.startIndex + 1)..<close]
        let zone = inside.indices.first { inside[$0...].starts(with: "%25".utf8) } ?? inside.endIndex
        let address = try URLComponent.host.unescape(inside[..<zone])
        let whole = try address + URLComponent.zone.unescape(inside[zone...])

        // A zone may also follow a `%` that the address part brought along.
        let (digits, name) = whole[...].cut(at: UInt8(ascii: "%"))
        guard name?.isEmpty != true, let parsed = IPAddress(String(decoding: digits, as: UTF8.self)),
            parsed.family == .v6 || name == nil
        else { throw .notAnAddress(whole) }
        guard parsed.family == .v6 else { throw .misplacedLiteral }
        return [UInt8(ascii: "[")] + whole + [UInt8(ascii: "]")] + port
    }

    /// Nothing, or a colon and digits, of which there may be none.
    private static func checkPort(_ text: ArraySlice<UInt8>) throws(URLSyntaxError) {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard text.isEmpty || text.first == UInt8(ascii: ":") && text.dropFirst().allSatisfy({ digits.contains($0) })
        else { throw .port(Array(text)) }
    }

    /// The path as it is written: kept as it came when every byte may stand in one, else decoded and escaped afresh.
    static func normalizedPath(_ text: ArraySlice<UInt8>) throws(URLSyntaxError) -> [UInt8] {
        // Most have nothing to decode, and nothing that could be escaped.
        let kept = Self.keptInPath
        if text.allSatisfy({ kept.contains($0) }) { return Array(text) }
        let decoded = try URLComponent.path.unescape(text)
        // The original takes every path that decodes to a lone star for the target of `OPTIONS *`.
        if text.elementsEqual("%2A".utf8) { return decoded }
        if text.allSatisfy({ kept.contains($0) || $0 == UInt8(ascii: "%") }) { return Array(text) }
        return URLComponent.path.escape(decoded)
    }

    /// Bytes of a path that are left alone if all are such, escapes aside.
    private static let keptInPath = ByteSet(ByteSet.letters + ByteSet.digits + "-_.~$&+,/:;=@!'()*[]")

    /// The host without port and brackets.
    var hostName: [UInt8] {
        var name = self.host[...]
        if let colon = name.lastIndex(of: UInt8(ascii: ":")), (try? Self.checkPort(name[colon...])) != nil {
            name = name[..<colon]
        }
        if name.first == UInt8(ascii: "["), name.last == UInt8(ascii: "]") { name = name.dropFirst().dropLast() }
        return Array(name)
    }

    /// The URL's text, without a fragment.
    var text: [UInt8] {
        var text: [UInt8] = []
        if self.isAbsolute { text += Array(self.scheme.utf8) + [UInt8(ascii: ":")] }
        text += self.opaque.isEmpty ? self.hierarchy : self.opaque
        if self.hasEmptyQuery || !self.query.isEmpty { text += [UInt8(ascii: "?")] + self.query }
        return text
    }

    /// Authority and path.
    private var hierarchy: [UInt8] {
        let hasAuthority = !self.host.isEmpty || self.userinfo != nil
        if !hasAuthority, self.lacksAuthority, self.path.starts(with: "//".utf8) {
            // Two slashes would make a host of what is a path.
            return Array("%2F".utf8) + self.path.dropFirst()
        }
        var text: [UInt8] = []
        if hasAuthority || (self.isAbsolute && !self.lacksAuthority && !self.path.isEmpty) { text += "//".utf8 }
        if let userinfo { text += userinfo + [UInt8(ascii: "@")] }
        return text + URLComponent.host.escape(self.host) + self.path
    }
}

extension ArraySlice<UInt8> {
    /// What stands before and behind the first `separator`; nothing behind when there is none.
    func cut(at separator: UInt8) -> (head: ArraySlice<UInt8>, tail: ArraySlice<UInt8>?) {
        guard let index = self.firstIndex(of: separator) else { return (self, nil) }
        return (self[..<index], self[(index + 1)...])
    }
}
