// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Keeps messages in Redis, under the keys that the original uses.
///
/// A server that is down, hung, full, read-only or lying costs misses and nothing else.
@LoopActor
final class RedisStore: ByteStore {
    nonisolated let name = "redis"

    /// For what else fronts do with the same servers.
    let client: RedisClient
    private let settings: RedisSettings
    /// The code of the error that the log knows about.
    private var refusal: String?

    private static let keyPrefix = "rediscache:"

    init(_ url: RedisURL, settings: RedisSettings = RedisSettings()) {
        self.settings = settings
        self.client = RedisClient(url, settings: settings)
    }

    var availability: StoreAvailability {
        let isUp = self.client.isUp
        return StoreAvailability(canRead: isUp, canWrite: isUp && self.refusal == nil)
    }

    func load(_ key: String) async -> Blob? {
        await self.client.bytes(Self.keyPrefix + key)
    }

    @discardableResult
    func store(_ key: String, head: [UInt8], body: Blob, lifetime: Duration?) async -> Bool {
        guard head.count + body.count <= self.settings.maximumEntryBytes else {
            // Goes by, and takes with it what it would have replaced.
            await self.remove(key)
            return false
        }
        switch await self.client.store(Self.keyPrefix + key, head: head, body: body, lifetime: lifetime) {
        case .stored:
            self.note(refusal: nil)
            return true
        case .refused(let code): self.note(refusal: code)
        case .unavailable: break
        }
        return false
    }

    func remove(_ key: String) async {
        await self.client.remove(Self.keyPrefix + key)
    }

    func close() async {
        self.client.close()
    }

    private func note(refusal: String?) {
        guard refusal != self.refusal else { return }
        self.refusal = refusal
        self.settings.log(
            refusal.map { "redis: refuses to store (\($0)); what it has is still used" } ?? "redis: stores again")
    }
}
