// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Telemetry

/// Asks an origin: the URL, the fields of the request, and the URL that its conditions speak of, if it has any.
typealias OriginFetch =
    @LoopActor (_ url: String, _ fields: HTTPFields, _ validatorsOf: String?) async throws -> FetchedResource

/// Originals: from the caches while they may be reused, else from their origin, one question at a time for each.
@LoopActor
final class OriginStore {
    /// What a stale original is worth to who asks.
    enum Patience {
        /// It may be served while its origin is asked, where the origin allows that.
        case takesStale
        /// The origin has to have been asked.
        case waits
    }

    private let fetch: OriginFetch
    private let cache: CacheTiers
    /// Counts for every answer that arrives after it was set.
    var rules: OriginRules
    private let sample: SamplePhoto?
    private let clock: WallClock
    private let fills = FillTable<CacheEntry>()
    private let refreshes = Refreshes()

    init(
        rules: OriginRules, cache: CacheTiers, sample: SamplePhoto? = nil, clock: WallClock = WallClock(),
        fetch: @escaping OriginFetch
    ) {
        self.rules = rules
        self.cache = cache
        self.sample = sample
        self.clock = clock
        self.fetch = fetch
    }

    /// The original, checked: its content type is allowed, and the bytes are what it says.
    ///
    /// - Throws: `RequestError`.
    func original(
        _ url: String, for request: ClientFields, now: Int64, _ patience: Patience = .takesStale
    ) async throws -> CacheEntry {
        if let sample, url == SamplePhoto.remoteURL { return sample.entry }
        if let recent = self.cache.recent(url, for: request),
            self.isReusable(recent, url, for: request, now: now, patience)
        {
            return try self.rules.usable(recent, url)
        }
        // Who waits must not be told what those were told who need not.
        let key = self.cache.fillKey(url, request) + (patience == .waits ? "\nrefresh" : "")
        let turn = Turn()
        var entry = try await self.fills.value(for: key) {
            turn.isMine = true
            return try await self.obtain(url, for: request, now: now, patience, isForAll: true)
        }
        if !turn.isMine, entry.provenance == .made { entry.provenance = .coalesced }
        // The answer to somebody else's question counts only if it is meant for everybody.
        if !turn.isMine, !entry.freshness.isShareable {
            entry = try await self.obtain(url, for: request, now: now, patience, isForAll: false)
        }
        return try self.rules.usable(entry, url)
    }

    /// - Parameter isForAll: whoever asks for the same may have the answer, as far as anybody knows.
    private func obtain(
        _ url: String, for request: ClientFields, now: Int64, _ patience: Patience, isForAll: Bool
    ) async throws -> CacheEntry {
        let stored = await self.cache.load(url, for: request)
        if let stored, self.isReusable(stored, url, for: request, now: now, patience) { return stored }
        guard !request.directives.onlyIfCached else {
            throw RequestError(.timedOut, detail: "only what is cached was wanted: \(url)")
        }
        guard isForAll else { return try await self.ask(url, for: request, stored: stored, nil) }
        return try await self.cache.once(url, for: request) {
            var shared = $0
            shared.provenance = .coalesced
            return shared
        } make: { lease in
            try await self.ask(url, for: request, stored: stored, lease)
        }
    }

    /// Whether a stored entry answers the request. If it does although it is stale, its origin is asked meanwhile.
    private func isReusable(
        _ entry: CacheEntry, _ url: String, for request: ClientFields, now: Int64, _ patience: Patience
    ) -> Bool {
        switch entry.freshness.reuse(at: now, request.directives) {
        case .fresh: return true
        case .stale: return false
        case .staleWhileRevalidate:
            guard patience == .takesStale else { return false }
            self.refreshes.begin(request.fillKey(url)) {
                _ = try await self.original(url, for: request, now: self.clock.now(), .waits)
            }
            return true
        }
    }

    /// When an origin was asked.
    private struct Asked {
        /// Milliseconds: an answer that took a few has no age for it, even if a second ended meanwhile.
        var at: Int64
        /// The newest purge that was known then: whatever is purged later is not in the answer.
        var stamp: Int64

        /// In the whole seconds of an answer's age: when it was asked for, and when it came.
        func times(_ clock: WallClock) -> (requested: Int64, received: Int64) {
            let milliseconds = clock.milliseconds()
            let received = milliseconds / 1000
            return (received - (milliseconds - self.at) / 1000, received)
        }
    }

    /// Asks the origin, with what is known of a stale copy, so that it may answer "not modified".
    private func ask(
        _ url: String, for request: ClientFields, stored: CacheEntry?, _ lease: FleetLease?
    ) async throws -> CacheEntry {
        Log.detail("fetching remote URL: \(url)")
        let asked = Asked(at: self.clock.milliseconds(), stamp: self.cache.purges.stamps.newest)
        do {
            let validated = stored.flatMap { $0.hasValidator ? $0.fetchedFrom ?? url : nil }
            let answer = try await self.fetch(url, Self.fields(of: request, validating: stored), validated)
            guard answer.status == 304, let stored else {
                return try self.accept(answer, url, for: request, stored: stored, asked, lease)
            }
            let times = asked.times(self.clock)
            if var entry = self.rules.refreshed(
                stored, by: answer, for: request, requestedAt: times.requested, now: times.received)
            {
                entry.stamp = asked.stamp
                entry.provenance = .revalidated
                self.keep(entry, url, for: request, replacing: stored, lease)
                return entry
            }
            // Not modified, but something else than what is here.
            let whole = try await self.fetch(url, Self.fields(of: request, validating: nil), nil)
            return try self.accept(whole, url, for: request, stored: stored, asked, lease)
        } catch let error as FetchError {
            if let stored, error.isUnreachable,
                let stale = self.cache.stale(stored, url, for: request, because: .unreachable)
            {
                Log.line("serving a stale copy of \(Redaction.url(url)): \(error.detail)")
                return stale
            }
            var failure = RequestError(error, url: url)
            failure.isOriginUnreachable = error.isUnreachable
            throw failure
        }
    }

    /// Conditions of a client are answered here; the origin is asked about what is here.
    private static let conditions: Set<String> = [
        "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range",
    ]

    private static func fields(of request: ClientFields, validating stored: CacheEntry?) -> HTTPFields {
        var fields = request.passed
        fields.removeAll { Self.conditions.contains($0.name.lowercased()) }
        if let tag = stored?.headers["ETag"] { fields.append("If-None-Match", tag) }
        if let date = stored?.headers["Last-Modified"] { fields.append("If-Modified-Since", date) }
        return fields
    }

    private func accept(
        _ answer: FetchedResource, _ url: String, for request: ClientFields, stored: CacheEntry?, _ asked: Asked,
        _ lease: FleetLease?
    ) throws -> CacheEntry {
        if CacheEntry.isServerError(answer.status), let stored,
            let stale = self.cache.stale(stored, url, for: request, because: .serverError)
        {
            Log.line("serving a stale copy of \(Redaction.url(url)): its origin answered \(answer.status)")
            return stale
        }
        let times = asked.times(self.clock)
        var entry = try self.rules.entry(
            of: answer, url, for: request, requestedAt: times.requested, now: times.received)
        entry.stamp = asked.stamp
        self.keep(entry, url, for: request, replacing: stored, lease)
        return entry
    }

    /// Stores an entry as far as that is allowed and of any use. If it is not, nothing older is left in its place.
    private func keep(
        _ entry: CacheEntry, _ url: String, for request: ClientFields, replacing stored: CacheEntry?,
        _ lease: FleetLease?
    ) {
        // An error that passes does not take the place of what will be right again.
        if entry.status >= 500, let stored, stored.status < 400 { return }
        let isKept = entry.freshness.isStorable && entry.isWorthStoring
        // Errors are kept in memory alone, so what they replace would come back.
        if stored != nil, !isKept || entry.status >= 400 { self.cache.remove(url, for: request) }
        if isKept { self.cache.store(entry, url, for: request, lease) }
    }
}

extension CacheEntry {
    /// Whether it will ever be of use to somebody.
    fileprivate var isWorthStoring: Bool {
        self.freshness.lifetime > 0 || self.freshness.staleWhileRevalidate > 0 || self.freshness.staleIfError > 0
            || self.status < 400 && self.hasValidator
    }
}

extension FetchError {
    /// The origin gave no answer, so it has not said that what is stale is wrong.
    var isUnreachable: Bool {
        switch self {
        case .resolve, .connect, .tls, .timedOut, .protocolViolation, .internalFailure: true
        default: false
        }
    }
}
