// SPDX-License-Identifier: Apache-2.0

/// Where a server listens.
enum RedisAddress: Hashable, Sendable, CustomStringConvertible {
    case tcp(host: String, port: UInt16)
    case unix(path: String)

    static let defaultPort: UInt16 = 6379
    static let defaultSentinelPort: UInt16 = 26379
    /// A socket's path is 108 bytes; hiredis copies 107 of them and does not end the last one.
    static let longestPath = 106

    var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): path
        }
    }

    /// Reads `host`, `host:port`, `[::1]` or `[::1]:port`.
    init?(_ text: some StringProtocol, defaultPort: UInt16) {
        var host = Substring(text)
        var port: Substring?
        if host.first == "[" {
            guard let bracket = host.firstIndex(of: "]") else { return nil }
            let rest = host[host.index(after: bracket)...]
            guard rest.isEmpty || rest.first == ":" else { return nil }
            port = rest.isEmpty ? nil : rest.dropFirst()
            host = host[..<bracket].dropFirst()
        } else if let colon = host.lastIndex(of: ":") {
            port = host[host.index(after: colon)...]
            host = host[..<colon]
            guard !host.contains(":") else { return nil }
        }
        self.init(host: String(host), port: port.map(String.init) ?? "\(defaultPort)")
    }

    /// Takes what a server says of another one; nil for what cannot be one.
    init?(host: String, port: String) {
        guard let number = UInt16(port), number > 0, port.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
            return nil
        }
        let isName = host.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: ":"), UInt8(ascii: "%"):
                true
            default: false
            }
        }
        guard !host.isEmpty, host.utf8.count <= 255, isName else { return nil }
        self = .tcp(host: host, port: number)
    }
}
