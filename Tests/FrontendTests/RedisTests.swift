// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Foundation
import Glibc
import Synchronization
import Testing

@testable import FrontendCore

/// Everything about Redis, one test after the other: most of them measure time.
@Suite(.serialized) enum RedisTests {}

/// What the code under test would have logged.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { self.lines.withLock { $0 } }
    func add(_ line: String) { self.lines.withLock { $0.append(line) } }
}

/// Settings for tests that are not about time, on a machine that may be busy.
func patient(_ log: LogLines = LogLines()) -> RedisSettings {
    signal(SIGPIPE, SIG_IGN)
    return RedisSettings(
        loadLimit: .seconds(5), storeLimit: .seconds(5), connectLimit: .seconds(5), log: { log.add($0) })
}

/// The service's own limits.
func standard(_ log: LogLines = LogLines()) -> RedisSettings {
    signal(SIGPIPE, SIG_IGN)
    return RedisSettings(log: { log.add($0) })
}

@LoopActor
func makeStore(_ url: String, password: String? = nil, _ settings: RedisSettings) throws -> RedisStore {
    RedisStore(try RedisURL(url, password: password), settings: settings)
}

/// Tries again and again until something is so.
///
/// - Returns: how long it took; nil when it was not so in time.
@LoopActor
func time(limit: Duration = .seconds(10), until condition: @LoopActor () async -> Bool) async throws -> Duration? {
    let clock = ContinuousClock()
    let start = clock.now
    while clock.now - start < limit {
        if await condition() { return clock.now - start }
        try await sleep(for: .milliseconds(5))
    }
    return nil
}

extension RedisStore {
    /// Stores as the cache does, and tries again while there is no connection yet.
    func put(_ key: String, _ text: String) async throws {
        let isThere = try await time {
            await self.store(key, head: Array("head ".utf8), body: Blob(Array(text.utf8)), lifetime: nil)
            return await self.get(key) == "head " + text
        }
        #expect(isThere != nil, "\(key) cannot be stored")
    }

    func get(_ key: String) async -> String? {
        await self.load(key).map { String(decoding: $0.bytes, as: UTF8.self) }
    }
}
