// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import JobRunner

/// What the rounds of one measurement have cost, in milliseconds of CPU time.
struct Samples {
    private(set) var pipeline: [Double] = []
    private(set) var floor: [Double] = []
    private(set) var stock: [Double] = []
    private(set) var stockPipeline: [Double] = []
    private(set) var stages: [JobResult.Timings] = []

    mutating func add(pipeline: Double) { self.pipeline.append(pipeline) }
    mutating func add(floor: Double) { self.floor.append(floor) }
    mutating func add(stock: Double) { self.stock.append(stock) }
    mutating func add(stockPipeline: Double) { self.stockPipeline.append(stockPipeline) }
    mutating func add(stages: JobResult.Timings) { self.stages.append(stages) }

    static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    /// Of this thread.
    static func cpuTime(of work: () -> Void) -> Double {
        let before = Self.now
        work()
        return Self.now - before
    }

    private static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1000 + Double(time.tv_nsec) / 1_000_000
    }
}
