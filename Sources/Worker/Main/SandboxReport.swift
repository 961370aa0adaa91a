// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Sandbox
internal import WorkerProtocol

/// `--sandbox-test`: a table of what was tried from inside, and how it ended.
enum SandboxReport {
    static func printAndExit() -> Never {
        var sandbox = Sandbox()
        sandbox.enterNamespaces()
        // As in a launcher: the first child is pid 1 of its namespace and becomes the keeper.
        let pid = Fork.fork()
        if pid == 0 {
            sandbox.restrictKeeper()
            guard sandbox.filterKeeper() else { WorkerProgram.fail(1, "the kernel refused the keeper's filter") }
            let attempts = SandboxTest.run {
                sandbox.restrictChild(memory: 1 << 30, cpuSeconds: 10, resultBytes: 1 << 20)
            }
            print("layers: \(sandbox.layers)\n")
            for attempt in attempts {
                let name = attempt.name + String(repeating: " ", count: max(1, 36 - attempt.name.count))
                print("  \(name)\(Self.text(attempt.outcome))")
            }
            let escaped = attempts.filter { !$0.outcome.isForbidden }
            print("\n\(attempts.count) tried, \(escaped.count) not forbidden")
            fflush(nil)
            Fork.exit(escaped.isEmpty ? 0 : 1)
        }
        guard pid > 0 else { WorkerProgram.fail(1, "cannot fork: \(String(cString: strerror(-pid)))") }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        Fork.exit(status & 0x7F == 0 ? (status >> 8) & 0xFF : 1)
    }

    private static func text(_ outcome: SandboxTest.Outcome) -> String {
        switch outcome {
        case .killed: "killed"
        case .refused(let code): "refused: \(String(cString: strerror(code)))"
        case .allowed: "ALLOWED"
        case .unclear(let how): "UNCLEAR: \(how)"
        }
    }
}
