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
    private let startedAt = time(nil)
    private let address: String

    init(
        metrics: Metrics, server: HTTPServer, dispatcher: JobDispatcher, supervisor: WorkerSupervisor?, address: String
    ) {
        self.metrics = metrics
        self.server = server
        self.dispatcher = dispatcher
        self.supervisor = supervisor
        self.address = address
        metrics.onScrape { [unowned self] in self.gauges() }
    }

    /// Why this front should be given no new requests; nil when it should.
    var unreadiness: String? {
        if self.server.isDraining { return "draining" }
        if !self.dispatcher.isReachable { return "no workers can be reached" }
        if let supervisor, supervisor.running == 0 { return "no worker is running" }
        if self.dispatcher.isFull { return "the queue of jobs is full" }
        return nil
    }

    func json() -> JSON {
        let load = self.dispatcher.load()
        let wanted = self.supervisor?.wanted
        return .object([
            ("version", .string(Version.text)), ("pid", .integer(getpid())), ("address", .string(self.address)),
            ("uptimeSeconds", .integer(time(nil) - self.startedAt)),
            ("ready", .bool(self.unreadiness == nil)),
            ("notReadyBecause", self.unreadiness.map { .string($0) } ?? .null),
            ("connections", .integer(self.server.connectionCount)),
            ("requestsInFlight", .integer(self.metrics.inFlight)),
            (
                "workers",
                .object([
                    ("wanted", wanted.map { .integer($0) } ?? .null),
                    ("running", self.supervisor.map { .integer($0.running) } ?? .null),
                    ("busy", .integer(self.dispatcher.running)), ("queued", .integer(self.dispatcher.queued)),
                    ("sandbox", self.dispatcher.sandbox.map { .string("\($0)") } ?? .null),
                    ("busyOnAverage", .number(load.busyWorkers)), ("jobsPerSecond", .number(load.jobsPerSecond)),
                    ("meanServiceSeconds", .number(load.serviceTime)), ("meanWaitSeconds", .number(load.waitingTime)),
                    ("advised", .integer(load.advisedWorkers)), ("advice", .string(Self.advice(load, wanted: wanted))),
                ])
            ),
            (
                "outcomes",
                .object(Metrics.Outcome.allCases.map { ($0.rawValue, .integer(self.metrics.count(of: $0))) })
            ),
            (
                "stages",
                .object(
                    Metrics.Stage.allCases.map { stage in
                        let (p50, p99) = self.metrics.quantiles(of: stage)
                        return (stage.rawValue, .object([("p50", .optional(p50)), ("p99", .optional(p99))]))
                    })
            ),
            (
                "gauges",
                .object(
                    self.metrics.currentGauges().map { gauge in
                        (gauge.name.rawValue + (gauge.labels.isEmpty ? "" : "{\(gauge.labels)}"), .number(gauge.value))
                    })
            ),
        ])
    }

    /// The advice in a sentence, with its reason.
    static func advice(_ load: LoadMeter.Load, wanted: Int?) -> String {
        func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
        let why =
            "over the last minute \(tenths(load.busyWorkers)) workers were busy on average and a job waited "
            + "\(Int((load.waitingTime * 1000).rounded())) ms"
        guard let wanted else { return "\(load.advisedWorkers) workers would be four fifths busy: \(why)" }
        if load.advisedWorkers > wanted { return "\(load.advisedWorkers) workers rather than \(wanted): \(why)" }
        return "\(wanted) workers are enough: \(why)"
    }

    private func gauges() -> [Metrics.Gauge] {
        let load = self.dispatcher.load()
        var gauges = [
            Metrics.Gauge(name: .connections, value: Double(self.server.connectionCount)),
            Metrics.Gauge(name: .jobsQueued, value: Double(self.dispatcher.queued)),
            Metrics.Gauge(name: .jobsRunning, value: Double(self.dispatcher.running)),
            Metrics.Gauge(name: .workersWanted, value: Double(self.supervisor?.wanted ?? 0)),
            Metrics.Gauge(name: .workersRunning, value: Double(self.supervisor?.running ?? 0)),
            Metrics.Gauge(name: .workersAdvised, value: Double(load.advisedWorkers)),
            Metrics.Gauge(name: .buildInfo, labels: "version=\"\(Version.text)\"", value: 1),
        ]
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
