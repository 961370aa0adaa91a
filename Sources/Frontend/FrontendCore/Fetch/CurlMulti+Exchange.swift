// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

extension CurlMulti {
    /// Runs a transfer, and once more where it met a connection with something on it that belongs to no request, or
    /// one that was dropped before it answered.
    ///
    /// - Parameter make: makes the transfer; true = for a connection of its own.
    /// - Throws: `FetchError`; `CancellationError`.
    func exchange(
        until deadline: ContinuousClock.Instant?, _ make: (Bool) throws(FetchError) -> Transfer
    ) async throws -> Transfer.Answer {
        let first = try make(false)
        do {
            return try await self.run(first, atMost: try Self.rest(of: deadline))
        } catch
            where (first.hasMetLeftovers || first.wasDroppedUnanswered) && !(error is CancellationError)
        {
            return try await self.run(make(true), atMost: try Self.rest(of: deadline))
        }
    }

    /// The time that is left until a deadline; nil when there is none.
    static func rest(of deadline: ContinuousClock.Instant?) throws(FetchError) -> Duration? {
        guard let deadline else { return nil }
        let rest = deadline - .now
        guard rest > .zero else { throw .timedOut(.total, "before the request") }
        return rest
    }
}
