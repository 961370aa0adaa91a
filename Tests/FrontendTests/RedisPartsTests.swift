// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FrontendCore

struct RedisPartsTests {
    // MARK: The URL

    struct URLCase: Sendable {
        let text: String
        let place: RedisURL.Place
        var user: String?
        var password: String?
        var database = 0
    }

    private static func tcp(_ host: String, _ port: UInt16) -> RedisAddress { .tcp(host: host, port: port) }

    @Test(arguments: [
        URLCase(text: "redis://localhost:6379", place: .server(tcp("localhost", 6379))),
        URLCase(text: "redis://localhost", place: .server(tcp("localhost", 6379))),
        URLCase(text: "REDIS://h:1/", place: .server(tcp("h", 1))),
        URLCase(text: "redis://[::1]:7000/3", place: .server(tcp("::1", 7000)), database: 3),
        URLCase(text: "redis://:secret@h/12", place: .server(tcp("h", 6379)), password: "secret", database: 12),
        URLCase(
            text: "redis://me:p%40ss%3Aw%2Frd@h:1", place: .server(tcp("h", 1)), user: "me", password: "p@ss:w/rd"),
        URLCase(text: "redis://a@b:c@h", place: .server(tcp("h", 6379)), user: "a@b", password: "c"),
        URLCase(text: "unix:///run/redis.sock", place: .server(.unix(path: "/run/redis.sock"))),
        URLCase(
            text: "redis+unix://u:p@/run/redis.sock?db=5", place: .server(.unix(path: "/run/redis.sock")), user: "u",
            password: "p", database: 5),
        URLCase(
            text: "redis+sentinel://a,b:27000/mymaster/2",
            place: .sentinels([tcp("a", 26379), tcp("b", 27000)], master: "mymaster"), database: 2),
        URLCase(
            text: "redis+cluster://:x@a:1,[::2]:3/", place: .cluster([tcp("a", 1), tcp("::2", 3)]), password: "x"),
    ])
    func `an address says where and who`(_ row: URLCase) throws {
        let url = try RedisURL(row.text, password: nil)
        #expect(url.place == row.place)
        #expect(url.login.user == row.user)
        #expect(url.login.password == row.password)
        #expect(url.login.database == row.database)
    }

    @Test(arguments: [
        "redis:localhost", "http://h", "redis://", "redis://h:0", "redis://h:65536", "redis://h:1:2", "redis://h/x",
        "redis://h/1/2", "redis://h/-1", "redis://h?timeout=1", "redis://h?timeout=0s", "redis://h?timeout=2m",
        "redis://h?x=1", "redis://h?db=1", "redis://h?maxEntry=1", "redis://h?maxEntry=600MB", "redis://h?maxEntry=x",
        "redis://h?connections=0", "redis://h?connections=65", "redis://h?timeout", "unix:///a?db=1&x=2",
        "redis://[::1", "redis://[::1]x", "redis://a b",
        "redis://u@h", "redis://:%4@h", "redis://:%zz@h", "redis://:%ff@h", "unix://host/path", "unix://", "unix:///",
        "unix:///a?x=1", "unix:///a?db=x", "unix:///" + String(repeating: "a", count: 106), "redis+sentinel://h",
        "redis+sentinel:///name", "redis+sentinel://h,,i/name", "redis+sentinel://h/name/1/2", "redis+cluster://h/1",
        "redis+cluster://,", "rediss://h",
    ])
    func `what is no address is refused`(_ text: String) {
        #expect(throws: FlagError.self) { _ = try RedisURL(text, password: nil) }
    }

    @Test func `limits stand behind any address`() throws {
        let usual = RedisSettings()
        for address in ["redis://h/3", "unix:///run/r.sock", "redis+sentinel://a,b/name/2", "redis+cluster://a:1,b"] {
            let plain = try RedisURL(address, password: nil)
            #expect(plain.settings.loadLimit == usual.loadLimit)
            let url = try RedisURL(
                address + "?timeout=80ms&storeTimeout=2s&connectTimeout=3s&maxEntry=20MB&connections=4", password: nil)
            #expect(url.place == plain.place && url.login.database == plain.login.database)
            #expect(url.settings.loadLimit == .milliseconds(80))
            #expect(url.settings.storeLimit == .seconds(2))
            #expect(url.settings.connectLimit == .seconds(3))
            #expect(url.settings.maximumEntryBytes == 20_000_000)
            #expect(url.settings.maximumQueuedBytes >= 40_000_000)
            #expect(url.settings.connections == 4)
        }
        #expect(try RedisURL("unix:///r?timeout=1s&db=7", password: nil).login.database == 7)
        #expect(try RedisURL("redis://h?maxEntry=1MiB", password: nil).settings.maximumQueuedBytes == 32 << 20)
    }

    @Test func `the environment's password is used where the URL has none`() throws {
        #expect(try RedisURL("redis://h", password: "env").login.password == "env")
        #expect(try RedisURL("redis://me@h", password: "env").login.user == "me")
        #expect(try RedisURL("redis://:url@h", password: "env").login.password == "url")
        #expect(try RedisURL("redis://h", password: "").login.password == nil)
    }

    @Test func `a password does not come out by printing`() throws {
        let url = try RedisURL("redis://me:s3cret@h", password: nil)
        var dumped = "\(url) \(url.login) " + String(reflecting: url)
        dump(url, to: &dumped)
        #expect(!dumped.contains("s3cret"))
        #expect(throws: FlagError.self) { _ = try RedisURL("redis://me:s3cret@h/x", password: nil) }
        do {
            _ = try RedisURL("redis://me:s3cret@h/x", password: nil)
        } catch {
            #expect(!error.expected.contains("s3cret"))
        }
    }

    // MARK: Slots and redirections

    @Test func `keys have the slots that the specification gives them`() {
        #expect(ClusterSlots.crc16("123456789".utf8) == 0x31C3)
        // Of CLUSTER KEYSLOT on a server.
        for (key, slot) in [
            ("foo", 12182), ("", 0), ("{user1000}.following", 3443), ("{user1000}.followers", 3443),
            ("foo{}{bar}", 8363),
            ("foo{{bar}}zap", 4015), ("foo{bar}{zap}", 5061), ("foo{bar", 15278), ("rediscache:http://a/#1x", 9171),
        ] {
            #expect(ClusterSlots.slot(of: Array(key.utf8)) == slot, "\(key)")
        }
    }

    private static let asked = RedisAddress.tcp(host: "10.0.0.9", port: 7000)

    @Test func `a redirection is read, and nothing else is taken for one`() {
        func read(_ message: String) -> ClusterRedirection? {
            ClusterRedirection(RedisServerError(message: message), from: Self.asked)
        }
        #expect(read("MOVED 3999 127.0.0.1:6381") == .moved(slot: 3999, to: Self.tcp("127.0.0.1", 6381)))
        #expect(read("ASK 0 ::1:6381") == .ask(Self.tcp("::1", 6381)))
        #expect(read("MOVED 1 :6381") == .moved(slot: 1, to: Self.tcp("10.0.0.9", 6381)))
        #expect(read("MOVED 1 ?:6381") == .moved(slot: 1, to: Self.tcp("10.0.0.9", 6381)))
        for text in [
            "MOVED", "MOVED 1", "MOVED 16384 h:1", "MOVED -1 h:1", "MOVED x h:1", "MOVED 1 h", "MOVED 1 h:0",
            "MOVED 1 h:99999", "MOVED 1 a/b:1", "TRYAGAIN 1 h:1", "",
        ] {
            #expect(read(text) == nil, "\(text)")
        }
    }

    @Test func `a map of slots is read, and a wrong one is none`() throws {
        func bytes(_ text: String) -> RedisReply { .bytes(Blob(Array(text.utf8))) }
        func range(_ first: Int64, _ last: Int64, _ host: RedisReply, _ port: Int64) -> RedisReply {
            .array([.integer(first), .integer(last), .array([host, .integer(port), bytes("id")])])
        }
        let slots = try #require(
            ClusterSlots(
                .array([range(0, 99, bytes("10.0.0.1"), 1), range(100, 16383, .null, 2), range(50, 60, bytes("h"), 3)]),
                from: Self.asked))
        #expect(slots[0] == Self.tcp("10.0.0.1", 1))
        #expect(slots[55] == Self.tcp("h", 3))
        #expect(slots[16383] == Self.tcp("10.0.0.9", 2))
        #expect(slots.servers.count == 3)

        for wrong: RedisReply in [
            .null, .array([]), .integer(1), .array([.null]), .array([range(0, 16384, bytes("h"), 1)]),
            .array([range(-1, 5, bytes("h"), 1)]), .array([range(5, 4, bytes("h"), 1)]),
            .array([.array([.integer(0), .integer(1)])]), .array([.array([.integer(0), .integer(1), .array([])])]),
        ] {
            #expect(ClusterSlots(wrong, from: Self.asked) == nil)
        }
        // More servers than a cluster can have.
        let crowd = (0..<2000).map { range(Int64($0), Int64($0), bytes("h\($0)"), 1) }
        #expect(ClusterSlots(.array(crowd), from: Self.asked) == nil)
    }

    // MARK: Time

    @Test func `waits double up to the longest, and start again after a good connection`() {
        var backoff = RedisBackoff()
        let start = ContinuousClock().now
        func wait(after lived: Duration, jitter: Double = 0.5) -> Duration {
            backoff.failed(at: start + lived, jitter: jitter)
        }
        let waits = (0..<8).map { _ in wait(after: .zero) }
        #expect(waits == [25, 50, 100, 200, 400, 500, 500, 500].map { Duration.milliseconds($0) })
        #expect(wait(after: .zero, jitter: 0.999) < .milliseconds(600))
        // One that ended soon proves nothing.
        backoff.connected(at: start)
        #expect(wait(after: .seconds(1)) == .milliseconds(500))
        backoff.connected(at: start)
        #expect(backoff.isProven(at: start + .seconds(6)))
        #expect(wait(after: .seconds(6)) == .milliseconds(25))
    }

    @Test func `a server is given up after several late answers over some time, and not before`() {
        let start = ContinuousClock().now
        var patience = RedisPatience(limit: .milliseconds(50))
        func isEnough(after passed: Duration) -> Bool { patience.answerIsLate(at: start + passed) }
        // A hundred at once are one hiccup.
        for _ in 0..<100 { #expect(!isEnough(after: .zero)) }
        #expect(isEnough(after: .milliseconds(200)))
        patience.answered(after: .milliseconds(50))
        for step in 0..<4 { #expect(!isEnough(after: .seconds(step))) }
        // One that had more time does not make up for them.
        patience.answered(after: .milliseconds(51))
        #expect(isEnough(after: .seconds(5)))
    }

    @Test func `a queue gives back what it got, in order`() {
        var queue = FIFO<Int>()
        var next = 0
        var expected = 0
        for round in 0..<2000 {
            for _ in 0..<Int.random(in: 0...6) {
                queue.append(next)
                next += 1
            }
            if round % 50 == 0 { queue.updateEach { $0 += 0 } }
            for _ in 0..<Int.random(in: 0...6) {
                guard let number = queue.popFirst() else { break }
                #expect(number == expected)
                expected += 1
            }
            #expect(queue.count == next - expected)
            #expect(queue.first == (queue.isEmpty ? nil : expected))
        }
    }

    // MARK: Commands and replies

    @Test func `commands look on the wire as they should`() {
        let simple = RedisCommand("GET", "a\r\nb", key: "a\r\nb")
        #expect(String(decoding: simple.start, as: UTF8.self) == "*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n")
        let set = RedisCommand(set: "ü", head: [1, 2], body: Blob([3]), lifetime: .microseconds(1500))
        #expect(String(decoding: set.start, as: UTF8.self) == "*5\r\n$3\r\nSET\r\n$2\r\nü\r\n$3\r\n\u{1}\u{2}")
        #expect(String(decoding: set.end, as: UTF8.self) == "\r\n$2\r\nPX\r\n$1\r\n2\r\n")
        #expect(set.count == set.start.count + 1 + set.end.count)
        #expect(RedisCommand.milliseconds(.zero) == 1)
        #expect(RedisCommand.milliseconds(.seconds(Int64.max / 2000)) < 1 << 42)
    }

    @Test func `of an error only its code gets into a log`() {
        #expect(RedisServerError(message: "OOM command not allowed").loggedName == "OOM")
        #expect(RedisServerError(message: "secret").loggedName == "an error")
        #expect(RedisServerError(message: "").loggedName == "an error")
        #expect(RedisServerError(message: String(repeating: "A", count: 21)).loggedName == "an error")
    }
}
