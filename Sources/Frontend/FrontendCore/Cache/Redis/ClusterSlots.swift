// SPDX-License-Identifier: Apache-2.0

/// Which server of a cluster has which slot.
///
/// Source: the Redis Cluster specification, "Key distribution model" and "CLUSTER SLOTS".
struct ClusterSlots: Equatable, Sendable {
    static let count = 16_384
    /// More servers than this are no cluster: Redis itself advises against more than a thousand.
    static let maximumServers = 1024

    private(set) var servers: [RedisAddress] = []
    /// By slot, the index of its server; -1 = nobody's.
    private var owners = [Int16](repeating: -1, count: ClusterSlots.count)

    /// Reads the answer to CLUSTER SLOTS; nil when it is none.
    ///
    /// - Parameter asked: the server that gave it. One that does not know its own address leaves it out.
    init?(_ reply: RedisReply, from asked: RedisAddress) {
        guard case .array(let ranges) = reply, !ranges.isEmpty else { return nil }
        for range in ranges {
            guard case .array(let parts) = range, parts.count >= 3, case .integer(let first) = parts[0],
                case .integer(let last) = parts[1], 0 <= first, first <= last, last < Self.count,
                case .array(let server) = parts[2], server.count >= 2, case .integer(let port) = server[1]
            else { return nil }
            guard let address = Self.address(server[0].text, "\(port)", from: asked) else { continue }
            guard let index = self.index(of: address) else { return nil }
            for slot in first...last { self.owners[Int(slot)] = index }
        }
    }

    subscript(slot: Int) -> RedisAddress? {
        let index = self.owners[slot]
        return index < 0 ? nil : self.servers[Int(index)]
    }

    /// Notes that a slot has moved.
    mutating func move(_ slot: Int, to address: RedisAddress) {
        guard let index = self.index(of: address) else { return }
        self.owners[slot] = index
    }

    private mutating func index(of address: RedisAddress) -> Int16? {
        if let known = self.servers.firstIndex(of: address) { return Int16(known) }
        guard self.servers.count < Self.maximumServers else { return nil }
        self.servers.append(address)
        return Int16(self.servers.count - 1)
    }

    /// An address as servers give it: `?` or nothing means "the one you are talking to".
    static func address(_ host: String?, _ port: String, from asked: RedisAddress) -> RedisAddress? {
        var host = host ?? ""
        if host.isEmpty || host == "?" {
            guard case .tcp(let own, _) = asked else { return nil }
            host = own
        }
        return RedisAddress(host: host, port: port)
    }

    /// The slot of a key: CRC16 of the key, or of what stands between its first `{` and the next `}` unless that is
    /// nothing.
    static func slot(of key: [UInt8]) -> Int {
        var hashed = key[...]
        if let open = key.firstIndex(of: UInt8(ascii: "{")),
            let close = key[open...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
        {
            hashed = key[(open + 1)..<close]
        }
        return Int(Self.crc16(hashed)) % Self.count
    }

    /// CRC-16/XMODEM: polynomial 0x1021, from 0, no reflection.
    static func crc16(_ bytes: some Sequence<UInt8>) -> UInt16 {
        bytes.reduce(0) { crc, byte in
            (0..<8).reduce(crc ^ UInt16(byte) << 8) { crc, _ in crc & 0x8000 != 0 ? crc << 1 ^ 0x1021 : crc << 1 }
        }
    }
}

/// Where a server of a cluster sends us with a command.
enum ClusterRedirection: Equatable {
    /// The slot is there now.
    case moved(slot: Int, to: RedisAddress)
    /// This key is there already, while its slot is on the move.
    case ask(RedisAddress)

    /// Reads `MOVED 3999 127.0.0.1:6381` and `ASK 3999 127.0.0.1:6381`; nil for any other error.
    init?(_ error: RedisServerError, from asked: RedisAddress) {
        let words = error.message.split(separator: " ")
        guard words.count >= 3, ["MOVED", "ASK"].contains(words[0]), let slot = Int(words[1]),
            (0..<ClusterSlots.count).contains(slot), let colon = words[2].lastIndex(of: ":"),
            let address = ClusterSlots.address(
                String(words[2][..<colon]), String(words[2][words[2].index(after: colon)...]), from: asked)
        else { return nil }
        self = words[0] == "MOVED" ? .moved(slot: slot, to: address) : .ask(address)
    }
}
