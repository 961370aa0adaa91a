// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// What is brought up to date while something stale is served.
@LoopActor
final class Refreshes {
    private var running: Set<String> = []

    /// Beyond this many, what is stale stays so until there is room.
    private static let most = 64

    /// Does something that nobody waits for, unless it is being done already.
    func begin(_ key: String, _ work: @escaping @LoopActor () async throws -> Void) {
        guard self.running.count < Self.most, self.running.insert(key).inserted else { return }
        spawn {
            do { try await work() } catch { Log.detail("could not refresh \(key): \(error)") }
            self.running.remove(key)
        }
    }
}
