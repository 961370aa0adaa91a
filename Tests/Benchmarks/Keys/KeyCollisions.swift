// SPDX-License-Identifier: Apache-2.0

import FrontendCore
import Glibc
import ImageJob

/// Whether two requests for different things ever have the same key in a cache, or two for the same thing different ones.
///
/// Of each request two hashes are kept: of its key, and of what was understood of it. Sorted by the one, those that are
/// next to each other and have it in common must have the other in common, too. Requests come from their number, so those
/// that seem to break the rule can be made again and looked at in full: 64 bits are the same by chance now and then.
enum KeyCollisions {
    private struct Pair {
        let key: UInt64
        let meaning: UInt64
        let number: UInt32
    }

    /// What looks like options or like a key's end where it is part of a URL, and the other way round.
    private static let pieces = [
        "a", "b", "a.jpg", "%23", "%2523", "#", "%3B", ";", ",", "?", "&", "=", "%0A", "%20", "%2F", "/", "//", "100x0",
        "fit", ";avif", "#0x0", "%23100x", "é", "%C3%A9", "+", ":", "@", "..", "%2e",
    ]
    private static let items = [
        "fit", "fv", "fh", "sc", "trim", "scaleUp", "png", "jpeg", "webp", "avif", "gif", "q80", "q8", "r90", "r9",
        "r-90",
        "cx1", "cx10", "cy.5", "cw100", "ch100", "bgfff", "bg0f0f0f", "bg0f0f0f0", "sSIGNED", "vu99", "1x", "x1", "1x1",
        "11x", "1", "1e2", ".1", "0.1x", "-1x", "q0", "nonsense", "",
    ]
    private static let hosts = ["example.com", "example.com:81", "b.example"]
    private static let accepted: [[ImageFormat]] = [[], [.webp], [.avif, .webp]]
    /// One of every option that there is, for their orders.
    private static let permuted = ["100x50", "fit", "r90", "fv", "fh", "q80", "png", "trim", "scaleUp"]

    static func run() -> Never {
        let count = CommandLine.arguments.dropFirst().first.flatMap { UInt32($0) } ?? 10_000_000
        var pairs: [Pair] = []
        pairs.reserveCapacity(Int(count))
        for number in 0..<count {
            guard let url = Self.request(number) else { continue }
            let key = Self.hash(url.cacheKey)
            pairs.append(Pair(key: key, meaning: Self.hash(meaning: url), number: number))
        }
        let understood = pairs.count
        var wrong = 0
        pairs.sort { ($0.key, $0.meaning) < ($1.key, $1.meaning) }
        let keys = Self.count(pairs, by: \.key) { first, second in
            if Self.isBroken(first.number, second.number) { wrong += 1 }
        }
        pairs.sort { ($0.meaning, $0.key) < ($1.meaning, $1.key) }
        let meanings = Self.count(pairs, by: \.meaning) { first, second in
            if Self.isBroken(first.number, second.number) { wrong += 1 }
        }
        print("\(count) requests, \(understood) understood: \(meanings) things, \(keys) keys")
        let orders = Self.tryOrders()
        print("\(orders) orders of \(Self.permuted.count) options: \(1 << Self.permuted.count) keys")
        guard wrong == 0 else { Self.end(1, "\(wrong) pairs of requests have a key in common, or no key") }
        guard understood > Int(count) / 2, keys > Int(count) / 4 else { Self.end(2, "too few requests make sense") }
        exit(0)
    }

    /// How many there are that differ in `hash`; calls `differ` with neighbours that are the same there and not elsewhere.
    private static func count(_ pairs: [Pair], by hash: KeyPath<Pair, UInt64>, _ differ: (Pair, Pair) -> Void) -> Int {
        var distinct = pairs.isEmpty ? 0 : 1
        for index in pairs.indices.dropFirst() {
            let (first, second) = (pairs[index - 1], pairs[index])
            if first[keyPath: hash] != second[keyPath: hash] {
                distinct += 1
            } else if first.key != second.key || first.meaning != second.meaning {
                differ(first, second)
            }
        }
        return distinct
    }

    private static func isBroken(_ first: UInt32, _ second: UInt32) -> Bool {
        guard let one = Self.request(first), let other = Self.request(second) else { return true }
        let isSameThing = one.remote == other.remote && one.options == other.options
        guard isSameThing != (one.cacheKey == other.cacheKey) else { return false }
        print("\(one.remote) \(one.options)\n\(other.remote) \(other.options)\n  \(one.cacheKey)\n  \(other.cacheKey)")
        return true
    }

    /// The request of that number, without what is no part of a key; nil when it is none.
    private static func request(_ number: UInt32) -> RequestURL? {
        var dice = Dice(state: Dice.mix(UInt64(number)))
        let options = (0..<Int.random(in: 0...5, using: &dice)).map { _ in
            Bool.random(using: &dice)
                ? Self.items.randomElement(using: &dice)! : "\(Int.random(in: 0...9999, using: &dice))x"
        }
        let path = (0..<Int.random(in: 0...6, using: &dice)).map { _ in Self.pieces.randomElement(using: &dice)! }
        let host = Self.hosts.randomElement(using: &dice)!
        let scheme = Bool.random(using: &dice) ? "http" : "https"
        let target = "/\(options.joined(separator: ","))/\(scheme)://\(host)/\(path.joined())"
        guard var url = try? RequestURL.parse(target: target, baseURL: nil) else { return nil }
        url.options.signature = ""
        url.options.validUntil = 0
        if url.options.isTransformation, url.options.format == nil {
            url.options.accepted = Self.accepted.randomElement(using: &dice)!
        }
        return url
    }

    /// All orders of all choices of the options: each choice has one key, whatever its order, and no other has that one.
    private static func tryOrders() -> Int {
        var keys: Set<String> = []
        var orders = 0
        for subset in 0..<(1 << Self.permuted.count) {
            let chosen = Self.permuted.indices.filter { subset & (1 << $0) != 0 }.map { Self.permuted[$0] }
            var known: String?
            Self.permutations(chosen) { order in
                orders += 1
                let target = "/\(order.joined(separator: ","))/https://example.com/a.jpg"
                let key = try? RequestURL.parse(target: target, baseURL: nil).cacheKey
                guard let key, known == nil || known == key else { Self.end(1, "\(order): \(key ?? "no key")") }
                known = key
            }
            guard let known, keys.insert(known).inserted else { Self.end(1, "\(chosen) has the key of others") }
        }
        return orders
    }

    /// By Heap's method: one exchange leads from each order to the next.
    private static func permutations(_ items: [String], _ body: ([String]) -> Void) {
        var items = items
        func permute(_ count: Int) {
            guard count > 1 else { return body(items) }
            for index in 0..<count {
                permute(count - 1)
                if index < count - 1 { items.swapAt(count % 2 == 0 ? index : 0, count - 1) }
            }
        }
        permute(items.count)
    }

    private static func hash(_ text: String) -> UInt64 {
        var hasher = Hasher()
        for byte in text.utf8 { hasher.combine(byte) }
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    private static func hash(meaning url: RequestURL) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(url.options)
        hasher.combine(Self.hash(url.remote.string))
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    private static func end(_ status: Int32, _ text: String) -> Never {
        print("error: \(text)")
        exit(status)
    }
}
