// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Telemetry

extension Metrics {
    /// Everything, in Prometheus' text format 0.0.4.
    func text() -> String {
        let counters = self.counters
        var page = MetricsPage()
        page.add(.servedFromCache, value: Double(counters.servedFromCache))
        page.add(.transformationDuration, suffix: "_sum", value: counters.transformTime.sum)
        page.add(.transformationDuration, suffix: "_count", value: Double(counters.transformTime.count))
        page.add(.remoteFetchErrors, value: Double(counters.fetchErrors))
        page.add(.httpDuration, suffix: "_sum", value: counters.durations.reduce(0) { $0 + $1.sum })
        page.add(.httpDuration, suffix: "_count", value: Double(counters.durations.reduce(0) { $0 + $1.count }))
        page.add(.httpInFlight, value: Double(self.inFlight))
        self.addRequests(counters, to: &page)
        for stage in Stage.allCases {
            page.add(.stageDuration, labels: "stage=\"\(stage.rawValue)\"", histogram: counters.stages[stage.index])
        }
        for (format, histogram) in counters.formats.sorted(by: { $0.key < $1.key }) {
            page.add(.formatDuration, labels: "source=\"\(format)\"", histogram: histogram)
        }
        for (key, count) in counters.transformations.sorted(by: { "\($0.key)" < "\($1.key)" }) {
            page.add(
                .transformations, labels: "source=\"\(key.source)\",result=\"\(key.result)\",end=\"\(key.end)\"",
                value: Double(count))
        }
        page.add(.transformedBytes, labels: "of=\"sources\"", value: Double(counters.sourceBytes))
        page.add(.transformedBytes, labels: "of=\"results\"", value: Double(counters.resultBytes))
        Self.add(
            .fetches, by: "outcome", counters.fetches,
            known: ["ok", "not_modified"] + FetchError.Kind.allCases.map(\.rawValue),
            to: &page)
        page.add(.originBytes, value: Double(counters.originBytes))
        page.add(.clientBytes, value: Double(counters.clientBytes))
        self.addCaches(counters, to: &page)
        Self.add(.purges, by: "reach", counters.purges, known: Purges.Reach.allCases.map(\.rawValue), to: &page)
        page.add(.workerRestarts, value: Double(counters.restarts))
        Self.add(.workerDeaths, by: "cause", counters.deaths, known: ["outside", "picture"], to: &page)
        Self.add(.reloads, by: "result", counters.reloads, known: ["ok", "refused"], to: &page)
        // All lines of a metric stand together, whoever measures them.
        for gauge in self.currentGauges().sorted(by: { ($0.name.rawValue, $0.labels) < ($1.name.rawValue, $1.labels) })
        {
            page.add(gauge.name, labels: gauge.labels, value: gauge.value)
        }
        return page.text
    }

    private func addRequests(_ counters: Counters, to page: inout MetricsPage) {
        let usual = Outcome.allCases.filter { $0 != .error }.map { Counters.RequestKey(outcome: $0, status: 200) }
        let keys = Set(usual).union(counters.requests.keys)
        for key in keys.sorted(by: { ($0.outcome.rawValue, $0.status) < ($1.outcome.rawValue, $1.status) }) {
            page.add(
                .requests, labels: "outcome=\"\(key.outcome.rawValue)\",status=\"\(key.status)\"",
                value: Double(counters.requests[key] ?? 0))
        }
        for outcome in Outcome.allCases {
            // Each hit is in the series of the cache that had it, and in no other.
            guard outcome == .hit else {
                page.add(
                    .requestDuration, labels: "outcome=\"\(outcome.rawValue)\"",
                    histogram: counters.durations[outcome.index])
                continue
            }
            for tier in Set(self.tiers).union(counters.hits.keys).sorted() {
                page.add(
                    .requestDuration, labels: "outcome=\"hit\",tier=\"\(tier)\"",
                    histogram: counters.hits[tier] ?? Histogram())
            }
        }
        Self.add(
            .errors, by: "reason", counters.errors, known: RequestError.Kind.allCases.map(\.metricLabel), to: &page)
        Self.add(.refusals, by: "reason", counters.refusals, known: Busy.Reason.allCases.map(\.rawValue), to: &page)
    }

    private func addCaches(_ counters: Counters, to page: inout MetricsPage) {
        let tiers = Set(self.tiers).sorted()
        for tier in tiers {
            for isHit in [true, false] {
                page.add(
                    .cacheLookups, labels: "tier=\"\(tier)\",result=\"\(isHit ? "hit" : "miss")\"",
                    value: Double(counters.lookups[Counters.LookupKey(tier: tier, isHit: isHit)] ?? 0))
            }
        }
        let places = tiers.filter { $0 != "memory" }
        for tier in places {
            page.add(
                .cacheLookupDuration, labels: "tier=\"\(tier)\"", histogram: counters.lookupTimes[tier] ?? Histogram())
        }
        for tier in places {
            for end in StoreEnd.allCases {
                page.add(
                    .cacheStores, labels: "tier=\"\(tier)\",result=\"\(end.rawValue)\"",
                    value: Double(counters.stores[Counters.StoreKey(tier: tier, end: end)] ?? 0))
            }
        }
    }

    /// - Parameter known: labels that may come; those that have not are zero, so that the first of its kind is an increase.
    private static func add(
        _ name: MetricName, by label: String, _ counts: [String: UInt64], known: [String], to page: inout MetricsPage
    ) {
        for value in Set(known).union(counts.keys).sorted() {
            page.add(name, labels: "\(label)=\"\(value)\"", value: Double(counts[value] ?? 0))
        }
    }
}
