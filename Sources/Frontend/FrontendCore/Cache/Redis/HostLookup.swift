// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Glibc

/// Turns names of servers into addresses, off the loop: the resolver may take seconds.
@LoopActor
enum HostLookup {
    /// Lookups that may run at once. Each blocks one of the pool's four threads, which others need as well.
    private static let maximumRunning = 2
    /// Names that are remembered.
    private static let maximumKnown = 1024

    private static let lookups = FillTable<[String]>()
    private static var running = 0
    /// What a name meant last, for when it cannot be looked up.
    private static var known: [String: [String]] = [:]

    /// - Returns: numeric addresses, IPv4 before IPv6; empty when there are none.
    static func addresses(of host: String, atMost limit: Duration) async -> [String] {
        if IPAddress(host) != nil { return [host] }
        let found = try? await withTimeLimit(limit) {
            try await Self.lookups.value(for: host) { await Self.lookUp(host) }
        }
        return found.flatMap { $0.isEmpty ? nil : $0 } ?? Self.known[host] ?? []
    }

    private static func lookUp(_ host: String) async -> [String] {
        guard Self.running < Self.maximumRunning else { return [] }
        Self.running += 1
        let addresses = await work { resolve(host) }
        Self.running -= 1
        // Also when nobody waits any more: it is there next time.
        if !addresses.isEmpty, Self.known.count < Self.maximumKnown || Self.known[host] != nil {
            Self.known[host] = addresses
        }
        return addresses
    }
}

/// Blocks.
private func resolve(_ host: String) -> [String] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
    defer { freeaddrinfo(list) }
    let entries = sequence(first: list) { $0?.pointee.ai_next }.prefix { $0 != nil }.compactMap(\.self)
    return [AF_INET, AF_INET6].flatMap { family in
        entries.filter { $0.pointee.ai_family == family }.compactMap {
            numeric($0.pointee.ai_addr, $0.pointee.ai_addrlen)
        }
    }
}

/// With the zone of a link-local address, which belongs to it.
private func numeric(_ address: UnsafeMutablePointer<sockaddr>, _ length: socklen_t) -> String? {
    var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    guard getnameinfo(address, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 else { return nil }
    return text.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } }
}
