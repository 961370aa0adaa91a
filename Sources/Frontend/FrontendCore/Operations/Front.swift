// SPDX-License-Identifier: Apache-2.0

public import EventLoop
internal import Glibc
internal import ImageJob
public import Platform
internal import Telemetry

/// The whole front: its parts, in the order in which they are made and unmade.
@LoopActor
public final class Front {
    private var configuration: Configuration
    /// What the program was called with, to be read again.
    private let arguments: [String]
    private let supervisor: WorkerSupervisor?
    private let dispatcher: JobDispatcher
    private let fetcher: Fetcher
    private let cache: CacheTiers
    private let origins: OriginStore
    private let transformer: Transformer
    private let service: Service
    private let server: HTTPServer
    private let admin: HTTPServer?
    private let report: StatusReport
    private let metrics: Metrics
    private let accessLog: AccessLog
    private let manager: ServiceManager
    private var watchdog: LoopTimer?
    private var history: LoopTimer?
    private var signals: [SignalWatcher] = []
    private var isStopping = false

    /// What entries on their way to a cache get after the last request.
    private static let writeTime = Duration.seconds(5)

    /// - Parameter arguments: without the program's name; what SIGHUP reads again.
    /// - Throws: one line that says what is wrong and what to do.
    public init(
        _ configuration: Configuration, arguments: [String] = [], manager: ServiceManager
    ) throws(UsageError) {
        self.configuration = configuration
        self.arguments = arguments
        self.manager = manager
        let sample: SamplePhoto? = if let file = configuration.samplePhoto { try SamplePhoto(file: file) } else { nil }
        let metrics = Metrics()
        self.metrics = metrics
        let accessLog = try AccessLog(file: configuration.accessLogFile)
        self.accessLog = accessLog
        metrics.onScrape { Self.loopGauges(metrics, accessLog) }
        self.supervisor =
            configuration.jobsSockets.isEmpty ? try WorkerSupervisor(configuration, metrics: metrics) : nil
        self.fetcher = Fetcher(configuration)
        let rules = OriginRules(configuration)
        self.cache = try CacheTiers(configuration, rules: rules, metrics: metrics)
        let poison = PoisonList(shared: self.cache.fleet?.client, seal: Seal(configuration))
        self.dispatcher = JobDispatcher(
            socketPaths: self.supervisor.map { [$0.socketPath] } ?? configuration.jobsSockets,
            maxQueue: configuration.maxQueue, maxWait: configuration.maxQueueWait,
            requirement: configuration.requireSandbox, poison: poison, metrics: metrics)
        let fetcher = self.fetcher
        let origins = OriginStore(rules: rules, cache: self.cache, sample: sample) { url, fields, validated in
            let started = ContinuousClock.now
            let trace = RequestTrace.current
            defer { trace?.add(.fetch, .now - started) }
            do {
                let fields = trace?.carried(by: fields) ?? fields
                let answer = try await fetcher.fetch(url, headers: fields, validatorsOf: validated)
                metrics.fetched(
                    answer.status == 304 ? "not_modified" : "ok", isError: false, bytes: answer.body.count,
                    after: .now - started)
                return answer
            } catch let error as FetchError {
                metrics.fetched(error.kind, isError: true, bytes: 0, after: .now - started)
                throw error
            }
        }
        self.origins = origins
        let transformer = Transformer(
            configuration: configuration, dispatcher: self.dispatcher, poison: poison)
        self.transformer = transformer
        let pipeline = RequestPipeline(
            policy: configuration.onTransformError, origins: origins, cache: self.cache,
            admit: { try transformer.admit() }
        ) { original, options in
            let started = ContinuousClock.now
            // By the bytes, never by an origin's word: labels must be few.
            let source = original.body.format?.optionWord ?? "other"
            defer { RequestTrace.current?.add(.transform, .now - started) }
            do {
                let variant = try await transformer.variant(of: original, options)
                metrics.transformed(
                    from: source, to: String(variant.contentType.dropFirst("image/".count)), end: "ok",
                    bytes: (original.body.count, variant.body.count), after: .now - started)
                return variant
            } catch let error as UntransformableError {
                metrics.transformed(from: source, to: "", end: error.reason, bytes: nil, after: .now - started)
                throw error
            }
        }
        self.service = Service(
            configuration: configuration, pipeline: pipeline, sample: sample, metrics: metrics, accessLog: accessLog)
        let service = self.service
        var limits = HTTPServerLimits()
        limits.connectionsPerClient = configuration.maxConnectionsPerClient
        limits.trustedProxies = configuration.trustedProxies
        self.server = HTTPServer(limits: limits, methods: HTTPServer.usualMethods) { head, peer, date in
            service.repeatedAnswer(head, peer, date)
        } handler: {
            await service.answer($0)
        }
        self.server.onRefusal = { metrics.refused($0) }
        self.report = StatusReport(
            metrics: metrics, server: self.server, dispatcher: self.dispatcher, supervisor: self.supervisor,
            cache: self.cache, address: configuration.address)
        service.report = self.report
        let admin = AdminService(
            configuration, report: self.report, metrics: metrics, supervisor: self.supervisor,
            purges: self.cache.purges, versions: VersionReport(dispatcher: self.dispatcher))
        self.admin =
            configuration.adminAddresses.isEmpty
            ? nil : HTTPServer(methods: AdminService.methods) { await admin.answer($0) }
    }

    private static func loopGauges(_ metrics: Metrics, _ accessLog: AccessLog) -> [Metrics.Gauge] {
        [
            Metrics.Gauge(name: .loopLag, value: metrics.longestTurn / .seconds(1)),
            Metrics.Gauge(name: .accessLinesDropped, value: Double(accessLog.dropped)),
        ]
    }

    private convenience init(
        started configuration: Configuration, arguments: [String], manager: ServiceManager
    ) throws(UsageError) {
        try self.init(configuration, arguments: arguments, manager: manager)
        try self.start()
    }

    /// Starts everything. After this the loop runs until a signal ends it.
    public func start() throws(UsageError) {
        signal(SIGPIPE, SIG_IGN)
        // A file that may not grow any more is a cache that is full, and no reason to end.
        signal(SIGXFSZ, SIG_IGN)
        CurrentProcess.raiseFileLimit()
        let address = try self.listen()
        try self.supervisor?.start()
        self.signals = [SIGTERM, SIGINT].map { number in
            SignalWatcher(number) { [unowned self] in self.stop() }
        }
        // A terminal that is closed sends it, too, and means the end.
        let isForeground = isatty(STDIN_FILENO) == 1
        self.signals.append(
            SignalWatcher(SIGHUP) { [unowned self] in
                if isForeground { self.stop() } else { self.reload() }
            })
        print("imageproxy listening on \(address)")
        fflush(nil)
        self.manager.ready("listening on \(address)")
        self.history = LoopTimer(after: Metrics.historyInterval, every: Metrics.historyInterval) { [metrics, service] in
            metrics.remember()
            service.failures.reportLeftOut()
        }
        if let interval = self.manager.watchdogInterval {
            // From the loop itself: a loop that hangs is what the watchdog is for.
            self.watchdog = LoopTimer(after: .zero, every: interval / 3) { [unowned self] in self.manager.keepAlive() }
        }
    }

    /// Opens what is listened on: the sockets that were passed, else the configured address.
    ///
    /// - Returns: how to call it.
    private func listen() throws(UsageError) -> String {
        do throws(LoopError) {
            for address in self.configuration.adminAddresses { try self.admin?.listen(address) }
            guard self.manager.sockets.isEmpty else {
                for socket in self.manager.sockets { try self.server.listen(onDescriptor: socket.descriptor) }
                return self.manager.sockets.count == 1 ? "the socket passed at start" : "the sockets passed at start"
            }
            let address = self.configuration.address
            try self.server.listen(address)
            // Port 0 was a question: this is the answer.
            return address.hasSuffix(":0") ? address.dropLast() + "\(self.server.port)" : address
        } catch {
            throw UsageError(description: "listen failed: \(error)", exitStatus: 1)
        }
    }

    /// Reads all settings again. What is wrong changes nothing.
    private func reload() {
        guard !self.isStopping else { return }
        self.manager.reloading()
        do throws(UsageError) {
            let (settings, ignored) = try Reload.read(
                self.arguments, environment: Self.environment(), over: self.configuration)
            self.configuration = settings
            self.apply(settings)
            self.metrics.reloaded(isRefused: false)
            let rest = ignored.isEmpty ? "" : "; \(ignored.joined(separator: ", ")) changed, too, which needs a restart"
            Log.line("settings read anew" + rest)
            self.manager.ready("settings read anew" + rest)
        } catch {
            self.metrics.reloaded(isRefused: true)
            Log.line("the old settings stay: \(error)")
            self.manager.ready("the old settings stay: \(error)")
        }
    }

    private func apply(_ configuration: Configuration) {
        Log.setVerbose(configuration.verbose)
        Log.setFormat(configuration.logFormat, namesRequests: configuration.accessLog)
        do throws(UsageError) { try self.accessLog.open(configuration.accessLogFile) } catch {
            Log.line("the access log stays where it was: \(error)")
        }
        let rules = OriginRules(configuration)
        self.origins.rules = rules
        self.cache.admits = { rules.admits($0) }
        self.fetcher.settings = FetchSettings(configuration)
        self.transformer.configuration = configuration
        self.dispatcher.queueLimit = configuration.maxQueue
        self.service.apply(configuration)
    }

    /// Finishes what was accepted, then ends the loop. A second signal ends it at once.
    private func stop() {
        guard !self.isStopping else { exit(1) }
        self.isStopping = true
        Log.line("stopping: \(self.server.connectionCount) connections open")
        self.manager.stopping()
        spawn {
            self.server.beginDraining()
            if self.configuration.drainDelay > .zero { try? await sleep(for: self.configuration.drainDelay) }
            await self.server.drain(atMost: self.configuration.drainTimeout)
            await self.admin?.drain(atMost: .zero)
            self.dispatcher.close()
            self.fetcher.close()
            await self.cache.close(atMost: Self.writeTime)
            await self.supervisor?.stop()
            await self.accessLog.finish(atMost: Self.writeTime)
            for watcher in self.signals { watcher.stop() }
            self.watchdog?.stop()
            self.history?.stop()
            Loop.shared.stop()
        }
    }

    /// Reads the command line and runs the service; the program's whole life.
    ///
    /// - Parameter arguments: with the program's name.
    /// - Returns: the exit status.
    public nonisolated static func main(_ arguments: [String]) -> Int32 {
        do throws(UsageError) {
            let outcome = try CommandLineReader.read(
                Array(arguments.dropFirst()), program: arguments.first ?? "imageproxy", environment: Self.environment())
            switch outcome {
            case .answered(let text, let exitStatus):
                print(text, terminator: "")
                return exitStatus
            case .run(let configuration): return try Self.run(configuration, Array(arguments.dropFirst()))
            }
        } catch {
            var line = "imageproxy: \(error)\n"
            line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
            return error.exitStatus
        }
    }

    private nonisolated static func run(
        _ configuration: Configuration, _ arguments: [String]
    ) throws(UsageError) -> Int32 {
        CurrentProcess.hideMemory()
        var configuration = configuration
        if configuration.workers == 0 { configuration.workers = CurrentProcess.cores }
        Log.setVerbose(configuration.verbose)
        Log.setFormat(configuration.logFormat, namesRequests: configuration.accessLog)
        for mistake in ConfigurationReport.mistakes(configuration.access) { Log.line("warning: \(mistake)") }
        let manager = ServiceManager()
        Loop.shared.bind()
        let started = LoopActor.assumeIsolated {
            Result { () throws(UsageError) in
                try Front(started: configuration, arguments: arguments, manager: manager)
            }
        }
        let front = try started.get()
        Loop.shared.run()
        let leaked = Loop.shared.shutDown()
        withExtendedLifetime(front) {}
        if leaked > 0 { Log.line("\(leaked) handles of the loop were left open; this is a bug") }
        return leaked == 0 ? 0 : 3
    }

    private nonisolated static func environment() -> [(name: String, value: String)] {
        var variables: [(String, String)] = []
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2 { variables.append((String(pair[0]), String(pair[1]))) }
            entry += 1
        }
        return variables
    }
}
