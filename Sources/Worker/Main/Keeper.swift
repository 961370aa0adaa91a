// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import ImageJob
internal import JobRunner
internal import Platform
internal import Sandbox
internal import WorkerProtocol

/// Accepts connections, one at a time, and has a child of its own for each. Trusted, and never reads what the front or a
/// child sends: it says hello, watches the clock, and reports.
struct Keeper: ~Copyable {
    private let jobs: PacketSocket
    private let watch: ConnectionWatch
    private let null: Int32
    private let arguments: WorkerArguments
    private var sandbox: Sandbox
    private let manager: ServiceManager
    private var hasMetForeigner = false

    init(
        jobs: consuming PacketSocket, watch: consuming ConnectionWatch, null: Int32, arguments: WorkerArguments,
        sandbox: consuming Sandbox, manager: ServiceManager
    ) {
        self.jobs = jobs
        self.watch = watch
        self.null = null
        self.arguments = arguments
        self.sandbox = sandbox
        self.manager = manager
    }

    consuming func run() -> Never {
        self.sandbox.restrictKeeper()
        // The change of uid has cleared it.
        Fork.dieWithParent()
        // pid 1 of a namespace gets only those signals from outside that it has a handler for.
        signal(SIGTERM) { _ in mustStop = 1 }
        signal(SIGPIPE, SIG_IGN)
        JobRunner.warmUp()
        Child.rehearse()
        // While all libraries are there to be asked.
        let hello = Hello(
            sandbox: self.sandbox.layers, decodes: ImageFormatSet(JobRunner.decodedFormats).rawValue,
            encodes: ImageFormatSet(JobRunner.encodedFormats).rawValue, versions: WorkerProgram.versions
        ).encoded()
        JobRunner.prepareForks()
        if !self.sandbox.filterKeeper() {
            WorkerProgram.say(
                "the kernel refused the filter of system calls for the process that forks, so it has one layer less; "
                    + "those that read pictures keep theirs")
        }

        self.manager.ready("sandbox: \(self.sandbox.layers)")
        let interval = self.manager.watchdogInterval.map { $0 / 3 }
        while mustStop == 0 {
            self.manager.keepAlive()
            switch self.watch.wait(atMost: interval) {
            case .interrupted, .timePassed: continue
            case .lifelineEnded: Fork.exit(0)
            case .connection:
                // Another keeper may have been faster.
                guard let connection = try? self.jobs.accept() else { continue }
                self.serve(connection, hello)
            }
        }
        Fork.exit(0)
    }

    private mutating func serve(_ connection: borrowing PacketSocket, _ hello: [UInt8]) {
        // A front that is gone, or has changed its mind, has hung up already: that costs no fork.
        guard (try? connection.send(hello)) != nil, !connection.hasHungUp else { return }

        let pid = Fork.fork()
        if pid == 0 { Child.run(connection: connection.number, null: self.null, self.arguments, self.sandbox) }
        guard pid > 0, let child = try? ChildProcess(forked: pid) else { return }
        let (end, killed) = self.waitForEnd(of: child, connection.number)
        let how: Report.End =
            if let killed { killed } else if end.signal != 0 {
                .signalled(UInt8(clamping: end.signal))
            } else {
                .exited(UInt8(clamping: end.exitCode))
            }
        if how == .exited(Child.foreignStatus) { self.noteForeigner() }
        // The front may have hung up after its reply: then nobody needs the report.
        try? connection.send(Report(end: how, cpuTime: end.cpuTime, peakMemoryKB: end.peakMemoryKB).encoded())
    }

    /// Said once, however many jobs such a front sends.
    private mutating func noteForeigner() {
        guard !self.hasMetForeigner else { return }
        self.hasMetForeigner = true
        WorkerProgram.say(
            "refused a front that speaks another version of the worker protocol, this worker speaks \(protocolVersion): "
                + "install the same release of imageproxy and imageproxy-worker, and restart both")
    }

    /// Waits for the child's end, and brings it about when its time is over or nobody waits for it any more.
    private func waitForEnd(
        of child: borrowing ChildProcess, _ connection: Int32
    ) -> (end: ChildProcess.End, killed: Report.End?) {
        let deadline = CurrentProcess.monotonicNanoseconds + self.arguments.jobTimeout * 1_000_000
        var killed: Report.End?
        while true {
            let now = CurrentProcess.monotonicNanoseconds
            self.manager.keepAlive()
            let left = deadline > now ? Int32(clamping: (deadline - now) / 1_000_000 + 1) : 0
            let turn = self.manager.watchdogInterval.map { Int32(clamping: Int64($0 / 3 / .milliseconds(1))) } ?? .max
            // Once killed, a connection that hung up stays so and would only wake this loop again and again.
            let (hasEnded, hasHungUp) = child.wait(
                orHangUpOf: killed == nil ? connection : nil, atMost: killed == nil ? min(left, turn) : nil)
            if hasEnded, let end = child.reap(waits: true) { return (end, killed) }
            guard killed == nil else { continue }
            if hasHungUp {
                killed = .killedForFront
            } else if CurrentProcess.monotonicNanoseconds >= deadline {
                killed = .killedAtDeadline
            }
            if killed != nil { child.send(SIGKILL) }
        }
    }
}

/// Set by SIGTERM.
nonisolated(unsafe) private var mustStop: sig_atomic_t = 0
