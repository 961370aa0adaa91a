// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Glibc
internal import Platform
internal import Telemetry
internal import WorkerProtocol

/// What an operator wants to know of a running front, gathered when asked for.
@LoopActor
final class StatusReport {
    private let metrics: Metrics
    private let server: HTTPServer
    private let dispatcher: JobDispatcher
    private let supervisor: WorkerSupervisor?
    private let cache: CacheTiers
    private let startedAt = time(nil)
    private let address: String

    init(
        metrics: Metrics, server: HTTPServer, dispatcher: JobDispatcher, supervisor: WorkerSupervisor?,
        cache: CacheTiers, address: String
    ) {
        self.metrics = metrics
        self.server = server
        self.dispatcher = dispatcher
        self.supervisor = supervisor
        self.cache = cache
        self.address = address
        metrics.onScrape { [unowned self] in self.gauges() }
    }

    /// Why this front should be given no new requests; nil when it should.
    var unreadiness: String? {
        if self.server.isDraining { return "draining" }
        if self.supervisor == nil { self.dispatcher.lookForWorkers() }
        if !self.dispatcher.isReachable { return "no workers can be reached" }
        if let rejection = self.dispatcher.rejectsWorkers { return rejection }
        if let supervisor, supervisor.running == 0 { return "no worker is running" }
        if self.dispatcher.isFull { return "the queue of jobs is full" }
        return nil
    }

    func json() -> JSON {
        .object([
            ("version", .string(Version.text)), ("pid", .integer(getpid())), ("address", .string(self.address)),
            ("uptimeSeconds", .integer(time(nil) - self.startedAt)),
            ("ready", .bool(self.unreadiness == nil)),
            ("notReadyBecause", self.unreadiness.map { .string($0) } ?? .null),
            ("connections", .integer(self.server.connectionCount)),
            ("requestsInFlight", .integer(self.metrics.inFlight)),
            ("workers", self.workers()),
            ("caches", self.caches()),
            ("lastMinute", self.lastMinute()),
            ("sinceStart", Self.counts(self.metrics.counters, since: Counters())),
            ("process", Self.process()),
        ])
    }

    private static func process() -> JSON {
        let usage = CurrentProcess.usage()
        return .object([
            ("cpuSeconds", .number(usage.cpuSeconds)), ("residentBytes", .integer(usage.residentBytes)),
            ("openDescriptors", .integer(usage.openDescriptors)),
            ("maximumDescriptors", .integer(usage.maximumDescriptors)),
        ])
    }

    private func workers() -> JSON {
        let load = self.dispatcher.load()
        let wanted = self.supervisor?.wanted
        return .object([
            ("wanted", wanted.map { .integer($0) } ?? .null),
            ("running", self.supervisor.map { .integer($0.running) } ?? .null),
            ("busy", .integer(self.dispatcher.running)), ("queued", .integer(self.dispatcher.queued)),
            ("queueLimit", .integer(self.dispatcher.queueLimit)),
            ("sandbox", self.dispatcher.sandbox.map { .string("\($0)") } ?? .null),
            ("busyOnAverage", .number(load.busyWorkers)), ("jobsPerSecond", .number(load.jobsPerSecond)),
            ("refusedPerSecond", .number(load.refusedPerSecond)),
            ("meanServiceSeconds", .number(load.serviceTime)), ("meanWaitSeconds", .number(load.waitingTime)),
            ("advised", .integer(load.advisedWorkers)),
            ("advice", .string(WorkerAdvice(load: load, workers: wanted, cores: CurrentProcess.cores).text)),
        ])
    }

    /// Places beyond this process's memory.
    private func caches() -> JSON {
        .object(
            self.cache.availability.sorted { $0.key < $1.key }.map { tier, state in
                (tier, .object([("canRead", .bool(state.canRead)), ("canWrite", .bool(state.canWrite))]))
            })
    }

    private func lastMinute() -> JSON {
        let (earlier, seconds) = self.metrics.minuteAgo()
        let now = self.metrics.counters
        let stages = Metrics.Stage.allCases.map { stage in
            (stage.rawValue, Self.histogram(now.stages[stage.index].since(earlier.stages[stage.index])))
        }
        return .object(
            [("seconds", .number(seconds))] + Self.counts(now, since: earlier).members + [("stages", .object(stages))])
    }

    private static func counts(_ now: Counters, since earlier: Counters) -> JSON {
        func difference(_ now: [String: UInt64], _ earlier: [String: UInt64]) -> JSON {
            .object(
                now.sorted { $0.key < $1.key }.map { name, count in (name, .integer(count - (earlier[name] ?? 0))) })
        }
        let tiers = Set(now.lookups.keys.map(\.tier)).sorted().map { tier in
            let (hits, misses) = (
                Counters.LookupKey(tier: tier, isHit: true), Counters.LookupKey(tier: tier, isHit: false)
            )
            return (
                tier,
                JSON.object([
                    ("hits", .integer((now.lookups[hits] ?? 0) - (earlier.lookups[hits] ?? 0))),
                    ("misses", .integer((now.lookups[misses] ?? 0) - (earlier.lookups[misses] ?? 0))),
                ])
            )
        }
        return .object([
            (
                "outcomes",
                .object(
                    Metrics.Outcome.allCases.map {
                        ($0.rawValue, .integer(now.count(of: $0) - earlier.count(of: $0)))
                    })
            ),
            ("errors", difference(now.errors, earlier.errors)),
            ("fetches", difference(now.fetches, earlier.fetches)),
            ("lookups", .object(tiers)),
            ("clientBytes", .integer(now.clientBytes - earlier.clientBytes)),
            ("originBytes", .integer(now.originBytes - earlier.originBytes)),
            ("sourceBytes", .integer(now.sourceBytes - earlier.sourceBytes)),
            ("resultBytes", .integer(now.resultBytes - earlier.resultBytes)),
            ("workerRestarts", .integer(now.restarts - earlier.restarts)),
        ])
    }

    /// With its counts, so that those of several fronts can be put together.
    private static func histogram(_ histogram: Histogram) -> JSON {
        .object([
            ("count", .integer(histogram.count)), ("p50", .optional(histogram.quantile(0.5))),
            ("p99", .optional(histogram.quantile(0.99))), ("sum", .number(histogram.sum)),
            ("counts", .array(histogram.counts.map { .integer($0) })),
        ])
    }

    private func gauges() -> [Metrics.Gauge] {
        let load = self.dispatcher.load()
        var gauges = [
            Metrics.Gauge(name: .connections, value: Double(self.server.connectionCount)),
            Metrics.Gauge(name: .ready, value: self.unreadiness == nil ? 1 : 0),
            Metrics.Gauge(name: .jobsQueued, value: Double(self.dispatcher.queued)),
            Metrics.Gauge(name: .jobsQueueLimit, value: Double(self.dispatcher.queueLimit)),
            Metrics.Gauge(name: .jobsRunning, value: Double(self.dispatcher.running)),
            Metrics.Gauge(name: .workersWanted, value: Double(self.supervisor?.wanted ?? 0)),
            Metrics.Gauge(name: .workersRunning, value: Double(self.supervisor?.running ?? 0)),
            Metrics.Gauge(name: .workersBusy, value: load.busyWorkers),
            Metrics.Gauge(name: .workersAdvised, value: Double(load.advisedWorkers)),
            Metrics.Gauge(name: .buildInfo, labels: "version=\"\(Version.text)\"", value: 1),
        ]
        for (index, use) in self.cache.memoryUse.enumerated() {
            let label = "cache=\"memory\(index == 0 ? "" : "\(index + 1)")\""
            gauges.append(Metrics.Gauge(name: .cacheEntries, labels: label, value: Double(use.entries)))
            gauges.append(Metrics.Gauge(name: .cacheBytes, labels: label, value: Double(use.bytes)))
        }
        for (tier, state) in self.cache.availability {
            for (use, can) in [("reading", state.canRead), ("writing", state.canWrite)] {
                gauges.append(
                    Metrics.Gauge(
                        name: .cacheAvailable, labels: "tier=\"\(tier)\",use=\"\(use)\"", value: can ? 1 : 0))
            }
        }
        if let layers = self.dispatcher.sandbox {
            gauges += SandboxLayers.named.map { layer, name in
                Metrics.Gauge(
                    name: .sandboxLayers, labels: "layer=\"\(name)\"", value: layers.contains(layer) ? 1 : 0)
            }
        }
        let usage = CurrentProcess.usage()
        gauges += [
            Metrics.Gauge(name: .processCPU, value: usage.cpuSeconds),
            Metrics.Gauge(name: .processMemory, value: Double(usage.residentBytes)),
            Metrics.Gauge(name: .processDescriptors, value: Double(usage.openDescriptors)),
            Metrics.Gauge(name: .processMaxDescriptors, value: Double(usage.maximumDescriptors)),
            Metrics.Gauge(name: .processStart, value: Double(self.startedAt)),
        ]
        return gauges
    }
}
