// SPDX-License-Identifier: Apache-2.0

import Foundation
import ImageJob
import Testing

@testable import FrontendCore

/// Links that are nearly right. What is signed is written down here a second time, by what its parts are known to mean: a
/// link is good exactly when its signature is that of its URL, or of its URL with its options, in the one spelling.
/// `IMAGEPROXY_ALL_FAULTS=1` tries a million.
struct SigningVariantTests {
    private static let count = ProcessInfo.processInfo.environment["IMAGEPROXY_ALL_FAULTS"] == nil ? 5000 : 1_000_000
    private static let keyTexts = ["one", "another key", "k"]

    /// What may be written, and what it is in the canonical text; of one line, any one.
    private static let sizes = [
        ("", "0x0"), ("100", "100x100"), ("100x", "100x0"), ("x50", "0x50"), ("100x50", "100x50"), (".5x", "0.5x0"),
        ("0.30x", "0.3x0"), ("1000000x", "1e+06x0"), ("1e3", "1000x1000"), ("007x8", "7x8"), ("1x2x3", "1x0"),
        ("10x10,x", "10x10"), ("20,30x", "30x20"), ("-0.00001x", "-1e-05x0"), ("0x0", "0x0"),
    ]
    private static let others = [
        [("fit", "fit")], [("fv", "fv")], [("fh", "fh")], [("scaleUp", "scaleUp")], [("sc", "sc")], [("trim", "trim")],
        [("png", "png"), ("jpeg", "jpeg"), ("jpeg,tiff", "tiff")],
        [("r90", "r90"), ("r+90", "r90"), ("r090", "r90"), ("r450", "r450"), ("r-90", "r-90"), ("r90,r", "")],
        [("q80", "q80"), ("q080", "q80"), ("q8", "q8"), ("q80,q0", "")],
        [("cx1", "cx1"), ("cx1.0", "cx1"), ("cx10", "cx10")],
        [("ch.5", "ch0.5"), ("ch0.5", "ch0.5"), ("ch100", "ch100")], [("cw0", "")],
        [("vu99999999999", "vu99999999999"), ("vu99999999998", "vu99999999998"), ("vu5,vu-1", "vu5")],
        [("nonsense", "")], [("", "")], [("jpg", "")],
    ]
    private static let remotes = [
        "http://h/a.jpg", "http://h/a.jpg?10x10", "https://h/a.jpg", "http://h/b.jpg", "http://h:81/a.jpg",
        "http://h/a.jpg?x=1&y=2", "http://h/a,b/c", "http://h/",
    ]

    private struct Link {
        var options: [String] = []
        var canonical = ""
        var remote = ""

        init(_ dice: inout Dice) {
            var words: [String] = []
            let size = sizes.randomElement(using: &dice)!
            self.options = [size.0]
            words = [size.1]
            for choice in others where Int.random(in: 0..<5, using: &dice) == 0 {
                let one = choice.randomElement(using: &dice)!
                self.options.append(one.0)
                if !one.1.isEmpty { words.append(one.1) }
            }
            self.options.shuffle(using: &dice)
            self.canonical = words.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.joined(separator: ",")
            self.remote = remotes.randomElement(using: &dice)!
        }

        /// The remote URL in one of the forms that a request may have it in; all but the first can carry a fragment.
        func written(_ dice: inout Dice) -> String {
            let fragment = ["", "", "#", "#" + self.canonical, "#10x10"].randomElement(using: &dice)!
            switch Int.random(in: 0..<4, using: &dice) {
            case 0: return self.remote
            case 1: return self.remote.replacingOccurrences(of: "://", with: ":/")
            case 2:
                let all = (self.remote + fragment).utf8.map {
                    "/:?#%&=,".utf8.contains($0) ? "%\(String($0, radix: 16))" : String(UnicodeScalar($0))
                }
                return all.joined()
            default: return Base64.encode(Array((self.remote + fragment).utf8)).replacingOccurrences(of: "=", with: "")
            }
        }

        /// The canonical text with one word less, or with one more.
        func changed(_ dice: inout Dice) -> String {
            var words = self.canonical.split(separator: ",").map { String($0) }
            if words.count > 1, Bool.random(using: &dice) {
                words.remove(at: Int.random(in: 1..<words.count, using: &dice))
            } else {
                words.append(others.randomElement(using: &dice)![0].1)
                words.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            }
            return words.joined(separator: ",")
        }

        var messages: Set<String> { [self.remote, "\(self.remote)#\(self.canonical)"] }
    }

    /// The signature of what should be signed, or of something near it, by one of the keys or none.
    private static func signature(_ link: Link, _ dice: inout Dice) -> (text: String, isGood: Bool) {
        let other = Link(&dice)
        let message = [
            link.remote, "\(link.remote)#\(link.canonical)", "\(link.remote)#\(link.canonical)",
            "\(link.remote)#\(link.options.joined(separator: ","))", "\(link.remote)#", "\(link.remote)?",
            "\(link.remote)#\(link.changed(&dice))", "\(link.remote)#\(link.changed(&dice))",
            "\(link.remote)#\(other.canonical)", "\(other.remote)#\(link.canonical)", other.remote,
            "\(link.remote),\(link.canonical)", "\(link.remote)#\(link.canonical),", "#\(link.canonical)", "",
            "\(link.remote.uppercased())", "\(link.remote)#\(link.canonical)#",
        ].randomElement(using: &dice)!
        let isMeant = link.messages.contains(message)
        let key = (Self.keyTexts + ["no key", "on", ""]).randomElement(using: &dice)!
        let code = SigningKeys.authenticationCode(of: Array(message.utf8), key: Array(key.utf8))
        let isRight = isMeant && Self.keyTexts.contains(key)
        let whole = Base64.encode(code)
        let bare = String(whole.dropLast())
        var changed = Array(bare.utf8)
        let place = Int.random(in: 0..<42, using: &dice)
        changed[place] = changed[place] == 0x41 ? 0x42 : 0x41
        return [
            (whole, isRight), (bare, isRight), (whole, isRight), (whole + "=", false), (bare + "A", false),
            (String(bare.dropLast()), false), (String(decoding: changed, as: UTF8.self), false), (bare + "%3D", false),
            ("=" + bare, false), ("", false), (String(bare.reversed()), false), (bare.uppercased(), false),
            (
                bare.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/"),
                isRight && !bare.contains("-") && !bare.contains("_")
            ),
        ].randomElement(using: &dice)!
    }

    @Test func `of links that are nearly right those that are right are accepted, and no others`() throws {
        var keys = SigningKeys()
        for key in Self.keyTexts { keys.add(Array(key.utf8)) }
        keys.add([])
        var dice = Dice(state: 23)
        var accepted = 0
        for _ in 0..<Self.count {
            let link = Link(&dice)
            let (signature, isGood) = Self.signature(link, &dice)
            var options = link.options
            options.insert("s\(signature)", at: Int.random(in: 0...options.count, using: &dice))
            let target = "/\(options.joined(separator: ","))/\(link.written(&dice))"
            guard let url = try? RequestURL.parse(target: target, baseURL: nil) else {
                // In place of a slash the URL of the request is another one, or none.
                try #require(signature.contains("/"), "\(target) is no link")
                continue
            }
            if signature.contains("/") { continue }
            try #require(url.remote.string == link.remote, "\(target): \(url.remote)")
            var rest = url.options
            rest.signature = ""
            try #require(rest.canonical == link.canonical, "\(target): \(rest.canonical), not \(link.canonical)")
            try #require(keys.isSigned(url) == isGood, "\(target) should\(isGood ? "" : " not") be good")
            if isGood { accepted += 1 }
        }
        #expect(accepted > Self.count / 50)
    }
}
