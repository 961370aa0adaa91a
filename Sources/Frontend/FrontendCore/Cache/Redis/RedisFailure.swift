// SPDX-License-Identifier: Apache-2.0

/// Why there is no connection. The texts are fit for a log: none repeats what a server said.
enum RedisFailure: Error, Equatable, Sendable {
    /// Nobody answers, or not in time.
    case unreachable(String)
    /// A server answers, and will not have us.
    case rejected(String)
    /// What answers is no Redis server, or is broken.
    case nonsense(String)

    var reason: String {
        switch self {
        case .unreachable(let reason), .rejected(let reason), .nonsense(let reason): reason
        }
    }

    /// The end of a connection whose answers come too late, or not at all.
    static let tooLate = RedisFailure.unreachable("does not answer in time")

    /// Whether both would have the operator do the same thing, so that one log line is enough.
    func isSameKind(as other: RedisFailure) -> Bool {
        switch (self, other) {
        case (.unreachable, .unreachable), (.rejected, .rejected), (.nonsense, .nonsense): true
        default: false
        }
    }
}
