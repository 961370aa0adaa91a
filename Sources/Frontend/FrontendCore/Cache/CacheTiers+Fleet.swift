// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

extension CacheTiers {
    /// The fronts that share a Redis: what one of them has made, the others find there.
    @LoopActor
    struct Fleet {
        let fills: FleetFill
        /// The way there.
        let place: StoreQueue
        /// Among the tiers.
        let position: Int

        init(_ client: RedisClient, place: StoreQueue, position: Int) {
            self.fills = FleetFill(client)
            self.place = place
            self.position = position
        }
    }

    /// How long a front waits for another one. Nearly everything is made in less; and a front that takes longer, without
    /// having died, may be the one whose workers are ill.
    private static let patience = Duration.seconds(10)

    /// Has something made by one of all fronts, while the others wait for it; without any others, here.
    ///
    /// - Parameters:
    ///   - primary: the key it will be found under.
    ///   - wrap: makes what the caller wants of an entry that another front has made.
    ///   - make: makes it, and passes the lease on to `store`.
    func once<Value: Sendable>(
        _ primary: String, for request: ClientFields, wrap: @LoopActor (CacheEntry) -> Value,
        make: @LoopActor (FleetLease?) async throws -> Value
    ) async throws -> Value {
        // What will not be stored cannot be found.
        guard let fleet, !request.directives.noStore else { return try await make(nil) }
        let started = self.clock.now()
        return try await fleet.fills.value(for: request.fillKey(primary), patience: Self.patience) {
            guard let entry = await self.loadShared(primary, for: request), self.answers(entry, request, since: started)
            else { return nil }
            return wrap(entry)
        } fill: {
            try await make($0)
        }
    }

    /// What came after it was asked for is an answer even if it is not to be used again.
    private func answers(_ entry: CacheEntry, _ request: ClientFields, since started: Int64) -> Bool {
        entry.freshness.reuse(at: self.clock.now(), request.directives) == .fresh
            || entry.freshness.generatedAt >= started && !request.directives.noCache
    }
}
