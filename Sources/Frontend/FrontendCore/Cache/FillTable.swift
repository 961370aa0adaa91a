// SPDX-License-Identifier: Apache-2.0

public import EventLoop

/// Lets one caller at a time fill a cache key, while everybody else who wants it waits for the result.
///
/// The work runs in a task of its own, which belongs to all who wait: it goes on while one of them is left, and is
/// cancelled when the last has gone.
@LoopActor
public final class FillTable<Value: Sendable> {
    private final class Fill {
        var task: Task<Void, Never>?
        var waiters: [UInt64: UnsafeContinuation<Result<Value, any Error>, Never>] = [:]
    }

    private var fills: [String: Fill] = [:]
    private var nextWaiter: UInt64 = 0

    public init() {}

    /// Keys being filled now.
    public var count: Int { self.fills.count }

    /// Runs `work` for the key, or waits for whoever is running it already.
    public func value(
        for key: String, work: @escaping @LoopActor () async throws -> Value
    ) async throws -> Value {
        self.nextWaiter += 1
        let waiter = self.nextWaiter
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Result<Value, any Error>, Never>) in
                guard !Task.isCancelled else {
                    continuation.resume(returning: .failure(CancellationError()))
                    return
                }
                self.join(key, waiter, continuation, work)
            }
        } onCancel: {
            // Runs on any thread: go to the loop first.
            spawn { self.leave(key, waiter) }
        }
        return try result.get()
    }

    private func join(
        _ key: String, _ waiter: UInt64, _ continuation: UnsafeContinuation<Result<Value, any Error>, Never>,
        _ work: @escaping @LoopActor () async throws -> Value
    ) {
        if let fill = self.fills[key] {
            fill.waiters[waiter] = continuation
            return
        }
        let fill = Fill()
        fill.waiters[waiter] = continuation
        self.fills[key] = fill
        fill.task = spawn {
            let result: Result<Value, any Error>
            do {
                result = .success(try await work())
            } catch {
                result = .failure(error)
            }
            self.finish(key, fill, result)
        }
    }

    private func leave(_ key: String, _ waiter: UInt64) {
        guard let fill = self.fills[key], let continuation = fill.waiters.removeValue(forKey: waiter) else { return }
        continuation.resume(returning: .failure(CancellationError()))
        if fill.waiters.isEmpty {
            // Nobody wants it any more. Whoever comes next starts afresh and does not inherit the cancellation.
            self.fills[key] = nil
            fill.task?.cancel()
        }
    }

    private func finish(_ key: String, _ fill: Fill, _ result: Result<Value, any Error>) {
        if self.fills[key] === fill { self.fills[key] = nil }
        for continuation in fill.waiters.values { continuation.resume(returning: result) }
        fill.waiters = [:]
    }
}
