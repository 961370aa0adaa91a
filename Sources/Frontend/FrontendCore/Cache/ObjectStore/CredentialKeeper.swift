// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Something that lets one in, and how long it does.
struct Credential<Value: Sendable>: Sendable {
    let value: Value
    /// Seconds of the Unix clock; nil = always.
    let expires: Int64?
}

/// Keeps credentials, and fetches new ones before those end; one attempt at a time, whoever needs them.
@LoopActor
final class CredentialKeeper<Value: Sendable> {
    private let obtain: @LoopActor () async throws -> Credential<Value>
    private let clock: WallClock
    private let fills = FillTable<Credential<Value>>()
    private var current: Credential<Value>?
    private var obtainedAt: Int64 = 0
    private var failure: (error: any Error, at: Int64)?
    private var isFetching = false

    /// New ones are fetched this long before the old ones end, in seconds; services have new ones five minutes ahead.
    private static var head: Int64 { 240 }
    /// With less left than this they are not used: a request takes its time, and clocks differ.
    private static var least: Int64 { 10 }
    /// After an attempt that failed there is none for so long.
    private static var pause: Int64 { 5 }
    /// Credentials that are refused when they are younger than this would be no better when fetched again.
    private static var young: Int64 { 30 }

    init(clock: WallClock = WallClock(), _ obtain: @escaping @LoopActor () async throws -> Credential<Value>) {
        self.clock = clock
        self.obtain = obtain
    }

    /// - Parameter waits: whether to wait for credentials when there are none.
    /// - Throws: what the last attempt to get some failed with; `CredentialsPending`.
    func value(waits: Bool) async throws -> Value {
        let now = self.clock.now()
        if let current, current.expires.map({ $0 - now > Self.least }) ?? true {
            if let expires = current.expires, expires - now < Self.head { self.refresh() }
            return current.value
        }
        if let failure, now - failure.at < Self.pause { throw failure.error }
        guard waits else {
            self.refresh()
            throw CredentialsPending()
        }
        return try await self.fetch().value
    }

    /// Fetches new ones in the background, unless that was tried a moment ago.
    func refresh() {
        if let failure, self.clock.now() - failure.at < Self.pause { return }
        guard !self.isFetching else { return }
        self.isFetching = true
        spawn {
            _ = try? await self.fetch()
            self.isFetching = false
        }
    }

    /// The service does not take them: they are fetched again, unless they are new.
    func wereRefused() {
        guard self.clock.now() - self.obtainedAt >= Self.young else { return }
        self.current = nil
    }

    private func fetch() async throws -> Credential<Value> {
        try await self.fills.value(for: "") {
            do {
                let new = try await self.obtain()
                self.current = new
                self.obtainedAt = self.clock.now()
                self.failure = nil
                return new
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                self.failure = (error, self.clock.now())
                throw error
            }
        }
    }
}
