// SPDX-License-Identifier: Apache-2.0

/// How many workers the load calls for, in a sentence with its reason.
struct WorkerAdvice {
    let load: LoadMeter.Load
    /// Workers that there are; nil when nobody here knows.
    let workers: Int?
    /// Of this machine: with more workers than that each of them is slower.
    let cores: Int

    var text: String {
        let advised = self.load.advisedWorkers
        let why =
            "over the last minute \(Self.tenths(self.load.busyWorkers)) were busy on average"
            + (self.load.refusedPerSecond > 0
                ? ", \(Self.tenths(self.load.refusedPerSecond)) jobs a second were refused" : "")
            + " and a job waited \(Int((self.load.waitingTime * 1000).rounded())) ms"
        guard let workers else { return "\(advised) would be four fifths busy: \(why)" }
        if advised > workers {
            let bound =
                advised > self.cores ? "; more than its cores (\(self.cores)) take a bigger machine, or another" : ""
            return "\(Self.workers(advised)) rather than \(workers): \(why)\(bound)"
        }
        // Idle workers cost next to nothing, so only a clear surplus is worth a word.
        if advised * 2 <= workers, workers > 2 { return "\(advised) of \(workers) workers would do: \(why)" }
        return "\(Self.workers(workers)) \(workers == 1 ? "is" : "are") enough: \(why)"
    }

    static func workers(_ number: Int) -> String { number == 1 ? "1 worker" : "\(number) workers" }

    private static func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
