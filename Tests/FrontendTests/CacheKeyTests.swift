// SPDX-License-Identifier: Apache-2.0

import ImageJob
import Testing

@testable import FrontendCore

/// Two requests for different things never have the same key. `scripts/cache-keys` tries ten million.
struct CacheKeyTests {
    private static let count = 20_000

    /// What looks like options or like a key's end where it is part of a URL, and the other way round.
    private static let pieces = [
        "a", "b", "a.jpg", "%23", "%2523", "#", "%3B", ";", ",", "?", "&", "=", "%0A", "%20", "%2F", "/", "//", "100x0",
        "fit", ";avif", "#0x0", "%23100x", "é", "%C3%A9", "+", ":", "@", "..", "%2e",
    ]
    private static let items = [
        "fit", "fv", "fh", "sc", "trim", "scaleUp", "png", "jpeg", "webp", "avif", "gif", "q80", "q8", "r90",
        "r9", "r-90", "cx1", "cx10", "cy.5", "cw100", "ch100", "bgfff", "bg0f0f0f", "bg0f0f0f0", "sSIGNED",
        "vu99", "1x", "x1", "1x1", "11x", "1", "1e2", ".1", "0.1x", "-1x", "q0", "nonsense", "",
    ]

    private static func target(_ dice: inout Dice) -> String {
        let options = (0..<Int.random(in: 0...5, using: &dice)).map { _ in
            Bool.random(using: &dice)
                ? Self.items.randomElement(using: &dice)! : "\(Int.random(in: 0...9999, using: &dice))x"
        }
        let path = (0..<Int.random(in: 0...6, using: &dice)).map { _ in Self.pieces.randomElement(using: &dice)! }
        let host = ["example.com", "example.com:81", "b.example"].randomElement(using: &dice)!
        let url = "\(Bool.random(using: &dice) ? "http" : "https")://\(host)/\(path.joined())"
        return "/\(options.joined(separator: ","))/\(url)"
    }

    @Test func `a key says what it is the key of`() throws {
        var dice = Dice(state: 11)
        var names: [DiskName: Int] = [:]
        var understood = 0
        for _ in 0..<Self.count {
            let target = Self.target(&dice)
            guard var url = try? RequestURL.parse(target: target, baseURL: nil) else { continue }
            url = url.accepting([[], [.webp], [.avif, .webp]].randomElement(using: &dice)!)
            understood += 1
            var options = url.options
            options.signature = ""
            options.validUntil = 0
            let key = url.cacheKey
            // Read back, it is the same again: so no other has this key.
            let parts = key.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
            let words = parts[1].split(separator: ";", maxSplits: 1)
            var read = TransformOptions(parsing: words[0])
            read.accepted =
                words.count < 2 ? [] : words[1].split(separator: ",").compactMap { Self.format(named: $0) }
            try #require(parts[0] == url.remote.string && read == options, "\(target): \(key)")
            // Nor is it the key of an original, or of one of several answers.
            try #require(!url.remote.string.utf8.contains { $0 == 0x23 || $0 == 0x0A } && !key.utf8.contains(0x0A))
            let known = names.updateValue(key.hashValue, forKey: DiskName(key: key))
            try #require(known == nil || known == key.hashValue, "two keys have one file")
        }
        #expect(understood > Self.count / 2)
        #expect(names.count > Self.count / 4)
    }

    private static func format(named word: Substring) -> ImageFormat? {
        ImageFormat.allCases.first { $0.optionWord == word }
    }

    @Test func `the order of options makes no difference, and each of them makes one`() throws {
        let items = ["100x50", "fit", "r90", "fv", "q80", "png"]
        var keys: Set<String> = []
        for subset in 0..<(1 << items.count) {
            let chosen = items.indices.filter { subset & (1 << $0) != 0 }.map { items[$0] }
            let spellings = Set(try self.permutations(chosen).map { try Self.key($0.joined(separator: ",")) })
            #expect(spellings.count == 1, "\(chosen)")
            keys.formUnion(spellings)
        }
        #expect(keys.count == 1 << items.count)
    }

    private static func key(_ options: String) throws -> String {
        try RequestURL.parse(target: "/\(options)/https://example.com/a.jpg", baseURL: nil).cacheKey
    }

    private func permutations(_ items: [String]) -> [[String]] {
        guard !items.isEmpty else { return [[]] }
        return items.indices.flatMap { index in
            var rest = items
            let first = rest.remove(at: index)
            return self.permutations(rest).map { [first] + $0 }
        }
    }
}
