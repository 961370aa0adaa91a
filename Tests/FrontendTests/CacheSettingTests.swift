// SPDX-License-Identifier: Apache-2.0

import Testing
import Foundation

@testable import FrontendCore

struct CacheSettingTests {
    private static func read(_ arguments: [String], environment: [(String, String)] = []) throws -> Configuration {
        let outcome = try CommandLineReader.read(arguments, environment: environment.map { (name: $0.0, value: $0.1) })
        guard case .run(let configuration) = outcome else { throw UsageError(description: "help") }
        return configuration
    }

    private static func memory(_ megabytes: Int, _ age: Duration = .zero) -> CacheSetting {
        .memory(MemoryCacheSettings(capacity: megabytes * 1_000_000, maximumAge: age))
    }

    private static func disk(_ path: String, _ size: Int? = nil) -> CacheSetting {
        // The path is none that could be refused.
        var settings = try! DiskCacheSettings(path: path)
        settings.maximumBytes = size
        return .disk(settings)
    }

    @Test(arguments: [
        ("memory", memory(100)), ("memory:", memory(100)), ("memory:7", memory(7)),
        ("memory:7:1h30m", memory(7, .seconds(5400))),
        ("/var/cache", disk("/var/cache")), ("relative/path", disk("relative/path")), ("C:\\cache", disk("C:\\cache")),
        ("memcached://host", disk("memcached://host")), ("file:///var/cache", disk("/var/cache")),
        ("file:///a%20b?size=10GB", disk("/a b", 10_000_000_000)), ("file://host/a?size=512MiB", disk("/a", 512 << 20)),
        ("file:///a?size=1000000", disk("/a", 1_000_000)), ("redis://localhost", .redis("redis://localhost")),
        ("unix:///run/redis.sock", .redis("unix:///run/redis.sock")),
        ("redis+cluster://a,b/", .redis("redis+cluster://a,b/")),
    ])
    func `a place is what its scheme says`(text: String, setting: CacheSetting) throws {
        #expect(try CacheSetting(text) == setting)
    }

    @Test(arguments: [
        "memory:0", "memory:x", "memory:7:5", "memory:7:-1s", "file:", "file:a", "file://", "file:///a?size=",
        "file:///a?size=5X",
        "file:///a?size=1", "file:///a?seize=5GB", "file:///a?size=99999999999999TB", "file:///a%zz", "file:///a%00",
        "rediss://host",
        "s3://region", "s3:", "s3://region/b", "s3://region/bucket?x=1", "s3://region/bucket/../other", "gcs://",
        "gcs://bucket?x", "azure://Container/", "azure://container/folder",
    ])
    func `what cannot be is refused`(text: String) {
        #expect(throws: FlagError.self) { try CacheSetting(text) }
    }

    @Test func `a secure Redis is told what to do instead`() {
        do {
            _ = try Self.read(["-cache", "rediss://host"])
            Issue.record("accepted")
        } catch {
            #expect("\(error)".contains("stunnel"))
        }
    }

    @Test func `lists, repetitions and the environment add up, the environment first`() throws {
        let configuration = try Self.read(
            ["-cache", "/a  memory:2", "-cache", "/b"], environment: [("IMAGEPROXY_CACHE", "memory:1 /c")])
        #expect(
            configuration.caches == [Self.memory(1), Self.disk("/c"), Self.disk("/a"), Self.memory(2), Self.disk("/b")])
        #expect(try Self.read(["-cache", ""]).caches == [])
    }

    @Test func `durations and the secret are read`() throws {
        let configuration = try Self.read([
            "-minCacheDuration", "1h", "-maxCacheDuration", "24h", "-defaultCacheDuration", "5m",
            "-negativeCacheDuration", "1s",
            "-forceCache", "-cacheSecret", "hush",
        ])
        #expect(configuration.minCacheDuration == .seconds(3600))
        #expect(configuration.cachePolicy.maximumLifetime == 86_400)
        #expect(configuration.cachePolicy.defaultLifetime == 300)
        #expect(configuration.cachePolicy.negativeLifetime == 1)
        #expect(configuration.forceCache)
        #expect(configuration.cacheSecret == Array("hush".utf8))
    }

    @Test func `a secret may be in a file`() async throws {
        try await withTemporaryFolder { folder in
            try "in a file".write(toFile: folder + "/secret", atomically: false, encoding: .utf8)
            #expect(try Self.read(["-cacheSecret", "@\(folder)/secret"]).cacheSecret == Array("in a file".utf8))
            #expect(throws: UsageError.self) { try Self.read(["-cacheSecret", "@\(folder)/none"]) }
            #expect(throws: UsageError.self) { try Self.read(["-cacheSecret", ""]) }
        }
    }
}
