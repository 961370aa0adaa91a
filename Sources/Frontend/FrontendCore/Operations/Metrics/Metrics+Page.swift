// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Telemetry

extension Metrics {
    /// Everything, in Prometheus' text format 0.0.4.
    func text() -> String {
        let counters = self.counters
        var page = MetricsPage()
        page.add(.servedFromCache, value: Double(counters.hits))
        page.add(.transformationDuration, suffix: "_sum", value: counters.transformTime.sum)
        page.add(.transformationDuration, suffix: "_count", value: Double(counters.transformTime.count))
        page.add(.remoteFetchErrors, value: Double(counters.fetchErrors))
        page.add(.httpDuration, suffix: "_sum", value: counters.durations.reduce(0) { $0 + $1.sum })
        page.add(.httpDuration, suffix: "_count", value: Double(counters.durations.reduce(0) { $0 + $1.count }))
        page.add(.httpInFlight, value: Double(self.inFlight))
        Self.addRequests(counters, to: &page)
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
        Self.add(.fetches, by: "outcome", counters.fetches, to: &page)
        page.add(.originBytes, value: Double(counters.originBytes))
        page.add(.clientBytes, value: Double(counters.clientBytes))
        for (key, count) in counters.lookups.sorted(by: {
            ($0.key.tier, "\($0.key.isHit)") < ($1.key.tier, "\($1.key.isHit)")
        }) {
            page.add(
                .cacheLookups, labels: "tier=\"\(key.tier)\",result=\"\(key.isHit ? "hit" : "miss")\"",
                value: Double(count))
        }
        page.add(.workerRestarts, value: Double(counters.restarts))
        Self.add(.workerDeaths, by: "cause", counters.deaths, to: &page)
        Self.add(.reloads, by: "result", counters.reloads, to: &page)
        // All lines of a metric stand together, whoever measures them.
        for gauge in self.currentGauges().sorted(by: { ($0.name.rawValue, $0.labels) < ($1.name.rawValue, $1.labels) })
        {
            page.add(gauge.name, labels: gauge.labels, value: gauge.value)
        }
        return page.text
    }

    private static func addRequests(_ counters: Counters, to page: inout MetricsPage) {
        for (key, count) in counters.requests.sorted(by: {
            ($0.key.outcome.rawValue, $0.key.status) < ($1.key.outcome.rawValue, $1.key.status)
        }) {
            page.add(
                .requests, labels: "outcome=\"\(key.outcome.rawValue)\",status=\"\(key.status)\"", value: Double(count))
        }
        for outcome in Outcome.allCases {
            page.add(
                .requestDuration, labels: "outcome=\"\(outcome.rawValue)\"",
                histogram: counters.durations[outcome.index])
        }
        Self.add(.errors, by: "reason", counters.errors, to: &page)
        Self.add(.refusals, by: "reason", counters.refusals, to: &page)
    }

    private static func add(
        _ name: MetricName, by label: String, _ counts: [String: UInt64], to page: inout MetricsPage
    ) {
        for (value, count) in counts.sorted(by: { $0.key < $1.key }) {
            page.add(name, labels: "\(label)=\"\(value)\"", value: Double(count))
        }
    }
}
