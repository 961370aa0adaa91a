// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Glibc
internal import Platform

/// Starts worker processes and keeps their number: what ends is replaced.
///
/// Used by the front that brings its own workers. Under systemd, or with workers in containers, somebody else does this,
/// and the front only knows their socket.
@LoopActor
final class WorkerSupervisor {
    /// One place for a worker: a launcher, or the wait for the next one.
    private final class Slot {
        var process: ChildProcess?
        var poller: Poller?
        var restart: LoopTimer?
        /// Runs while the launcher is stopped.
        var stopped: LoopTimer?
        var startedAt = ContinuousClock().now
        /// Ends in quick succession; they slow the next start down.
        var quickEnds = 0
    }

    private static let longestBackoff = Duration.seconds(5)
    /// A worker that lived longer than this did not end because of how it was started.
    private static let quick = Duration.seconds(2)
    /// A worker that somebody kills again and again is back after this.
    private static let pause = Duration.milliseconds(50)
    /// Whoever has stopped a launcher has this long to let it go on. (The launcher says the same of its keeper.)
    private static let patience = Duration.seconds(10)

    private let program: String
    private let configuration: Configuration
    private let metrics: Metrics
    private let jobs: PacketSocket
    /// The jobs socket's file, which has no path any more.
    private let place: OwnedDescriptor
    /// The workers hold the other end, and end when this one is closed.
    private let lifeline: Pipe
    private var slots: [Slot] = []
    /// Workers that were told to end and are finishing their picture.
    private var retiring: [Slot] = []
    private var isStopping = false
    /// Tells of children that end, and of those that are stopped.
    private var changes: SignalWatcher?

    /// Where jobs are handed out, for this process alone.
    let socketPath: String

    /// Makes the jobs socket in a directory that only this user can enter, and takes both away again: a front that is
    /// killed leaves nothing behind, and nobody else can connect.
    ///
    /// - Throws: one line that says what is wrong.
    init(_ configuration: Configuration, metrics: Metrics) throws(UsageError) {
        self.configuration = configuration
        self.metrics = metrics
        self.program = configuration.workerProgram ?? Self.programBeside(CommandLine.arguments[0])
        guard access(self.program, X_OK) == 0 else {
            throw UsageError(
                description: "cannot run the worker program \(self.program): \(String(cString: strerror(errno)));"
                    + " build it, or name it with -workerProgram", exitStatus: 1)
        }
        var template = Array("/tmp/imageproxy-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            let reason = String(cString: strerror(errno))
            throw UsageError(description: "no directory for the jobs socket: \(reason)", exitStatus: 1)
        }
        let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let path = directory + "/jobs.sock"
        defer {
            unlink(path)
            rmdir(directory)
        }
        do throws(SystemError) {
            self.jobs = try PacketSocket.listen(path: path, backlog: 1024)
            self.place = try OwnedDescriptor.place(of: path)
            self.lifeline = try Pipe()
        } catch {
            throw UsageError(description: "\(error)", exitStatus: 1)
        }
        self.socketPath = "/proc/self/fd/\(self.place.number)"
        guard access(self.socketPath, F_OK) == 0 else {
            throw UsageError(
                description: "no /proc, through which the front reaches its workers: mount it, or use -jobsSocket",
                exitStatus: 1)
        }
    }

    /// Starts all of them.
    ///
    /// - Throws: when the first one cannot be started at all; later failures are retried.
    func start() throws(UsageError) {
        self.changes = SignalWatcher(SIGCHLD) { [unowned self] in self.lookForStopped() }
        for _ in 0..<self.configuration.workers {
            let slot = Slot()
            self.slots.append(slot)
            do throws(SystemError) {
                try self.launch(in: slot)
            } catch {
                throw UsageError(description: "\(error)", exitStatus: 1)
            }
        }
    }

    /// Changes how many workers there are. Those that are too many finish the picture they are at; what waits in the
    /// queue is for the others.
    func resize(to number: Int) {
        guard !self.isStopping, number != self.slots.count, number > 0 else { return }
        Log.line("\(WorkerAdvice.workers(number)) instead of \(self.slots.count), as the operator wants")
        while self.slots.count < number {
            let slot = Slot()
            self.slots.append(slot)
            self.restart(slot, after: .zero)
        }
        while self.slots.count > number {
            let slot = self.slots.removeLast()
            slot.restart?.stop()
            slot.restart = nil
            guard slot.process != nil else { continue }
            slot.process?.send(SIGTERM)
            self.retiring.append(slot)
        }
    }

    /// Workers that are to run.
    var wanted: Int { self.slots.count }

    /// Workers that run now.
    var running: Int { self.slots.count { $0.process != nil } }

    private func launch(in slot: Slot) throws(SystemError) {
        // Only what a worker needs, so that no secret of the front's environment can be read in one.
        let process = try ChildProcess.start(
            self.program,
            arguments: [
                "--jobs-fd", "3", "--lifeline-fd", "4", "--job-timeout",
                "\(self.configuration.transformTimeout.roundedUpMilliseconds + 1000)", "--require-sandbox",
                self.configuration.requireSandbox == .off ? "off" : "standard",
            ],
            // A symbol that is bound at start is bound once for all children, and not in each of them again.
            environment: ["SWIFT_BACKTRACE=enable=no", "LD_BIND_NOW=1"],
            descriptors: [self.jobs.number, self.lifeline.readEnd.number])
        let poller: Poller
        do throws(LoopError) {
            poller = try Poller(process.descriptorNumber)
        } catch {
            process.send(SIGKILL)
            _ = process.reap(waits: true)
            throw SystemError(-error.code, error.action)
        }
        slot.startedAt = ContinuousClock().now
        slot.poller = poller
        slot.process = consume process
        poller.start(.readable) { [unowned self] _ in self.ended(slot) }
    }

    /// A launcher that is stopped would not notice the end of its keeper.
    private func lookForStopped() {
        for slot in self.slots where slot.stopped == nil && slot.process?.isStopped == true {
            slot.stopped = LoopTimer(after: Self.patience) {
                slot.stopped = nil
                guard slot.process?.isStopped == true else { return }
                Log.line("a worker was stopped for \(Self.patience.components.seconds) s, and is replaced")
                // It finishes its picture first.
                slot.process?.send(SIGTERM)
                slot.process?.send(SIGCONT)
            }
        }
    }

    private func ended(_ slot: Slot) {
        slot.stopped?.stop()
        slot.stopped = nil
        slot.poller?.close()
        slot.poller = nil
        let end = slot.process?.reap(waits: true)
        slot.process = nil
        if let place = self.retiring.firstIndex(where: { $0 === slot }) {
            self.retiring.remove(at: place)
            return
        }
        guard !self.isStopping else { return }
        self.metrics.workerRestarted()

        let isQuick = ContinuousClock().now - slot.startedAt < Self.quick
        let signal = end?.endingSignal ?? 0
        // A worker that cannot start ends by itself, and is tried ever more seldom. One that is killed from outside is
        // none the worse for it.
        let isKilled = signal == SIGKILL || signal == SIGTERM
        slot.quickEnds = isQuick && !isKilled ? slot.quickEnds + 1 : 0
        let how = end.map { signal != 0 ? "by signal \(signal)" : "with status \($0.exitCode)" } ?? ""
        // The first one is replaced at once: whoever killed it should not be noticed.
        let delay: Duration =
            if slot.quickEnds > 1 {
                min(Self.longestBackoff, Self.pause * (1 << min(slot.quickEnds, 7)))
            } else {
                isQuick && isKilled ? Self.pause : .zero
            }
        Log.line("a worker ended \(how); starting another" + (delay > .zero ? " in \(delay)" : ""))
        self.restart(slot, after: delay)
    }

    private func restart(_ slot: Slot, after delay: Duration) {
        slot.restart = LoopTimer(after: delay) { [unowned self] in
            slot.restart = nil
            do throws(SystemError) {
                try self.launch(in: slot)
            } catch {
                Log.line("cannot start a worker: \(error)")
                self.restart(slot, after: Self.longestBackoff)
            }
        }
    }

    /// Ends all workers: first asks, then kills.
    func stop() async {
        self.isStopping = true
        self.changes?.stop()
        let all = self.slots + self.retiring
        for slot in all {
            slot.restart?.stop()
            slot.restart = nil
            slot.process?.send(SIGTERM)
        }
        for _ in 0..<100 where all.contains(where: { $0.process != nil }) {
            try? await sleep(for: .milliseconds(10))
        }
        for slot in all where slot.process != nil {
            slot.process?.send(SIGKILL)
            self.ended(slot)
        }
    }

    /// The worker's program is installed, or built, beside the front's.
    private static func programBeside(_ program: String) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let path = count > 0 ? String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : program
        return path[...(path.lastIndex(of: "/") ?? path.startIndex)] + "imageproxy-worker"
    }
}
