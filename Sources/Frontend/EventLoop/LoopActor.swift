// SPDX-License-Identifier: Apache-2.0

/// Everything that belongs to the loop's thread.
@globalActor
public actor LoopActor {
    public static let shared = LoopActor()

    public nonisolated var unownedExecutor: UnownedSerialExecutor { Loop.shared.asUnownedSerialExecutor() }

    /// For callbacks from C, which run on the loop's thread but cannot say so in their type.
    @inline(__always)
    public static func assumeIsolated<Result>(_ body: @LoopActor () throws -> Result) rethrows -> Result {
        precondition(Loop.shared.isCurrent, "not on the loop's thread")
        Loop.shared.beginTurn()
        return try withoutActuallyEscaping(body) { body in
            // Only the isolation is taken off the type, which the line above has just proved.
            try unsafeBitCast(body, to: (() throws -> Result).self)()
        }
    }
}

/// The one way to start a task: it runs on the loop from its first line, and every resumption goes straight back there
/// instead of through a pool of threads.
@discardableResult
public func spawn(_ operation: @escaping @LoopActor () async -> Void) -> Task<Void, Never> {
    Task(executorPreference: Loop.shared) { await operation() }
}

/// The same for work that has a result or fails.
public func spawn<Value: Sendable>(
    _ operation: @escaping @LoopActor () async throws -> Value
) -> Task<Value, any Error> {
    Task(executorPreference: Loop.shared) { try await operation() }
}
