// SPDX-License-Identifier: Apache-2.0
//
// What a process of its own for every picture costs: the same jobs, each in a fresh sandboxed child, against all of them
// in one child. CPU time of everything involved, the parent's share of fork and wait included.

internal import Foundation
internal import Glibc
internal import ImageJob
internal import JobRunner
internal import Sandbox

let arguments = Array(CommandLine.arguments.dropFirst())
guard let path = arguments.first, let source = try? Data(contentsOf: URL(filePath: path)) else {
    FileHandle.standardError.write(Data("usage: bench-fork FILE [options [rounds]]\n".utf8))
    exit(2)
}
let request = JobRequest(
    options: TransformOptions(parsing: arguments.count > 1 ? arguments[1] : "500x,q80"), scaleUp: false,
    limits: .standard, deadline: 0)
let rounds = arguments.count > 2 ? Int(arguments[2]) ?? 15 : 15
let jobs = 40

var sandbox = Sandbox()
sandbox.enterNamespaces()

/// CPU milliseconds of this process and the children that it starts and waits for.
@MainActor func measure(children: Int, jobsEach: Int) -> Double {
    let before = cpuMilliseconds()
    for _ in 0..<children {
        let pid = Fork.fork()
        if pid == 0 {
            JobRunner.beginFork()
            guard sandbox.restrictChild(memory: 1 << 30, cpuSeconds: 60, resultBytes: 64 << 20) else { Fork.exit(3) }
            for _ in 0..<jobsEach {
                let isDone = source.withUnsafeBytes { (try? JobRunner.run(request, source: $0)) != nil }
                if !isDone { Fork.exit(4) }
            }
            Fork.exit(0)
        }
        var status: Int32 = 0
        guard pid > 0, waitpid(pid, &status, 0) == pid, status == 0 else {
            print("a child failed: \(status)")
            Fork.exit(1)
        }
    }
    return cpuMilliseconds() - before
}

func cpuMilliseconds() -> Double {
    func milliseconds(_ time: timeval) -> Double { Double(time.tv_sec) * 1000 + Double(time.tv_usec) / 1000 }
    var total = 0.0
    for who in [RUSAGE_SELF.rawValue, RUSAGE_CHILDREN.rawValue] {
        var usage = rusage()
        getrusage(who, &usage)
        total += milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime)
    }
    return total
}

// In a child, as a launcher does it: the namespaces hold for it and its children.
let keeper = Fork.fork()
if keeper == 0 {
    sandbox.restrictKeeper()
    JobRunner.warmUp()
    JobRunner.prepareForks()
    guard sandbox.filterKeeper() else { Fork.exit(2) }
    var perJob: [Double] = []
    var together: [Double] = []
    for _ in 0..<rounds {
        perJob.append(measure(children: jobs, jobsEach: 1) / Double(jobs))
        together.append(measure(children: 1, jobsEach: jobs) / Double(jobs))
    }
    func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    let (fresh, lasting) = (median(perJob), median(together))
    func text(_ milliseconds: Double) -> String { String(format: "%.3f ms", milliseconds) }
    print("a process for each picture   \(text(fresh))")
    print("one process for \(jobs) pictures  \(text(lasting))")
    print(
        "difference                   \(text(fresh - lasting)), \(String(format: "%.1f", (fresh / lasting - 1) * 100)) %"
    )
    fflush(nil)
    Fork.exit(0)
}
var status: Int32 = 0
waitpid(keeper, &status, 0)
exit(status == 0 ? 0 : 1)
