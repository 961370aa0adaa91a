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
        /// The source as it is, since nothing was to be changed.
        case passedThrough = "passed_through"
        /// The source, since the transformation failed.
        case substituted
        case error
    }

    /// A part of the way of a request that is not answered from the cache.
    enum Stage: String, CaseIterable, Sendable {
        case fetch, queue, decode, resize, encode, transform, total
    }

    private struct RequestKey: Hashable {
        var outcome: Outcome
        var status: Int
    }

    private struct TransformationKey: Hashable {
        var source: String
        var result: String
        var end: String
    }

    private struct LookupKey: Hashable {
        var tier: String
        var isHit: Bool
    }

    private var requests: [RequestKey: UInt64] = [:]
    private var stages = [Stage: Histogram](uniqueKeysWithValues: Stage.allCases.map { ($0, Histogram()) })
    private var transformations: [TransformationKey: UInt64] = [:]
    private var fetches: [String: UInt64] = [:]
    private var lookups: [LookupKey: UInt64] = [:]
    private var deaths: [String: UInt64] = [:]
    private var hits: UInt64 = 0
    private var durations = Histogram()
    private var transformTime = (sum: 0.0, count: UInt64(0))
    private var originBytes: UInt64 = 0
    private var clientBytes: UInt64 = 0
    private var restarts: UInt64 = 0
    private var fetchErrors: UInt64 = 0
    private(set) var inFlight = 0

    /// What is measured when somebody asks, and not before.
    struct Gauge {
        var name: MetricName
        var labels: String = ""
        var value: Double
    }

    private var gauges: [@LoopActor () -> [Gauge]] = []

    /// Adds to what is measured at each scrape.
    func onScrape(_ gauges: @escaping @LoopActor () -> [Gauge]) { self.gauges.append(gauges) }

    // MARK: Counting

    func began() { self.inFlight += 1 }

    /// - Parameter bytes: of the body that was sent.
    func ended(_ outcome: Outcome, status: Int, bytes: Int, after duration: Duration) {
        self.inFlight -= 1
        self.requests[RequestKey(outcome: outcome, status: status), default: 0] += 1
        self.durations.observe(duration)
        if [.hit, .stale, .revalidated].contains(outcome) { self.hits += 1 }
        self.clientBytes += UInt64(max(0, bytes))
        if outcome != .hit { self.observe(.total, duration) }
    }

    func observe(_ stage: Stage, _ duration: Duration) { self.stages[stage]?.observe(duration) }

    func transformed(from source: String, to result: String, end: String, after duration: Duration) {
        self.transformations[TransformationKey(source: source, result: result, end: end), default: 0] += 1
        self.transformTime.sum += duration / .seconds(1)
        self.transformTime.count += 1
        self.observe(.transform, duration)
    }

    /// - Parameter outcome: `ok`, `not_modified`, or the kind of a `FetchError`.
    func fetched(_ outcome: String, isError: Bool, bytes: Int, after duration: Duration) {
        self.fetches[outcome, default: 0] += 1
        if isError { self.fetchErrors += 1 }
        self.originBytes += UInt64(max(0, bytes))
        self.observe(.fetch, duration)
    }

    /// - Parameter tier: `memory`, or the name of a place.
    func lookedUp(_ tier: String, isHit: Bool) { self.lookups[LookupKey(tier: tier, isHit: isHit), default: 0] += 1 }

    func workerRestarted() { self.restarts += 1 }

    func childDied(_ cause: String) { self.deaths[cause, default: 0] += 1 }

    // MARK: Reading

    /// Quantiles of a stage, in seconds.
    func quantiles(of stage: Stage) -> (p50: Double?, p99: Double?) {
        (self.stages[stage]?.quantile(0.5), self.stages[stage]?.quantile(0.99))
    }

    func count(of outcome: Outcome) -> UInt64 {
        self.requests.reduce(0) { $0 + ($1.key.outcome == outcome ? $1.value : 0) }
    }

    func currentGauges() -> [Gauge] { self.gauges.flatMap { $0() } }

    /// Everything, in Prometheus' text format 0.0.4.
    func text() -> String {
        var page = MetricsPage()
        page.add(.servedFromCache, value: Double(self.hits))
        page.add(.transformationDuration, suffix: "_sum", value: self.transformTime.sum)
        page.add(.transformationDuration, suffix: "_count", value: Double(self.transformTime.count))
        page.add(.remoteFetchErrors, value: Double(self.fetchErrors))
        page.add(.httpDuration, suffix: "_sum", value: self.durations.sum)
        page.add(.httpDuration, suffix: "_count", value: Double(self.durations.count))
        page.add(.httpInFlight, value: Double(self.inFlight))
        for (key, count) in self.requests.sorted(by: {
            ($0.key.outcome.rawValue, $0.key.status) < ($1.key.outcome.rawValue, $1.key.status)
        }) {
            page.add(
                .requests, labels: "outcome=\"\(key.outcome.rawValue)\",status=\"\(key.status)\"", value: Double(count))
        }
        for stage in Stage.allCases {
            if let histogram = self.stages[stage] {
                page.add(.stageDuration, labels: "stage=\"\(stage.rawValue)\"", histogram: histogram)
            }
        }
        for (key, count) in self.transformations.sorted(by: { "\($0.key)" < "\($1.key)" }) {
            page.add(
                .transformations, labels: "source=\"\(key.source)\",result=\"\(key.result)\",end=\"\(key.end)\"",
                value: Double(count))
        }
        for (outcome, count) in self.fetches.sorted(by: { $0.key < $1.key }) {
            page.add(.fetches, labels: "outcome=\"\(outcome)\"", value: Double(count))
        }
        page.add(.originBytes, value: Double(self.originBytes))
        page.add(.clientBytes, value: Double(self.clientBytes))
        for (key, count) in self.lookups.sorted(by: {
            ($0.key.tier, "\($0.key.isHit)") < ($1.key.tier, "\($1.key.isHit)")
        }) {
            page.add(
                .cacheLookups, labels: "tier=\"\(key.tier)\",result=\"\(key.isHit ? "hit" : "miss")\"",
                value: Double(count))
        }
        page.add(.workerRestarts, value: Double(self.restarts))
        for (cause, count) in self.deaths.sorted(by: { $0.key < $1.key }) {
            page.add(.workerDeaths, labels: "cause=\"\(cause)\"", value: Double(count))
        }
        // All lines of a metric stand together, whoever measures them.
        for gauge in self.currentGauges().sorted(by: { ($0.name.rawValue, $0.labels) < ($1.name.rawValue, $1.labels) })
        {
            page.add(gauge.name, labels: gauge.labels, value: gauge.value)
        }
        return page.text
    }
}
