// SPDX-License-Identifier: Apache-2.0
import ImageJob
import Testing

/// Which of PNG's kinds a picture is written in: whatever is smallest, with every pixel as it was.
struct PNGFormTests {
    struct Kind: Equatable, CustomStringConvertible {
        let type: UInt8
        let depth: UInt8
        var description: String { "colour type \(self.type), \(self.depth) bits" }

        init(_ type: UInt8, _ depth: UInt8) {
            self.type = type
            self.depth = depth
        }

        init(of file: [UInt8]) { self.init(file[25], file[24]) }
    }

    /// Patches of these colours, one of them for each pixel in between.
    static func patches(_ width: Int, _ height: Int, _ colours: [[UInt8]], seed: UInt64 = 3) -> Picture {
        var random = Xorshift(seed)
        return Picture(width, height, channels: colours[0].count) { x, y in
            x % 7 == 3 ? colours.randomElement(using: &random)! : colours[(x / 5 * 3 + y / 4) % colours.count]
        }
    }

    /// So many different ones; red is no shade of gray's. All but every `clear`th are opaque.
    static func colours(_ count: Int, channels: Int, clear: Int = 3) -> [[UInt8]] {
        (0..<count).map { index in
            let shade = UInt8(index % 251)
            let colour = [shade, UInt8(truncatingIfNeeded: 7 + index / 251), UInt8(truncatingIfNeeded: index &* 37)]
            let alpha = index % clear == 0 ? UInt8(truncatingIfNeeded: index &* 11) & 0x7F : 255
            return channels == 1 ? [shade] : channels == 3 ? colour : colour + [alpha]
        }
    }

    private static func gray(_ shades: [UInt8], channels: Int = 1) -> [[UInt8]] {
        shades.map { [UInt8](repeating: $0, count: min(channels, 3)) + (channels == 4 ? [255] : []) }
    }

    /// Shades from black to white in even steps.
    private static func shades(_ count: Int) -> [UInt8] { (0..<count).map { UInt8($0 * 255 / (count - 1)) } }

    private func check(_ picture: Picture, is kind: Kind?, _ comment: Comment? = nil) throws {
        let file = try picture.png()
        #expect(try Picture(decoding: file) == picture.withAlpha, comment)
        #expect(try Picture.decoded(file, format: .png).withAlpha == picture.withAlpha, comment)
        if let kind { #expect(Kind(of: file) == kind, comment) }
    }

    @Test(arguments: [1, 3, 4]) func `shades of gray take no more bits than they need`(channels: Int) throws {
        let kinds: [([UInt8], Kind)] = [
            ([0], Kind(0, 1)), ([255], Kind(0, 1)), ([0, 255], Kind(0, 1)), ([0, 85], Kind(0, 2)),
            (Self.shades(4), Kind(0, 2)),
            ([0, 17], Kind(0, 4)), (Self.shades(16), Kind(0, 4)), ([0, 254], Kind(3, 1)), ([9, 100, 101], Kind(3, 2)),
            (Array(Self.shades(16).dropLast()) + [251], Kind(3, 4)), (Array(0...16), Kind(0, 8)),
            (Array(0...255), Kind(0, 8)),
        ]
        for (shades, kind) in kinds {
            let colours = Self.gray(shades, channels: channels)
            try self.check(Self.patches(61, 90, colours), is: kind, "\(shades), \(channels) channels")
        }
    }

    @Test func `few colours become a palette with as few bits as count them`() throws {
        for (count, depth) in [(2, 1), (3, 2), (4, 2), (5, 4), (16, 4), (17, 8), (255, 8), (256, 8)] {
            for channels in [3, 4] {
                let picture = Self.patches(200, 120, Self.colours(count, channels: channels))
                try self.check(picture, is: Kind(3, UInt8(depth)), "\(count) colours, \(channels) channels")
            }
        }
    }

    @Test func `one colour more is too many`() throws {
        try self.check(Self.patches(200, 120, Self.colours(257, channels: 3)), is: Kind(2, 8))
        try self.check(Self.patches(200, 120, Self.colours(257, channels: 4)), is: Kind(6, 8))
        // The last pixel has it.
        var picture = Self.patches(200, 120, Self.colours(256, channels: 3))
        picture.samples[picture.samples.count - 1] = 0xFE
        picture.samples[picture.samples.count - 2] = 0xFE
        try self.check(picture, is: Kind(2, 8))
    }

    @Test func `gray with alpha has two channels`() throws {
        let picture = Picture(90, 90, channels: 4) { x, y in
            let shade = UInt8((x * 3 + y) % 256)
            return [shade, shade, shade, UInt8((x + y * 2) % 256)]
        }
        try self.check(picture, is: Kind(4, 8))
    }

    @Test func `colours of transparent pixels stay`() throws {
        let colours: [[UInt8]] = [[1, 2, 3, 0], [4, 5, 6, 0], [0, 0, 0, 0], [1, 2, 3, 255], [4, 5, 6, 128]]
        try self.check(Self.patches(80, 60, colours), is: Kind(3, 4))
    }

    @Test func `a palette that takes more than it saves is not written`() throws {
        let picture = Picture(12, 12, channels: 3) { x, y in [UInt8(x * 20), UInt8(y * 20), 9] }
        try self.check(picture, is: Kind(2, 8))
    }

    @Test(arguments: [1, 2, 3, 7, 8, 9, 31, 33, 100]) func `rows of any width are packed`(width: Int) throws {
        for height in [1, 2, 65] {
            for count in [1, 2, 3, 4, 5, 16, 17, 200, 300] {
                for channels in [1, 3, 4] {
                    let picture = Self.patches(
                        width, height, Self.colours(count, channels: channels), seed: UInt64(count))
                    try self.check(picture, is: nil, "\(width)x\(height), \(count) colours, \(channels) channels")
                }
            }
        }
    }

    @Test func `colours that all want the same place in the table are too many`() throws {
        // As the table's hash has it. Without a bound each pixel would look at all of them.
        var same: [[UInt8]] = []
        for red in 0...255 as ClosedRange<UInt32> {
            for green in 0...255 as ClosedRange<UInt32> where same.count < 60 {
                let colour = red | green << 8 | 0xFF07_0000
                if (colour &* 2_654_435_761) >> 22 == 77 { same.append([UInt8(red), UInt8(green), 7]) }
            }
        }
        try #require(same.count == 60)
        try self.check(Self.patches(200, 120, Array(same[..<32])), is: Kind(3, 8))
        try self.check(Self.patches(200, 120, same), is: Kind(2, 8))
    }

    @Test func `a drawing of many colours is not filtered where that hides what repeats`() throws {
        // One glyph of many tints, all over the picture, in lines that begin further and further to the left.
        var random = Xorshift(8)
        let tints = Self.colours(2000, channels: 3)
        let glyph = (0..<1024).map { _ in
            Bool.random(using: &random) ? [255, 255, 255] : tints.randomElement(using: &random)!
        }
        let picture = Picture(400, 320, channels: 3) { x, y in glyph[y % 32 * 32 + (x / 2 + y / 32 * 5) % 32] }
        try self.check(picture, is: Kind(2, 8))
        #expect(try picture.png().count < 28_000)
    }

    @Test func `a limit on bytes is one for every kind`() throws {
        let picture = Self.patches(200, 120, Self.colours(40, channels: 4))
        let count = try picture.png().count
        #expect(try picture.png(maxBytes: count).count == count)
        #expect(throws: (any Error).self) { try picture.png(maxBytes: count - 1) }
    }
}
