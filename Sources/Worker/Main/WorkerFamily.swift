// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Sandbox

/// Several workers on one socket where no service manager starts them, as in a container: a parent, which does no work
/// and replaces whichever ends, or is stopped for good.
enum WorkerFamily {
    /// Returns in each worker, and never in the parent. Nothing is restricted yet: each makes its own sandbox.
    static func split(into number: Int) {
        guard number > 1 else { return }
        family = .allocate(capacity: number)
        family.initialize(repeating: 0)
        for number in Self.ends {
            signal(number) { _ in end() }
        }
        for index in family.indices where Self.isChild(index) { return }
        var code: Int32 = 0
        var watch = ChildWatch()
        while true {
            // No child is left.
            guard let (pid, status) = watch.nextEnd(of: -1) else { Fork.exit(code) }
            guard let index = family.firstIndex(of: pid) else { continue }
            family[index] = 0
            // It has said why it cannot work here; no other could.
            if status == 1 << 8 {
                code = 1
                end()
            }
            if isEnding == 0 { usleep(100_000) }
            if Self.isChild(index) { return }
        }
    }

    private static let ends = [SIGTERM, SIGINT]

    /// Starts a worker, unless all are to end; true in the worker.
    private static func isChild(_ index: Int) -> Bool {
        // Who ends the family must find every member of it.
        var mask = sigset_t()
        sigemptyset(&mask)
        for number in Self.ends { sigaddset(&mask, number) }
        sigprocmask(SIG_BLOCK, &mask, nil)
        defer { sigprocmask(SIG_UNBLOCK, &mask, nil) }
        guard isEnding == 0 else { return false }
        let pid = Fork.fork()
        if pid == 0 {
            for number in Self.ends { signal(number, SIG_DFL) }
            Fork.dieWithParent()
            return true
        }
        guard pid > 0 else { WorkerProgram.fail(1, "cannot fork: \(String(cString: strerror(-pid)))") }
        family[index] = pid
        return false
    }
}

/// For the parent's signal handler, which can capture nothing; 0 where no worker runs.
nonisolated(unsafe) private var family = UnsafeMutableBufferPointer<pid_t>(start: nil, count: 0)
nonisolated(unsafe) private var isEnding: sig_atomic_t = 0

private func end() {
    isEnding = 1
    for pid in family where pid > 0 {
        kill(pid, SIGTERM)
        // One that is stopped would not hear of it.
        kill(pid, SIGCONT)
    }
}
