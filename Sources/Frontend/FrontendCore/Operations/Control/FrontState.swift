// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// One front's `/status`, or several put together.
struct FrontState {
    var fronts = 0
    /// Why fronts are not ready, with how to find them.
    var complaints: [String] = []
    var uptime = 0.0
    var connections = 0.0
    var inFlight = 0.0
    /// Requests per second of the last minute, by outcome.
    var rates: [String: Double] = [:]
    var errorRates: [String: Double] = [:]
    var fetchRates: [String: Double] = [:]
    var lookupRates: [String: (hits: Double, misses: Double)] = [:]
    var clientBytesRate = 0.0
    var originBytesRate = 0.0
    var totals: [String: Double] = [:]
    var sourceBytes = 0.0
    var resultBytes = 0.0
    var stages: [String: Histogram] = [:]
    var stageRates: [String: Double] = [:]
    /// nil = not started by a front.
    var workersWanted: Double?
    var workersRunning: Double?
    var busy = 0.0
    var busyOnAverage = 0.0
    var waitSum = 0.0
    var serviceSum = 0.0
    var refusedPerSecond = 0.0
    var jobsPerSecond = 0.0
    var queued = 0.0
    var queueLimit = 0.0
    var restarts = 0.0
    var sandbox: String?
    /// Caches that are left alone because they fail, and for what.
    var leftAlone: [String: Set<String>] = [:]
    var memory = 0.0

    init() {}

    mutating func add(_ state: JSON, from address: String) {
        func number(_ value: JSON?, _ name: String) -> Double { value?[name]?.double ?? 0 }
        self.fronts += 1
        if let reason = state["notReadyBecause"]?.string { self.complaints.append("\(address): \(reason)") }
        self.uptime =
            self.fronts == 1
            ? number(state, "uptimeSeconds") : min(self.uptime, number(state, "uptimeSeconds"))
        self.connections += number(state, "connections")
        self.inFlight += number(state, "requestsInFlight")
        self.memory += number(state["process"], "residentBytes")
        self.addLastMinute(state["lastMinute"])
        for (outcome, count) in state["sinceStart"]?["outcomes"]?.members ?? [] {
            self.totals[outcome, default: 0] += count.double ?? 0
        }
        self.sourceBytes += number(state["sinceStart"], "sourceBytes")
        self.resultBytes += number(state["sinceStart"], "resultBytes")
        self.restarts += number(state["sinceStart"], "workerRestarts")

        let workers = state["workers"]
        if let wanted = workers?["wanted"]?.double { self.workersWanted = (self.workersWanted ?? 0) + wanted }
        if let running = workers?["running"]?.double { self.workersRunning = (self.workersRunning ?? 0) + running }
        self.busy += number(workers, "busy")
        self.busyOnAverage += number(workers, "busyOnAverage")
        self.jobsPerSecond += number(workers, "jobsPerSecond")
        self.waitSum += number(workers, "meanWaitSeconds") * number(workers, "jobsPerSecond")
        self.serviceSum += number(workers, "meanServiceSeconds") * number(workers, "jobsPerSecond")
        self.refusedPerSecond += number(workers, "refusedPerSecond")
        self.queued += number(workers, "queued")
        self.queueLimit += number(workers, "queueLimit")
        self.sandbox = workers?["sandbox"]?.string ?? self.sandbox
        for (tier, cache) in state["caches"]?.members ?? [] {
            for (can, use) in [("canRead", "reading"), ("canWrite", "writing")] where cache[can]?.isTrue == false {
                self.leftAlone[tier, default: []].insert(use)
            }
        }
    }

    private mutating func addLastMinute(_ minute: JSON?) {
        guard let minute, let seconds = minute["seconds"]?.double, seconds > 0 else { return }
        func rate(_ value: JSON?) -> Double { (value?.double ?? 0) / seconds }
        for (name, count) in minute["outcomes"]?.members ?? [] { self.rates[name, default: 0] += rate(count) }
        for (name, count) in minute["errors"]?.members ?? [] { self.errorRates[name, default: 0] += rate(count) }
        for (name, count) in minute["fetches"]?.members ?? [] { self.fetchRates[name, default: 0] += rate(count) }
        for (name, tier) in minute["lookups"]?.members ?? [] {
            self.lookupRates[name, default: (0, 0)].hits += rate(tier["hits"])
            self.lookupRates[name, default: (0, 0)].misses += rate(tier["misses"])
        }
        self.clientBytesRate += rate(minute["clientBytes"])
        self.originBytesRate += rate(minute["originBytes"])
        for (name, stage) in minute["stages"]?.members ?? [] {
            let counts = stage["counts"]?.elements.map { UInt64(max(0, $0.double ?? 0)) } ?? []
            self.stages[name, default: Histogram()].add(
                Histogram(counts: counts, sum: stage["sum"]?.double ?? 0))
            self.stageRates[name, default: 0] += rate(stage["count"])
        }
    }

    var requestRate: Double { self.rates.values.reduce(0, +) }

    /// Of those that a cache could have answered; nil without any.
    static func hitRatio(_ outcomes: [String: Double]) -> Double? {
        let hits = Metrics.Outcome.hits.reduce(0) { $0 + (outcomes[$1.rawValue] ?? 0) }
        let all = outcomes.values.reduce(0, +) - (outcomes[Metrics.Outcome.error.rawValue] ?? 0)
        return all > 0 ? hits / all : nil
    }

    /// - Parameter units: workers that are running as units, when no front starts any.
    func advice(units: Int?) -> WorkerAdvice {
        WorkerAdvice(
            load: LoadMeter.Load(
                busyWorkers: self.busyOnAverage, jobsPerSecond: self.jobsPerSecond,
                refusedPerSecond: self.refusedPerSecond,
                serviceTime: self.jobsPerSecond > 0 ? self.serviceSum / self.jobsPerSecond : 0,
                waitingTime: self.jobsPerSecond > 0 ? self.waitSum / self.jobsPerSecond : 0),
            workers: self.workersWanted.map { Int($0) } ?? units, cores: CurrentProcess.cores)
    }
}
