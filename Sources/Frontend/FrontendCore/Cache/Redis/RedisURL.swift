// SPDX-License-Identifier: Apache-2.0

/// The address of a Redis cache, as `-cache` takes it:
///
///     redis://[user:password@]host[:port][/database]
///     unix://[user:password@]/path[?db=database]                     also redis+unix://
///     redis+sentinel://[user:password@]host[:port],…/name[/database]
///     redis+cluster://[user:password@]host[:port],…[/]
///
/// Behind each of them parameters may follow, as in `?timeout=50ms&maxEntry=8MB`.
struct RedisURL: Sendable {
    enum Place: Equatable, Sendable {
        case server(RedisAddress)
        case sentinels([RedisAddress], master: String)
        case cluster([RedisAddress])
    }

    let place: Place
    let login: RedisLogin
    /// Those of the parameters, and elsewhere the usual ones.
    let settings: RedisSettings

    /// Whether a cache's address is meant for Redis at all.
    static func isOne(_ text: String) -> Bool { Self.split(text) != nil }

    /// - Parameter password: of the environment; one in the URL itself comes first.
    /// - Throws: what was expected, and never what was given: it may hold a password.
    init(_ text: String, password: String?) throws(FlagError) {
        guard let (scheme, rest) = Self.split(text) else {
            throw FlagError(expected: "redis://, unix://, redis+sentinel:// or redis+cluster://")
        }
        let query = rest.firstIndex(of: "?").map { rest[rest.index(after: $0)...] }
        let hierarchy = rest.prefix { $0 != "?" }
        let authority = hierarchy.prefix { $0 != "/" }
        let path = hierarchy.dropFirst(authority.count)

        var login = RedisLogin(password: password?.isEmpty == false ? password : nil)
        let at = authority.lastIndex(of: "@")
        if let at { try Self.readUser(authority[..<at], into: &login) }
        let hosts = at.map { authority[authority.index(after: $0)...] } ?? authority

        var settings = RedisSettings()
        if let query {
            try Self.readParameters(query, takesDatabase: scheme == .unix, into: &login, &settings)
        }
        self.settings = settings

        if scheme == .unix {
            guard hosts.isEmpty, path.count > 1, path.utf8.count <= RedisAddress.longestPath, !path.utf8.contains(0)
            else {
                throw FlagError(expected: "unix:///path of a socket, at most \(RedisAddress.longestPath) bytes")
            }
            self.place = .server(.unix(path: String(path)))
            self.login = login
            return
        }
        let parts = path.split(separator: "/")
        switch scheme {
        case .server:
            guard let address = RedisAddress(hosts, defaultPort: RedisAddress.defaultPort), parts.count <= 1 else {
                throw FlagError(expected: "redis://[user:password@]host[:port][/database]")
            }
            if let database = parts.first { login.database = try Self.database(database) }
            self.place = .server(address)
        case .sentinel:
            let sentinels = try Self.addresses(hosts, defaultPort: RedisAddress.defaultSentinelPort)
            guard (1...2).contains(parts.count), let name = parts.first.flatMap({ percentDecoded($0) }), !name.isEmpty
            else {
                throw FlagError(expected: "redis+sentinel://host[:port],…/name of the master[/database]")
            }
            if parts.count == 2 { login.database = try Self.database(parts[1]) }
            self.place = .sentinels(sentinels, master: name)
        case .cluster:
            guard parts.isEmpty else { throw FlagError(expected: "no database: a cluster has only one") }
            self.place = .cluster(try Self.addresses(hosts, defaultPort: RedisAddress.defaultPort))
        case .unix: preconditionFailure("was dealt with above")
        }
        self.login = login
    }

    private enum Scheme: String {
        case server = "redis"
        case unix
        case sentinel = "redis+sentinel"
        case cluster = "redis+cluster"
    }

    private static func split(_ text: String) -> (Scheme, Substring)? {
        guard let separator = text.firstRange(of: "://") else { return nil }
        let name = text[..<separator.lowerBound].lowercased()
        guard let scheme = name == "redis+unix" ? .unix : Scheme(rawValue: name) else { return nil }
        return (scheme, text[separator.upperBound...])
    }

    private static func readUser(_ text: Substring, into login: inout RedisLogin) throws(FlagError) {
        let colon = text.firstIndex(of: ":") ?? text.endIndex
        guard let user = percentDecoded(text[..<colon]), let password = percentDecoded(text[colon...].dropFirst())
        else {
            throw FlagError(expected: "a user and password with special characters as %XX")
        }
        if !user.isEmpty { login.user = user }
        if !password.isEmpty { login.password = password }
        // Redis has no login by name alone.
        if login.user != nil, login.password == nil {
            throw FlagError(expected: "a password for the user, in the URL or in REDIS_PASSWORD")
        }
    }

    static func database(_ text: Substring) throws(FlagError) -> Int {
        guard let number = Int(text), (0...9999).contains(number), text.utf8.allSatisfy({ $0 >= 0x30 }) else {
            throw FlagError(expected: "a database number")
        }
        return number
    }

    private static func addresses(_ text: Substring, defaultPort: UInt16) throws(FlagError) -> [RedisAddress] {
        let addresses = text.split(separator: ",").compactMap { RedisAddress($0, defaultPort: defaultPort) }
        guard !addresses.isEmpty, addresses.count == text.split(separator: ",", omittingEmptySubsequences: false).count
        else {
            throw FlagError(expected: "host[:port], several with commas between them")
        }
        return addresses
    }
}

/// Undoes `%XX`; nil for half of one, and for what is no UTF-8 afterwards.
private func percentDecoded(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else {
            return nil
        }
        bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
}

private func hexValue(_ byte: UInt8) -> UInt8? {
    Character(Unicode.Scalar(byte)).hexDigitValue.map { UInt8($0) }
}
