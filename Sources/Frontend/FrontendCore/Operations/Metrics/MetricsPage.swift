// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// Prometheus' text format 0.0.4: HELP and TYPE once per metric, all its lines together.
struct MetricsPage {
    private(set) var text = ""
    private var last: MetricName?

    mutating func add(_ name: MetricName, suffix: String = "", labels: String = "", value: Double) {
        self.header(name)
        self.text += name.rawValue + suffix + (labels.isEmpty ? "" : "{\(labels)}") + " \(Self.number(value))\n"
    }

    mutating func add(_ name: MetricName, labels: String, histogram: Histogram) {
        var total: UInt64 = 0
        for (index, count) in histogram.counts.enumerated() {
            total += count
            let bound = index < Histogram.bounds.count ? Self.number(Histogram.bounds[index]) : "+Inf"
            self.add(name, suffix: "_bucket", labels: labels + ",le=\"\(bound)\"", value: Double(total))
        }
        self.add(name, suffix: "_sum", labels: labels, value: histogram.sum)
        self.add(name, suffix: "_count", labels: labels, value: Double(histogram.count))
    }

    private mutating func header(_ name: MetricName) {
        guard self.last != name else { return }
        self.last = name
        self.text += "# HELP \(name.rawValue) \(name.help)\n# TYPE \(name.rawValue) \(name.type)\n"
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }
}
