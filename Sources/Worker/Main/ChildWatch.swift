// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Sandbox

/// Waits for the end of forked processes, and sees to it that one that is stopped does not stand in its place for ever.
///
/// A process that is stopped takes no job, and holds what it had taken. Whoever has stopped it, to look at it or by mistake,
/// has ten seconds to let it go on; then it is told to end, and goes on for as long as it takes to finish its picture.
struct ChildWatch {
    private static let patience = 10
    private static let looksPerSecond = 10

    /// How often each was found stopped; those that run have no entry.
    private var looks: [pid_t: Int] = [:]

    /// - Parameter pid: which one to wait for; -1 = any.
    /// - Returns: who has ended, and its status as of waitpid(2); nil when there is nobody to wait for.
    mutating func nextEnd(of pid: pid_t) -> (pid: pid_t, status: Int32)? {
        while true {
            var status: Int32 = 0
            let changed = waitpid(pid, &status, WUNTRACED | WCONTINUED | (self.looks.isEmpty ? 0 : WNOHANG))
            if changed < 0 {
                if errno == EINTR { continue }
                return nil
            }
            switch status {
            case _ where changed == 0:
                self.lookAgain()
                usleep(1_000_000 / UInt32(Self.looksPerSecond))
            case _ where status & 0xFF == 0x7F: self.looks[changed] = 0
            case 0xFFFF: self.looks[changed] = nil
            default:
                self.looks[changed] = nil
                return (changed, status)
            }
        }
    }

    private mutating func lookAgain() {
        for (pid, number) in self.looks {
            self.looks[pid] = number + 1
            guard number == Self.patience * Self.looksPerSecond else { continue }
            WorkerProgram.say("was stopped for \(Self.patience) s, and is replaced")
            kill(pid, SIGTERM)
            kill(pid, SIGCONT)
        }
    }
}
