// SPDX-License-Identifier: Apache-2.0

extension CacheTiers {
    /// The caches that the operator has named.
    ///
    /// - Throws: one line that says which of them this program cannot use.
    convenience init(_ configuration: Configuration, rules: OriginRules, metrics: Metrics) throws(UsageError) {
        let seal = Seal(configuration)
        var tiers: [Tier] = []
        var fleet: Fleet?
        for setting in configuration.caches {
            switch setting {
            case .memory(let settings): tiers.append(.memory(MemoryCache(settings)))
            case .disk(var settings):
                settings.largestEntry = configuration.maxSourceBytes + StoredMessage.longestHead
                let disk = DiskStore(settings)
                disk.start()
                tiers.append(.place(StoreQueue(disk, seal: seal, metrics: metrics)))
            case .redis(let address):
                let redis = try Self.redis(address)
                let queue = StoreQueue(redis, seal: seal, metrics: metrics)
                if fleet == nil { fleet = Fleet(redis.client, place: queue, position: tiers.count) }
                tiers.append(.place(queue))
            case .s3, .gcs, .azure:
                tiers.append(.place(StoreQueue(try Self.objects(setting, configuration), seal: seal, metrics: metrics)))
            }
        }
        self.init(
            tiers, fleet: fleet, rules: StoredMessage.Rules(seal: seal, policy: rules.policy), metrics: metrics,
            admits: { rules.admits($0) })
        self.purges.start()
    }

    private static func objects(
        _ setting: CacheSetting, _ configuration: Configuration
    ) throws(UsageError) -> ObjectStore {
        let client = ObjectClient(extraCertificates: configuration.tlsCAFile)
        let place: any ObjectPlace
        let timeout: Duration?
        switch setting {
        case .s3(let address):
            timeout = address.timeout
            place = S3Place(address, source: try AWSCredentialSource.find(region: address.region), client: client)
        case .gcs(let address):
            timeout = address.timeout
            place = GCSPlace(
                address, source: address.isEmulator ? nil : try GoogleCredentialSource.find(), client: client)
        case .azure(let address):
            timeout = address.timeout
            place = AzurePlace(address)
        case .memory, .disk, .redis: preconditionFailure("no object store")
        }
        var limits = ObjectStore.Limits()
        if let timeout { limits.read = timeout }
        return ObjectStore(
            place, client: client, largestEntry: configuration.maxSourceBytes + StoredMessage.longestHead,
            limits: limits)
    }

    /// - Parameter address: as `-cache` takes it. It may hold a password, so no error repeats it.
    private static func redis(_ address: String) throws(UsageError) -> RedisStore {
        do throws(FlagError) {
            let url = try RedisURL(address, password: CacheSetting.redisPassword)
            return RedisStore(url, settings: url.settings)
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
