// SPDX-License-Identifier: Apache-2.0

public import EventLoop
internal import Glibc
internal import ImageJob
public import Platform

/// The whole front: its parts, in the order in which they are made and unmade.
@LoopActor
public final class Front {
    private let configuration: Configuration
    private let supervisor: WorkerSupervisor?
    private let dispatcher: JobDispatcher
    private let fetcher: Fetcher
    private let cache: CacheTiers
    private let server: HTTPServer
    private let admin: HTTPServer?
    private let report: StatusReport
    private let metrics: Metrics
    private let manager: ServiceManager
    private var watchdog: LoopTimer?
    private var history: LoopTimer?
    private var signals: [SignalWatcher] = []
    private var isStopping = false

    /// What running requests get at the end.
    private static let drainTime = Duration.seconds(20)
    /// What entries on their way to a cache get after that.
    private static let writeTime = Duration.seconds(5)

    /// - Throws: one line that says what is wrong and what to do.
    public init(_ configuration: Configuration, manager: ServiceManager) throws(UsageError) {
        self.configuration = configuration
        self.manager = manager
        let sample: SamplePhoto? = if let file = configuration.samplePhoto { try SamplePhoto(file: file) } else { nil }
        let metrics = Metrics()
        self.metrics = metrics
        self.supervisor = configuration.jobsSocket == nil ? try WorkerSupervisor(configuration, metrics: metrics) : nil
        self.fetcher = Fetcher(configuration)
        let rules = OriginRules(configuration)
        self.cache = try CacheTiers(configuration, rules: rules, metrics: metrics)
        let poison = PoisonList(shared: self.cache.redis, seal: Seal(configuration))
        self.dispatcher = JobDispatcher(
            socketPath: configuration.jobsSocket ?? self.supervisor?.socketPath ?? "",
            maxQueue: configuration.maxQueue, maxWait: configuration.maxQueueWait,
            requirement: configuration.requireSandbox, poison: poison, metrics: metrics)
        let fetcher = self.fetcher
        let origins = OriginStore(rules: rules, cache: self.cache, sample: sample) { url, fields, validated in
            let started = ContinuousClock.now
            do {
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
        let transformer = Transformer(
            configuration: configuration, dispatcher: self.dispatcher, poison: poison)
        let pipeline = RequestPipeline(
            policy: configuration.onTransformError, origins: origins, cache: self.cache,
            admit: { try transformer.admit() }
        ) { original, options in
            let started = ContinuousClock.now
            // By the bytes, never by an origin's word: labels must be few.
            let source = original.body.withSpan { ImageFormat(magic: $0)?.optionWord } ?? "other"
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
        let service = Service(configuration: configuration, pipeline: pipeline, sample: sample, metrics: metrics)
        var limits = HTTPServerLimits()
        limits.connectionsPerClient = configuration.maxConnectionsPerClient
        limits.trustedProxies = configuration.trustedProxies
        self.server = HTTPServer(limits: limits) { await service.answer($0) }
        self.report = StatusReport(
            metrics: metrics, server: self.server, dispatcher: self.dispatcher, supervisor: self.supervisor,
            cache: self.cache, address: configuration.address)
        let admin = AdminService(report: self.report, metrics: metrics, supervisor: self.supervisor)
        self.admin =
            configuration.adminAddresses.isEmpty
            ? nil : HTTPServer(methods: ["GET", "HEAD", "OPTIONS", "PUT"]) { await admin.answer($0) }
    }

    private convenience init(
        started configuration: Configuration, manager: ServiceManager
    ) throws(UsageError) {
        try self.init(configuration, manager: manager)
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
        print("imageproxy listening on \(address)")
        fflush(nil)
        self.manager.ready("listening on \(address)")
        self.history = LoopTimer(after: Metrics.historyInterval, every: Metrics.historyInterval) { [metrics] in
            metrics.remember()
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

    /// Finishes what was accepted, then ends the loop. A second signal ends it at once.
    private func stop() {
        guard !self.isStopping else { exit(1) }
        self.isStopping = true
        Log.line("stopping: \(self.server.connectionCount) connections open")
        self.manager.stopping()
        spawn {
            await self.server.drain(atMost: Self.drainTime)
            await self.admin?.drain(atMost: .zero)
            self.dispatcher.close()
            self.fetcher.close()
            await self.cache.close(atMost: Self.writeTime)
            await self.supervisor?.stop()
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
            case .run(let configuration): return try Self.run(configuration)
            }
        } catch {
            var line = "imageproxy: \(error)\n"
            line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
            return error.exitStatus
        }
    }

    private nonisolated static func run(_ configuration: Configuration) throws(UsageError) -> Int32 {
        CurrentProcess.hideMemory()
        var configuration = configuration
        if configuration.workers == 0 { configuration.workers = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
        Log.setVerbose(configuration.verbose)
        for mistake in ConfigurationReport.mistakes(configuration.access) { Log.line("warning: \(mistake)") }
        let manager = ServiceManager()
        Loop.shared.bind()
        let started = LoopActor.assumeIsolated {
            Result { () throws(UsageError) in try Front(started: configuration, manager: manager) }
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
