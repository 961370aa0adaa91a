// SPDX-License-Identifier: Apache-2.0
//
// The worker's boot order. Nothing here may touch a job's bytes, and no step may move above the one that it relies on:
//
//   launcher   close what was inherited → compile the filter → namespaces, empty root → fork
//   keeper     (pid 1) → nobody, no capabilities, no new privileges → Landlock → limits → warm up → filter → accept … fork
//   child      → close all but the connection → limits → filter → the job

internal import Glibc
internal import JobRunner
internal import Platform
internal import Sandbox
internal import WorkerProtocol

enum WorkerProgram {
    static func main() -> Never {
        let arguments = Self.arguments()
        // What was passed on purpose has the lowest numbers; anything above it was left open by mistake.
        CurrentProcess.closeDescriptors(from: max(Self.lastPassed(arguments), arguments.lifeline, 2) + 1)
        let manager = ServiceManager()
        let jobs = Self.jobsSocket(arguments, manager)
        WorkerFamily.split(into: arguments.workers)
        // For the children: their standard descriptors must lead nowhere.
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)

        var sandbox = Sandbox()
        sandbox.enterNamespaces()
        guard sandbox.layers.contains(.seccomp) || !arguments.requiresSeccomp else {
            Self.fail(1, "system calls cannot be filtered here; --require-sandbox off starts without that protection")
        }
        // The other end is held by this process alone: the keeper ends when it does.
        var pipe: [Int32] = [-1, -1]
        guard Glibc.pipe(&pipe) == 0 else { Self.fail(1, "no pipe: \(String(cString: strerror(errno)))") }

        let pid = Fork.fork()
        if pid == 0 {
            close(pipe[1])
            Fork.dieWithParent()
            Self.becomeKeeper(
                jobs, [pipe[0], arguments.lifeline].filter { $0 >= 0 }, null, arguments, sandbox, manager)
        }
        guard pid > 0 else { Self.fail(1, "cannot fork: \(String(cString: strerror(-pid)))") }
        close(pipe[0])
        Launcher.wait(for: pid)
    }

    private static func becomeKeeper(
        _ jobs: consuming PacketSocket, _ lifelines: [Int32], _ null: Int32, _ arguments: WorkerArguments,
        _ sandbox: consuming Sandbox, _ manager: ServiceManager
    ) -> Never {
        do throws(SystemError) {
            let watch = try ConnectionWatch(jobs, lifelines: lifelines)
            Keeper(jobs: jobs, watch: watch, null: null, arguments: arguments, sandbox: sandbox, manager: manager).run()
        } catch {
            Self.fail(1, "\(error)")
        }
    }

    static var versions: WorkerVersions {
        WorkerVersions([WorkerVersions.number(Version.text)] + JobRunner.libraryVersions)
    }

    private static func arguments() -> WorkerArguments {
        let words = Array(CommandLine.arguments.dropFirst())
        if words.contains("--help") || words.contains("-h") {
            print(WorkerArguments.help, terminator: "")
            exit(0)
        }
        if words.contains("--version") {
            print("imageproxy-worker \(Version.text)")
            for (name, version) in Self.versions.all.dropFirst() { print("\(name) \(version)") }
            exit(0)
        }
        do throws(WorkerArguments.Problem) {
            let arguments = try WorkerArguments(words)
            if arguments.testsSandbox { SandboxReport.printAndExit() }
            return arguments
        } catch {
            Self.fail(2, error.text)
        }
    }

    /// The highest number among the descriptors that were passed to this process.
    private static func lastPassed(_ arguments: WorkerArguments) -> Int32 {
        if case .descriptor(let number) = arguments.jobs { return number }
        // sd_listen_fds(3): they begin at 3. More than one is refused later.
        return getenv("LISTEN_FDS") == nil ? 2 : 3
    }

    /// The socket to accept on: given, made, or passed by the service manager.
    private static func jobsSocket(_ arguments: WorkerArguments, _ manager: ServiceManager) -> PacketSocket {
        switch arguments.jobs {
        case .descriptor(let number): return PacketSocket(adopting: OwnedDescriptor(adopting: number))
        case .path(let path):
            do throws(SystemError) {
                return try PacketSocket.listen(path: path, backlog: 1024)
            } catch {
                Self.fail(1, "\(error)")
            }
        case nil:
            guard let passed = manager.sockets.first, manager.sockets.count == 1 else {
                Self.fail(2, "no socket for jobs: give --jobs-socket PATH; see --help")
            }
            return PacketSocket(adopting: OwnedDescriptor(adopting: passed.descriptor))
        }
    }

    static func fail(_ code: Int32, _ text: String) -> Never {
        Self.say(text)
        exit(code)
    }

    static func say(_ text: String) {
        var line = "imageproxy-worker: \(text)\n"
        line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
