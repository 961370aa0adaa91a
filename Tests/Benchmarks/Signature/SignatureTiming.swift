// SPDX-License-Identifier: Apache-2.0

import FrontendCore
import Glibc
import ImageJob
import SwiftOverlayShims

/// Whether the time that a wrong signature takes tells how much of it is right: such as are right but for the last byte
/// against such as are wrong from the first.
///
/// Both are the same texts for the same two addresses, once each for its own and once for the other one: what it takes to
/// read them is the same, and says nothing.
///
/// Each link is read anew, outside of what is measured, for every call: two sets of links that are kept lie in different
/// places of memory for as long as this runs, and the time that a place takes would look like a difference in what is there.
///
/// The same is asked of a comparison that stops at the first difference. That one must be found out, or else this could
/// not have found out the real one either. And the early ones are measured against themselves: who finds a difference there
/// has a machine too loud for this.
enum SignatureTiming {
    private static let key = Array("a key of thirty-two bytes, really".utf8)
    private static let remotes = ["http://origin.example/pictures/a.jpg", "http://origin.example/pictures/b.jpg"]

    static func run() -> Never {
        let pairs = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 1_000_000
        var keys = SigningKeys()
        keys.add(Self.key)
        var early: [String] = []
        var late: [String] = []
        for (remote, other) in zip(Self.remotes, Self.remotes.reversed()) {
            var code = SigningKeys.authenticationCode(of: Array(remote.utf8), key: Self.key)
            guard keys.isSigned(Self.read(Self.link(code, remote))) else {
                Self.end(2, "the right signature is refused")
            }
            let last = code[code.count - 1]
            for bits in UInt8(1)...255 {
                code[code.count - 1] = last ^ bits
                late.append(Self.link(code, remote))
                early.append(Self.link(code, other))
            }
        }
        guard !(early + late).contains(where: { keys.isSigned(Self.read($0)) }) else {
            Self.end(2, "a wrong signature is taken")
        }

        let real = Self.compare(early, late, pairs) { keys.isSigned($0) }
        let naive = Self.compare(early, late, pairs) { Self.isSignedNaively($0) }
        let none = Self.compare(early, early, pairs) { keys.isSigned($0) }
        print("\(pairs) pairs; |t| above \(Pairs.limit) is a difference")
        print("the same signatures twice                  |t| = \(Self.rounded(none))")
        print("the service's own comparison               |t| = \(Self.rounded(real))")
        print("one that stops at the first difference     |t| = \(Self.rounded(naive))")
        if none >= Pairs.limit { Self.end(2, "too loud a machine: there is a difference where none can be") }
        if naive < Pairs.limit { Self.end(2, "too few pairs, or too loud a machine: the naive one was not found out") }
        if real >= Pairs.limit { Self.end(1, "the time tells how much of a signature is right") }
        exit(0)
    }

    private static func link(_ code: [UInt8], _ remote: String) -> String { "/100x,s\(Self.base64(code))/\(remote)" }

    private static func read(_ link: String) -> RequestURL {
        guard let url = try? RequestURL.parse(target: link, baseURL: nil) else {
            Self.end(2, "the link cannot be read")
        }
        return url
    }

    private static func compare(
        _ first: [String], _ second: [String], _ pairs: Int, _ check: (RequestURL) -> Bool
    ) -> Double {
        var taken = Pairs()
        var random = SystemRandomNumberGenerator()
        for number in 0..<(pairs + 1000) {
            var times: [UInt32] = [0, 0]
            // Who is first of a pair is chance, so that what the one leaves in the caches helps neither.
            let order = random.next() & 1 == 0 ? [0, 1] : [1, 0]
            for which in order {
                let url = Self.read((which == 0 ? first : second)[number % first.count])
                let start = Self.now
                let isSigned = check(url)
                let took = Self.now - start
                precondition(!isSigned)
                times[which] = UInt32(clamping: took)
            }
            // Not the first ones, in which caches fill.
            if number >= 1000 { taken.append(times[0], times[1]) }
        }
        return taken.largestT
    }

    private static func isSignedNaively(_ url: RequestURL) -> Bool {
        let code = SigningKeys.authenticationCode(of: Array(url.remote.string.utf8), key: Self.key)
        return Self.base64(code).utf8.elementsEqual(url.options.signature.utf8)
    }

    /// URL-safe, without padding.
    private static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var text: [UInt8] = []
        var bits = 0, held: UInt32 = 0
        for byte in bytes {
            held = held << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                text.append(alphabet[Int(held >> UInt32(bits)) & 63])
            }
        }
        if bits > 0 { text.append(alphabet[Int(held << UInt32(6 - bits)) & 63]) }
        return String(decoding: text, as: UTF8.self)
    }

    private static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static func rounded(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

    private static func end(_ status: Int32, _ text: String) -> Never {
        print("error: \(text)")
        exit(status)
    }
}
