// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import ImageJob
internal import Telemetry

/// The way of a picture from request to answer:
///
///     variant cached? → (one fill per key:) original: cached, else fetched → transformed → stored
///
/// Reads top to bottom; each step is a function below or a folder beside this one.
@LoopActor
final class RequestPipeline {
    /// Makes a variant of an original, see `Transformer`.
    typealias Transform = @LoopActor (CacheEntry, TransformOptions) async throws -> CacheEntry

    /// Says no before anything is fetched.
    typealias Admission = @LoopActor () throws -> Void

    private let policy: TransformErrorPolicy
    private let origins: OriginStore
    private let transform: Transform
    private let admit: Admission
    private let cache: CacheTiers
    private let clock: WallClock
    private let fills = FillTable<Picture>()
    private let refreshes = Refreshes()

    init(
        policy: TransformErrorPolicy, origins: OriginStore, cache: CacheTiers, clock: WallClock = WallClock(),
        admit: @escaping Admission = {}, transform: @escaping Transform
    ) {
        self.policy = policy
        self.origins = origins
        self.admit = admit
        self.transform = transform
        self.cache = cache
        self.clock = clock
    }

    /// The picture that a URL asks for, by somebody who may.
    ///
    /// - Parameters:
    ///   - request: what the client sent that goes on to the origin.
    ///   - now: seconds of the Unix clock.
    func picture(for url: RequestURL, _ request: ClientFields, now: Int64) async throws -> Picture {
        guard url.options.isTransformation else {
            let original = try await self.origins.original(url.remote.string, for: request, now: now)
            return Picture(entry: original, outcome: original.provenance.outcome)
        }
        let wanted = Wanted(url: url, key: url.cacheKey, request: request)
        if let recent = self.cache.recent(wanted.key, for: request), self.isReusable(recent, wanted, now: now) {
            return Picture(entry: recent, outcome: .hit)
        }
        let turn = Turn()
        var picture = try await self.fills.value(for: self.cache.fillKey(wanted.key, request)) {
            turn.isMine = true
            return try await self.obtain(wanted, now: now, isForAll: true)
        }
        // What was made of an answer to somebody else's question counts only if that is meant for everybody.
        guard turn.isMine || picture.entry.freshness.isShareable else {
            return try await self.obtain(wanted, now: now, isForAll: false)
        }
        if !turn.isMine { picture.outcome = .coalesced }
        return picture
    }

    /// Where in memory the answer to a request is, if it is this one.
    func recentPlace(of entry: CacheEntry, _ url: RequestURL, _ request: ClientFields) -> CacheTiers.RecentPlace? {
        self.cache.recentPlace(of: entry, url.cacheKey, for: request)
    }

    /// What is there, if it may be used without a further question.
    func body(at place: CacheTiers.RecentPlace) -> Blob? { self.cache.body(at: place) }

    private struct Wanted {
        let url: RequestURL
        let key: String
        let request: ClientFields
    }

    /// Whether a stored variant answers the request. If it does although it is stale, a fresh one is seen to meanwhile.
    private func isReusable(_ variant: CacheEntry, _ wanted: Wanted, now: Int64) -> Bool {
        switch variant.freshness.reuse(at: now, wanted.request.directives) {
        case .fresh: return true
        case .stale: return false
        case .staleWhileRevalidate:
            self.refreshes.begin(wanted.request.fillKey(wanted.key)) {
                _ = try await self.makeOnce(wanted, stored: variant, now: self.clock.now(), .waits)
            }
            return true
        }
    }

    /// - Parameter isForAll: whoever asks for the same may have the answer, as far as anybody knows.
    private func obtain(_ wanted: Wanted, now: Int64, isForAll: Bool) async throws -> Picture {
        let stored = await self.cache.load(wanted.key, for: wanted.request)
        if let stored, self.isReusable(stored, wanted, now: now) {
            return Picture(entry: stored, outcome: .hit)
        }
        do {
            guard isForAll else { return try await self.make(wanted, stored: stored, now: now, .takesStale, nil) }
            return try await self.makeOnce(wanted, stored: stored, now: now, .takesStale)
        } catch let error as RequestError where error.isOriginUnreachable {
            guard let stored,
                let stale = self.cache.stale(stored, wanted.key, for: wanted.request, because: .unreachable)
            else { throw error }
            Log.line("serving a stale copy of \(Redaction.url(wanted.key)): \(error.detail)")
            return Picture(entry: stale, outcome: .stale)
        }
    }

    /// `make`, or what another front makes of the same at this moment.
    private func makeOnce(
        _ wanted: Wanted, stored: CacheEntry?, now: Int64, _ patience: OriginStore.Patience
    ) async throws -> Picture {
        try await self.cache.once(wanted.key, for: wanted.request) {
            Picture(entry: $0, outcome: .coalesced)
        } make: { lease in
            try await self.make(wanted, stored: stored, now: now, patience, lease)
        }
    }

    /// The variant made from its original as it is now, which may be the one that is stored.
    private func make(
        _ wanted: Wanted, stored: CacheEntry?, now: Int64, _ patience: OriginStore.Patience, _ lease: FleetLease?
    ) async throws -> Picture {
        let request = wanted.request
        // With something stored, the origin may well say that it is still right.
        if stored == nil { try self.admit() }
        let original = try await self.origins.original(wanted.url.remote.string, for: request, now: now, patience)
        if let stored, CacheEntry.isServerError(original.status),
            let stale = self.cache.stale(stored, wanted.key, for: request, because: .serverError)
        {
            return Picture(entry: stale, outcome: .stale)
        }
        if var variant = stored, let source = variant.source, source == (await original.body.digest()) {
            // The bytes are the ones it was made from, so it is what would be made from them again.
            let isNews = variant.freshness != original.freshness || variant.headers != original.headers
            variant.status = original.status
            variant.freshness = original.freshness
            variant.headers = original.headers
            variant.fetchedFrom = original.fetchedFrom
            variant.stamp = original.stamp
            if isNews {
                // That its origin is failing is nothing to write down.
                if variant.freshness.graceUntil > now {
                    self.cache.remember(variant, wanted.key, for: request)
                } else {
                    self.store(variant, wanted, lease)
                }
            }
            // Its origin may have had nothing to say.
            return Picture(entry: variant, outcome: original.provenance == .stale ? .stale : .revalidated)
        }
        do {
            let variant = try await self.transform(original, wanted.url.options)
            self.store(variant, wanted, lease)
            return Picture(entry: variant, outcome: .miss)
        } catch let error as UntransformableError {
            return try self.untransformed(original, because: error, wanted.key)
        }
    }

    private func store(_ variant: CacheEntry, _ wanted: Wanted, _ lease: FleetLease?) {
        self.cache.store(variant, wanted.key, for: wanted.request, lease)
    }

    /// The source instead of the picture that cannot be made, where that is wanted and safe.
    private func untransformed(
        _ original: CacheEntry, because error: UntransformableError, _ key: String
    ) throws -> Picture {
        let line = "error transforming image \(key): \(error.detail)"
        // Who answers a failed request writes down why.
        if error.isOverLimits { throw RequestError(.overLimits, detail: line) }
        // `contentType` was decided by the bytes, so what is no picture never gets this far as one. Where there are no bytes
        // its name does not matter.
        guard self.policy == .original, original.contentType.hasPrefix("image/") || original.body.count == 0 else {
            throw RequestError(.untransformable, detail: line)
        }
        Log.line(line, for: RequestTrace.current)
        return Picture(entry: original, outcome: .substituted, transformError: error.reason)
    }
}
