// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Telemetry

/// What is counted. Everything lives on the loop's thread, so counting is an addition and nothing else.
@LoopActor
final class Metrics {
    /// How a request for a picture was answered.
    enum Outcome: String, CaseIterable, Sendable {
        /// Out of the cache, without asking anybody.
        case hit
        /// Out of the cache, after its origin has said that nothing has changed.
        case revalidated
        /// Out of the cache although it is no longer fresh.
        case stale
        /// With what another request was already waiting for.
        case coalesced
        /// Made for this request.
        case miss
        /// The source as its origin has just sent it, since nothing was to be changed.
        case passedThrough = "passed_through"
        /// The source, since the transformation failed.
        case substituted
        case error

        var index: Int {
            switch self {
            case .hit: 0
            case .revalidated: 1
            case .stale: 2
            case .coalesced: 3
            case .miss: 4
            case .passedThrough: 5
            case .substituted: 6
            case .error: 7
            }
        }

        /// Those that no worker and no whole answer of an origin was needed for: what a hit ratio speaks of.
        static let hits: [Outcome] = [.hit, .stale, .revalidated]
    }

    /// A part of the way of a request that is not answered from the cache.
    enum Stage: String, CaseIterable, Sendable {
        case fetch, queue, header, decode, resize, encode, transform, total

        var index: Int {
            switch self {
            case .fetch: 0
            case .queue: 1
            case .header: 2
            case .decode: 3
            case .resize: 4
            case .encode: 5
            case .transform: 6
            case .total: 7
            }
        }
    }

    private(set) var counters = Counters()
    private(set) var inFlight = 0
    /// Names of the caches that there are, in memory and beyond.
    var tiers: [String] = []
    /// Copies of the counters as they were, the oldest first, so that there is something to subtract.
    private var history: [(at: ContinuousClock.Instant, counters: Counters)]

    /// The longest turn of the loop in each interval.
    private var turns: [Duration] = []

    /// The longest one in about the last minute.
    var longestTurn: Duration { max(self.turns.max() ?? .zero, Loop.shared.longestTurn(forgetting: false)) }

    static let historyInterval = Duration.seconds(10)
    private static let historyLength = 6

    /// What is measured when somebody asks, and not before.
    struct Gauge {
        var name: MetricName
        var labels: String = ""
        var value: Double
    }

    private var gauges: [@LoopActor () -> [Gauge]] = []

    init() {
        self.history = [(.now, Counters())]
    }

    /// Adds to what is measured at each scrape.
    func onScrape(_ gauges: @escaping @LoopActor () -> [Gauge]) { self.gauges.append(gauges) }

    func currentGauges() -> [Gauge] { self.gauges.flatMap { $0() } }

    // MARK: Counting

    func began() { self.inFlight += 1 }

    /// - Parameters:
    ///   - provenance: of what was sent; if it was made for this request, of what it was made from.
    ///   - bytes: of the body that was sent.
    ///   - reason: of an error.
    func ended(
        _ outcome: Outcome, from provenance: Provenance, status: Int, bytes: Int, after duration: Duration,
        reason: String? = nil
    ) {
        self.inFlight -= 1
        self.counters.requests[Counters.RequestKey(outcome: outcome, status: status), default: 0] += 1
        self.counters.durations[outcome.index].observe(duration)
        if provenance.isCached { self.counters.servedFromCache += 1 }
        if outcome == .hit, case .found(let tier) = provenance {
            self.counters.hits[tier, default: Histogram()].observe(duration)
        }
        self.counters.clientBytes += UInt64(max(0, bytes))
        if let reason { self.counters.errors[reason, default: 0] += 1 }
        if outcome != .hit { self.observe(.total, duration) }
    }

    /// Somebody was told to come back, or turned away.
    func refused(_ reason: Busy.Reason) { self.counters.refusals[reason.rawValue, default: 0] += 1 }

    func observe(_ stage: Stage, _ duration: Duration) { self.counters.stages[stage.index].observe(duration) }

    /// - Parameter bytes: of the source and of the result, when there is one.
    func transformed(
        from source: String, to result: String, end: String, bytes: (source: Int, result: Int)?,
        after duration: Duration
    ) {
        self.counters.transformations[
            Counters.TransformationKey(source: source, result: result, end: end), default: 0] += 1
        self.counters.transformTime.sum += duration / .seconds(1)
        self.counters.transformTime.count += 1
        self.counters.formats[source, default: Histogram()].observe(duration)
        if let bytes {
            self.counters.sourceBytes += UInt64(max(0, bytes.source))
            self.counters.resultBytes += UInt64(max(0, bytes.result))
        }
        self.observe(.transform, duration)
    }

    /// - Parameter outcome: `ok`, `not_modified`, or the kind of a `FetchError`.
    func fetched(_ outcome: String, isError: Bool, bytes: Int, after duration: Duration) {
        self.counters.fetches[outcome, default: 0] += 1
        if isError { self.counters.fetchErrors += 1 }
        self.counters.originBytes += UInt64(max(0, bytes))
        self.observe(.fetch, duration)
    }

    /// - Parameters:
    ///   - tier: `memory`, or the name of a place.
    ///   - duration: how long a place took to answer.
    func lookedUp(_ tier: String, isHit: Bool, after duration: Duration? = nil) {
        self.counters.lookups[Counters.LookupKey(tier: tier, isHit: isHit), default: 0] += 1
        if let duration { self.counters.lookupTimes[tier, default: Histogram()].observe(duration) }
    }

    /// What became of an entry that was to be written to a place.
    enum StoreEnd: String, CaseIterable, Sendable {
        case stored
        /// The place is ill, full, or takes no entries as large as this one.
        case refused
        /// There was too much to write at once.
        case dropped
    }

    func wrote(to tier: String, _ end: StoreEnd) {
        self.counters.stores[Counters.StoreKey(tier: tier, end: end), default: 0] += 1
    }

    /// - Parameter reach: how far, see `Purges.Reach`.
    func purged(_ reach: String) { self.counters.purges[reach, default: 0] += 1 }

    func workerRestarted() { self.counters.restarts += 1 }

    func childDied(_ cause: String) { self.counters.deaths[cause, default: 0] += 1 }

    func reloaded(isRefused: Bool) { self.counters.reloads[isRefused ? "refused" : "ok", default: 0] += 1 }

    // MARK: The last minute

    /// To be called every `historyInterval`: what was counted up to now becomes the start of a later "last minute".
    func remember() {
        self.history.append((.now, self.counters))
        self.turns.append(Loop.shared.longestTurn(forgetting: true))
        if self.turns.count > Self.historyLength { self.turns.removeFirst() }
        if self.history.count > Self.historyLength { self.history.removeFirst() }
    }

    /// The counters as they were about a minute ago, or at the start, and how many seconds that is.
    func minuteAgo() -> (counters: Counters, seconds: Double) {
        let oldest = self.history[0]
        return (oldest.counters, max(0.001, (ContinuousClock.now - oldest.at) / .seconds(1)))
    }
}
