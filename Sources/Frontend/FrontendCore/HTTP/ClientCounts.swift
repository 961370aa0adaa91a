// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// How much each client has open at a time, so that one of them cannot take everything (`-maxConnectionsPerClient`).
///
/// An IPv6 client is a block of 64 bits: that is what one household or machine is given, and it can use any address in it.
@LoopActor
final class ClientCounts {
    private let limit: Int
    private var counts: [CIDR: Int] = [:]

    /// - Parameter limit: 0 = as much as they like.
    init(limit: Int) {
        self.limit = limit
    }

    /// Counts one more; false when that would be too many. A client that nobody knows is not counted.
    func enter(_ client: IPAddress?) -> Bool {
        guard self.limit > 0, let client else { return true }
        let key = Self.key(client)
        let count = self.counts[key, default: 0]
        guard count < self.limit else { return false }
        self.counts[key] = count + 1
        return true
    }

    /// Takes back one that was let in.
    func leave(_ client: IPAddress?) {
        guard self.limit > 0, let client else { return }
        let key = Self.key(client)
        let count = self.counts[key, default: 0]
        self.counts[key] = count > 1 ? count - 1 : nil
    }

    private static func key(_ client: IPAddress) -> CIDR {
        let client = client.mappedV4 ?? client
        return CIDR(client, prefixLength: client.family == .v4 ? 32 : 64)
    }
}
