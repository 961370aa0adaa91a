// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Foundation
import Synchronization
import Testing

@testable import FrontendCore

/// A clock that stands still until it is told to go on.
final class ManualClock: Sendable {
    private let milliseconds = Mutex<Int64>(1_700_000_000_000)

    var now: Int64 { self.milliseconds.withLock { $0 / 1000 } }

    func advance(_ seconds: Int64) { self.advance(milliseconds: seconds * 1000) }

    func advance(milliseconds: Int64) { self.milliseconds.withLock { $0 += milliseconds } }

    var wall: WallClock { WallClock(milliseconds: { self.milliseconds.withLock { $0 } }) }
}

/// A place that keeps messages in a dictionary, and counts.
@LoopActor
final class TestStore: ByteStore {
    nonisolated let name = "test"
    let availability = StoreAvailability()
    var messages: [String: [UInt8]] = [:]
    var lifetimes: [String: Duration?] = [:]
    var loads = 0
    var stores = 0
    var removals: [String] = []
    /// A store waits until this is false.
    var holdsStores = false

    func load(_ key: String) async -> Blob? {
        self.loads += 1
        return self.messages[key].map { Blob($0) }
    }

    func store(_ key: String, head: [UInt8], body: Blob, lifetime: Duration?) async -> Bool {
        while self.holdsStores { try? await sleep(for: .milliseconds(1)) }
        self.stores += 1
        self.messages[key] = head + body.bytes
        self.lifetimes[key] = .some(lifetime)
        return true
    }

    func remove(_ key: String) async {
        self.removals.append(key)
        self.messages[key] = nil
    }

    func close() async {}
}

extension OriginRequestShape {
    /// Passes the fields that the tests send.
    static let test = OriginRequestShape(
        passedNames: ["Foo", "Bar", "Authorization", "Accept-Language"], userAgent: "agent", accept: "image/*")
}

extension ClientFields {
    static let plain = ClientFields(.test)

    static func sending(_ fields: (String, String)...) -> ClientFields {
        ClientFields(.test, passed: HTTPFields(fields))
    }
}

extension Blob {
    /// A copy of the bytes, for which the blob lives long enough.
    var content: [UInt8] { self.withSpan { span in span.withUnsafeBufferPointer { Array($0) } } }
}

extension CacheEntry {
    var content: [UInt8] { self.body.content }
}

/// The first bytes that make a body a JPEG file, and some more.
func jpeg(_ count: Int = 1000, _ fill: UInt8 = 7) -> [UInt8] {
    [0xFF, 0xD8, 0xFF, 0xE0] + [UInt8](repeating: fill, count: count)
}

/// An origin that answers what it is told to, and remembers what it was asked.
@LoopActor
final class CannedOrigin {
    struct Question {
        var url: String
        var fields: HTTPFields
        var validatorsOf: String?
    }

    private(set) var questions: [Question] = []
    /// Answers in order; the last one stays.
    var script: [() throws -> FetchedResource]
    var delay = Duration.zero

    init(_ script: [() throws -> FetchedResource]) {
        self.script = script
    }

    var fetch: OriginFetch {
        { url, fields, validatorsOf in
            self.questions.append(Question(url: url, fields: fields, validatorsOf: validatorsOf))
            let answer = self.script.count > 1 ? self.script.removeFirst() : self.script[0]
            if self.delay > .zero { try await sleep(for: self.delay) }
            return try answer()
        }
    }
}

func answer(
    _ status: Int = 200, _ headers: [(String, String)] = [], _ body: [UInt8] = jpeg(),
    url: String = "https://example.com/a.jpg", type: String = "image/jpeg"
) -> FetchedResource {
    FetchedResource(url: url, status: status, headers: HTTPFields(headers + [("Content-Type", type)]), body: Blob(body))
}

/// An origin store with a memory, on a clock of the test's own.
@LoopActor
struct OriginBench {
    let clock = ManualClock()
    let origin: CannedOrigin
    let cache: CacheTiers
    let store: OriginStore
    private let queue: StoreQueue?
    let url = "https://example.com/a.jpg"

    init(
        _ script: [() throws -> FetchedResource], policy: CachePolicy = CachePolicy(),
        rewriting: LifetimeRewriting = LifetimeRewriting(), place: TestStore? = nil, contentTypes: [String] = []
    ) {
        let rules = OriginRules(contentTypes: contentTypes, policy: policy, rewriting: rewriting)
        var tiers: [CacheTiers.Tier] = [
            .memory(MemoryCache(MemoryCacheSettings(capacity: 10_000_000, maximumAge: .zero)))
        ]
        let queue = place.map { StoreQueue($0, seal: .digest) }
        if let queue { tiers.append(.place(queue)) }
        self.queue = queue
        self.origin = CannedOrigin(script)
        self.cache = CacheTiers(
            tiers, rules: StoredMessage.Rules(seal: .digest, policy: policy), clock: self.clock.wall,
            admits: { rules.admits($0) })
        self.store = OriginStore(rules: rules, cache: self.cache, clock: self.clock.wall, fetch: self.origin.fetch)
    }

    func get(_ request: ClientFields = .plain) async throws -> CacheEntry {
        try await self.store.original(self.url, for: request, now: self.clock.now)
    }

    /// Waits until everything is written.
    func settle() async throws { try await eventually { self.queue?.isIdle ?? true } }

    var asked: Int { self.origin.questions.count }
}

/// Waits for something that comes about by itself, and fails if it does not.
@LoopActor
func eventually(_ isSo: @LoopActor () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while try await !isSo() {
        try #require(ContinuousClock.now < deadline, "it never came about")
        try await sleep(for: .milliseconds(2))
    }
}

/// A folder that is there as long as the body runs.
func withTemporaryFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let folder = NSTemporaryDirectory() + "imageproxy-cache-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
}
