// SPDX-License-Identifier: Apache-2.0

extension CacheTiers {
    /// The caches that the operator has named.
    ///
    /// - Throws: one line that says which of them this program cannot use.
    convenience init(_ configuration: Configuration, rules: OriginRules, metrics: Metrics) throws(UsageError) {
        let seal: Seal = configuration.cacheSecret.map { .secret($0) } ?? .digest
        var tiers: [Tier] = []
        var fleet: Fleet?
        for setting in configuration.caches {
            switch setting {
            case .memory(let settings): tiers.append(.memory(MemoryCache(settings)))
            case .disk(var settings):
                settings.largestEntry = configuration.maxSourceBytes + StoredMessage.longestHead
                let disk = DiskStore(settings)
                disk.start()
                tiers.append(.place(StoreQueue(disk, seal: seal)))
            case .redis(let address):
                let redis = try Self.redis(address)
                let queue = StoreQueue(redis, seal: seal)
                if fleet == nil { fleet = Fleet(redis.client, place: queue, position: tiers.count) }
                tiers.append(.place(queue))
            }
        }
        self.init(
            tiers, fleet: fleet, rules: StoredMessage.Rules(seal: seal, policy: rules.policy), metrics: metrics,
            admits: { rules.admits($0) })
    }

    /// - Parameter address: as `-cache` takes it. It may hold a password, so no error repeats it.
    private static func redis(_ address: String) throws(UsageError) -> RedisStore {
        do throws(FlagError) {
            return RedisStore(try RedisURL(address, password: CacheSetting.redisPassword))
        } catch {
            throw UsageError(description: "-cache: expected \(error.expected)")
        }
    }
}

extension OriginRules {
    init(_ configuration: Configuration) {
        self.contentTypes = configuration.contentTypes
        self.policy = configuration.cachePolicy
        self.rewriting = LifetimeRewriting(
            minimum: configuration.minCacheDuration.components.seconds, forces: configuration.forceCache)
    }
}
