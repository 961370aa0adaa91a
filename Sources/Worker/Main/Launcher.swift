// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Sandbox

/// What is left of a launcher once it has its keeper: it waits, and ends as the keeper did.
enum Launcher {
    /// A keeper that is stopped accepts nothing, and holds what it had accepted. Whoever has stopped it, to look at it or
    /// by mistake, has this long to let it go on.
    private static let patience: Int32 = 10
    private static let looksPerSecond: Int32 = 10

    /// Signals that ask for an end are passed on; when the launcher is killed instead, the pipe tells the keeper.
    static func wait(for keeper: Int32) -> Never {
        keeperToStop = keeper
        for number in [SIGTERM, SIGINT] { signal(number) { _ in kill(keeperToStop, SIGTERM) } }
        var status: Int32 = 0
        // How often it was found stopped; nil while it runs.
        var looks: Int32?
        while true {
            let changed = waitpid(keeper, &status, WUNTRACED | WCONTINUED | (looks == nil ? 0 : WNOHANG))
            if changed < 0, errno == EINTR { continue }
            if changed == 0, let number = looks {
                looks = number + 1
                if number == Self.patience * Self.looksPerSecond { Self.replace(keeper) }
                usleep(1_000_000 / UInt32(Self.looksPerSecond))
                continue
            }
            switch status {
            case _ where changed > 0 && status & 0xFF == 0x7F: looks = 0
            case _ where changed > 0 && status == 0xFFFF: looks = nil
            // As shells do, so that whoever started this can tell a worker that was killed from one that cannot work.
            default: Fork.exit(status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F))
            }
        }
    }

    /// Has it go on for as long as it takes to finish its picture, and end: whoever started this starts another.
    private static func replace(_ keeper: Int32) {
        WorkerProgram.say("was stopped for \(Self.patience) s, and is replaced")
        kill(keeper, SIGTERM)
        kill(keeper, SIGCONT)
    }
}

/// For the launcher's signal handler, which can capture nothing. Written once, before the handler is set.
nonisolated(unsafe) private var keeperToStop: Int32 = 0
