// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FrontendCore

@Suite struct MetricsTests {
    @Test func `what was counted since a copy is the difference`() {
        var histogram = Histogram()
        histogram.observe(.milliseconds(3))
        let earlier = histogram
        histogram.observe(.milliseconds(3))
        histogram.observe(.seconds(100))
        let since = histogram.since(earlier)
        #expect(since.count == 2 && abs(since.sum - 100.003) < 1e-9)
        #expect(since.counts.last == 1 && since.quantile(0.25).map { (0.0025...0.005).contains($0) } == true)
    }

    @Test func `histograms of several fronts add up`() {
        var first = Histogram()
        first.observe(.milliseconds(1))
        var second = Histogram()
        second.observe(.seconds(2))
        first.add(second)
        #expect(first.count == 2 && first.sum > 2)
        // Of another program's buckets nothing is known.
        #expect(Histogram(counts: [1, 2], sum: 3).count == 0)
    }

    @Test(arguments: RequestError.Kind.allCases)
    func `reasons are labels`(kind: RequestError.Kind) {
        #expect(kind.metricLabel.utf8.allSatisfy { (0x61...0x7A).contains($0) || $0 == 0x5F })
        #expect(!kind.metricLabel.hasPrefix("_") && !kind.metricLabel.contains("__"))
    }

    @Test func `labels are read easily`() {
        #expect(RequestError.Kind.malformedURL.metricLabel == "malformed_url")
        #expect(RequestError.Kind.fetchTimedOut.metricLabel == "fetch_timed_out")
    }

    @Test(arguments: [
        (2.4, 4, "4 workers are enough"), (3.4, 4, "5 workers rather than 4"), (0.1, 1, "1 worker is enough"),
        (0.5, 8, "1 of 8 workers would do"),
    ])
    func `advice has a reason`(busy: Double, workers: Int, beginning: String) {
        let load = LoadMeter.Load(busyWorkers: busy, jobsPerSecond: 10, serviceTime: 0.1, waitingTime: 0.012)
        let advice = WorkerAdvice(load: load, workers: workers).text
        #expect(advice.hasPrefix(beginning) && advice.hasSuffix("\(busy) were busy on average and a job waited 12 ms"))
    }
}
