// SPDX-License-Identifier: Apache-2.0

import CCurl

/// One URL in the form in which it is judged *and* dialled.
///
/// libcurl percent-decodes hosts, maps international ones and understands `127.1` and `0x7f000001`; it does so in
/// steps, and a later step can produce what an earlier one would have rewritten. So the host is put through libcurl's
/// parser until it stays as it is, and libcurl is given that result.
struct FetchTarget: Hashable, Sendable {
    /// A user and a password from a URL; sent to that URL's origin only, as Basic authentication.
    struct Credentials: Hashable, Sendable {
        let user: String
        let password: String
    }

    enum Scheme: String, Sendable {
        case http, https
    }

    /// What is fetched: no user, password or fragment.
    let url: String
    let scheme: Scheme
    /// Lower case, ASCII, without a trailing dot or brackets.
    let host: String
    let port: UInt16
    /// The host as an address, when it is one.
    let literalAddress: IPAddress?
    private(set) var credentials: Credentials?

    /// - Throws: ``FetchError/invalidURL(_:)``.
    init(parsing text: String) throws(FetchError) {
        guard try Self.isAbsolute(text) else { throw .invalidURL("no scheme") }
        try self.init(CurlURL(parsing: text))
    }

    private init(_ given: consuming CurlURL) throws(FetchError) {
        guard let scheme = Scheme(rawValue: try given.get(CURLUPART_SCHEME)?.lowercased() ?? "") else {
            throw .invalidURL("unsupported protocol scheme")
        }
        guard try given.get(CURLUPART_ZONEID) == nil else { throw .invalidURL("a zone in the address") }
        self.credentials = try Self.takeCredentials(from: given)
        try given.set(CURLUPART_FRAGMENT, nil)

        var host = ""
        for _ in 0..<4 {
            let mapped = try Self.mappedHost(of: given)
            if mapped == host {
                guard let port = UInt16(try given.get(CURLUPART_PORT, flags: CURLU_DEFAULT_PORT) ?? ""),
                    let url = try given.get(CURLUPART_URL)
                else { throw .invalidURL("cannot be written") }
                let address = IPAddress(host)
                // A host that ends in a number is an address or nothing; resolvers differ in what they make of it.
                guard address != nil || !Self.endsInNumber(host) else { throw .invalidURL("a bad IPv4 address") }
                self.url = url
                self.scheme = scheme
                self.host = host
                self.port = port
                self.literalAddress = address
                return
            }
            host = mapped
            try given.set(CURLUPART_HOST, mapped.contains(":") ? "[\(mapped)]" : mapped)
            guard let text = try given.get(CURLUPART_URL) else { throw .invalidURL("cannot be written") }
            given = try CurlURL(parsing: text)
        }
        throw .invalidURL("the host changes each time it is read")
    }

    /// Where a redirect leads.
    ///
    /// - Throws: ``FetchError/badRedirect(_:)``.
    func resolving(location: String) throws(FetchError) -> FetchTarget {
        do throws(FetchError) {
            guard try Self.isAbsolute(location) || !location.hasPrefix("///") else { throw .invalidURL("no host") }
            // libcurl takes an empty reference for the folder; it is the URL itself (RFC 3986 5.2.2).
            guard location.utf8.first != nil, location.utf8.first != UInt8(ascii: "#") else { return self }
            let url = try CurlURL(parsing: self.url)
            // Without CURLU_PATH_AS_IS: the dots of a reference are resolved (RFC 3986 5.2.4).
            try url.set(CURLUPART_URL, location, flags: CURLU_URLENCODE)
            var target = try FetchTarget(url)
            // A password belongs to the origin it was given for, and is nothing that an origin may choose for another.
            target.credentials = self.sharesOrigin(with: target) ? target.credentials ?? self.credentials : nil
            return target
        } catch .invalidURL(let detail) {
            throw .badRedirect(detail)
        }
    }

    /// Whether scheme, host and port are the same: the reach of credentials, as in libcurl itself since 7.83.
    func sharesOrigin(with other: FetchTarget) -> Bool {
        self.scheme == other.scheme && self.host == other.host && self.port == other.port
    }

    /// Whether `reference` has a scheme.
    ///
    /// - Throws: when it has one and anything but two slashes after it: libcurl forgives one and three, others then see
    ///   another host than it does.
    private static func isAbsolute(_ reference: String) throws(FetchError) -> Bool {
        let end = reference.utf8.firstIndex { ":/?#".utf8.contains($0) }
        guard let end, reference.utf8[end] == UInt8(ascii: ":") else { return false }
        let rest = reference[end...]
        guard rest.hasPrefix("://"), !rest.hasPrefix(":///") else { throw .invalidURL("no host") }
        return true
    }

    private static func takeCredentials(from url: borrowing CurlURL) throws(FetchError) -> Credentials? {
        let (user, password) = (try url.get(CURLUPART_USER), try url.get(CURLUPART_PASSWORD))
        guard user != nil || password != nil else { return nil }
        let decodedUser = try url.get(CURLUPART_USER, flags: CURLU_URLDECODE)
        let decodedPassword = try url.get(CURLUPART_PASSWORD, flags: CURLU_URLDECODE)
        guard (user == nil) == (decodedUser == nil), (password == nil) == (decodedPassword == nil) else {
            throw .invalidURL("a user or password that cannot be decoded")
        }
        try url.set(CURLUPART_USER, nil)
        try url.set(CURLUPART_PASSWORD, nil)
        return Credentials(user: decodedUser ?? "", password: decodedPassword ?? "")
    }

    /// The host after percent-decoding, international mapping, lower-casing and removal of one trailing dot.
    private static func mappedHost(of url: borrowing CurlURL) throws(FetchError) -> String {
        // libcurl would call a host that is not UTF-8 a want of memory.
        guard try url.get(CURLUPART_HOST) != nil else { throw .invalidURL("a host that cannot be mapped") }
        guard var host = try url.get(CURLUPART_HOST, flags: CURLU_PUNYCODE)?.lowercased(), !host.isEmpty else {
            throw .invalidURL("a host that cannot be mapped")
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            guard let address = IPAddress(host.dropFirst().dropLast()), address.family == .v6 else {
                throw .invalidURL("a bad IPv6 address")
            }
            return address.description
        }
        if host.hasSuffix(".") { host.removeLast() }
        // Mapping can produce `/`, `#` or `:`, and those would make another URL of this one.
        guard host.utf8.allSatisfy(Self.isHostByte) else { throw .invalidURL("a bad host name") }
        let labels = host.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard host.utf8.count <= 253, labels.allSatisfy({ (1...63).contains($0.count) }) else {
            throw .invalidURL("a bad host name")
        }
        return host
    }

    /// The URL standard's "ends in a number checker" (https://url.spec.whatwg.org/#ends-in-a-number-checker).
    private static func endsInNumber(_ host: String) -> Bool {
        guard let last = host.utf8.split(separator: UInt8(ascii: ".")).last else { return false }
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        if last.allSatisfy(digits.contains) { return true }
        return last.starts(with: "0x".utf8)
            && last.dropFirst(2).allSatisfy {
                digits.contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
            UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
