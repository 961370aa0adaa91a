// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Sandbox

/// What is left of a launcher once it has its keeper: it waits, and ends as the keeper did.
enum Launcher {
    /// Signals that ask for an end are passed on; when the launcher is killed instead, the pipe tells the keeper.
    static func wait(for keeper: Int32) -> Never {
        keeperToStop = keeper
        for number in [SIGTERM, SIGINT] { signal(number) { _ in kill(keeperToStop, SIGTERM) } }
        var watch = ChildWatch()
        guard let (_, status) = watch.nextEnd(of: keeper) else { Fork.exit(1) }
        // As shells do, so that whoever started this can tell a worker that was killed from one that cannot work.
        Fork.exit(status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F))
    }
}

/// For the launcher's signal handler, which can capture nothing. Written once, before the handler is set.
nonisolated(unsafe) private var keeperToStop: Int32 = 0
