// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

struct TimeLimitPassed: Error {}

/// Runs `body` and cancels it after a time. What runs here answers a cancellation at once, so the limit holds.
///
/// - Parameter limit: zero = none.
/// - Throws: `TimeLimitPassed`; `CancellationError` when the caller itself was cancelled; what `body` throws.
@LoopActor
func withTimeLimit<Value: Sendable>(
    _ limit: Duration, _ body: @escaping @LoopActor () async throws -> Value
) async throws -> Value {
    guard limit > .zero else { return try await body() }
    let task = spawn(body)
    var isLate = false
    let timer = LoopTimer(after: limit) {
        isLate = true
        task.cancel()
    }
    defer { timer.stop() }
    do {
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    } catch  where isLate {
        throw TimeLimitPassed()
    }
}
