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
        (2.4, 4, 0.0, "4 workers are enough"), (3.4, 4, 0, "5 workers rather than 4"),
        (0.1, 1, 0, "1 worker is enough"),
        (0.5, 8, 0, "1 of 8 workers would do"),
        // 20 jobs a second were refused, a tenth of a second each: two more workers would have been busy.
        (2, 4, 20, "5 workers rather than 4"),
    ])
    func `advice has a reason`(busy: Double, workers: Int, refused: Double, beginning: String) {
        let load = LoadMeter.Load(
            busyWorkers: busy, jobsPerSecond: 10, refusedPerSecond: refused, serviceTime: 0.1, waitingTime: 0.012)
        let advice = WorkerAdvice(load: load, workers: workers, cores: 8).text
        let lost = refused > 0 ? ", 20.0 jobs a second were refused" : ""
        #expect(
            advice.hasPrefix(beginning)
                && advice.hasSuffix("\(busy) were busy on average\(lost) and a job waited 12 ms"))
    }

    @Test func `advice names the bound that the cores are`() {
        let load = LoadMeter.Load(busyWorkers: 2, jobsPerSecond: 10, serviceTime: 0.2, waitingTime: 0.5)
        #expect(WorkerAdvice(load: load, workers: 2, cores: 4).text.contains("cores") == false)
        #expect(WorkerAdvice(load: load, workers: 2, cores: 2).text.contains("more than its cores (2)"))
    }

    @Test func `refused jobs are part of the load, for a minute`() {
        var meter = LoadMeter()
        for _ in 0..<10 { meter.add(busy: .seconds(0.5), waited: .zero, at: .seconds(1)) }
        for _ in 0..<20 { meter.refuse(at: .seconds(2)) }
        // Five seconds so far: one worker was busy, and twice as much was refused.
        let load = meter.load(at: .seconds(2))
        #expect(load.busyWorkers == 1 && load.refusedPerSecond == 4 && load.advisedWorkers == 4)
        #expect(meter.load(at: .seconds(70)).refusedPerSecond == 0)
    }
}
