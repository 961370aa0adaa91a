// SPDX-License-Identifier: Apache-2.0
import CPictures
import ImageJob
import Testing

struct TrimTests {
    /// `.` is the border, letters are colours.
    private static func drawn(_ rows: [String], border: [UInt8] = [0, 0, 0, 255]) -> Picture {
        let lines = rows.map { Array($0.utf8) }
        return Picture(lines[0].count, lines.count, channels: 4) { x, y in
            lines[y][x] == UInt8(ascii: ".") ? border : [lines[y][x], 50, 60, 255]
        }
    }

    private static func trimmed(_ picture: Picture, _ options: String = "trim") throws -> Picture {
        try Picture(decoding: transform(picture.png(), options).file)
    }

    @Test(arguments: [
        (["....", ".ab.", ".cd.", "...."], 2, 2), ([".....", "..a..", ".bcd.", "..e..", "....."], 3, 3),
        ([".a...", ".ab..", "..c..", ".....", "....."], 2, 3), (["..abc", "..def"], 3, 2),
        // No border: the top left pixel's colour is nowhere else.
        (["abc", "def"], 3, 2),
    ])
    func `a border of one colour goes`(rows: [String], width: Int, height: Int) throws {
        #expect(try Self.trimmed(Self.drawn(rows)).size == ImageSize(width: width, height: height))
    }

    @Test(arguments: [
        ["........", "........", "........"], [".....", "..a..", "....."], ["....", ".ab.", "...."],
        ["....", "..a.", "..b.", "...."],
    ])
    func `what would leave less than two rows or columns stays as it is`(rows: [String]) throws {
        let picture = Self.drawn(rows)
        #expect(try Self.trimmed(picture) == picture)
    }

    @Test func `a border is one only if its alpha is the same, too`() throws {
        var picture = Self.drawn(["....", ".ab.", ".cd.", "...."], border: [9, 9, 9, 0])
        #expect(try Self.trimmed(picture).size == ImageSize(width: 2, height: 2))
        // In the lowest row there is nothing else.
        picture.samples[4 * (3 * 4 + 0) + 3] = 1
        #expect(try Self.trimmed(picture).size == ImageSize(width: 3, height: 3))
    }

    @Test(arguments: 1...8)
    func `the border's colour is at the upright picture's top left`(orientation: Int) throws {
        // Two borders of different widths: which one goes tells which corner was looked at.
        let below = Picture(9, 7, channels: 3) { x, y in
            y == 0 ? [1, 1, 1] : y > 4 ? [2, 2, 2] : [UInt8(10 * x + 50), UInt8(10 * y), 0]
        }
        let beside = Picture(9, 7, channels: 3) { x, y in
            x == 0 ? [1, 1, 1] : x > 5 ? [2, 2, 2] : [UInt8(10 * x + 50), UInt8(10 * y), 0]
        }
        for picture in [below, beside] {
            let file = try withChunk(picture.png(), "eXIf", exif(orientation: orientation))
            let upright = try Self.trimmed(picture.oriented(orientation))
            #expect(upright.size != picture.oriented(orientation).size)
            #expect(try Picture(decoding: transform(file, "trim").file) == upright)
        }
    }

    @Test func `sizes refer to the picture that trimming has left`() throws {
        let picture = Picture(60, 40, channels: 3) { x, y in
            (10..<50).contains(x) && (10..<30).contains(y) ? [UInt8(4 * x), UInt8(4 * y), 100] : [0, 0, 0]
        }
        let whole = picture.cropped(PixelRect(x: 10, y: 10, width: 40, height: 20))
        #expect(try Self.trimmed(picture, "trim,0.5x") == Self.trimmed(whole, "0.5x"))
        #expect(try Self.trimmed(picture, "trim,cx5,cw20,r90") == Self.trimmed(whole, "cx5,cw20,r90"))
    }

    @Test func `a JPEG is trimmed by what its pixels say`() throws {
        let picture = Picture(64, 48, channels: 3) { x, y in
            (16..<48).contains(x) && (16..<32).contains(y) ? [200, 100, 50] : [255, 255, 255]
        }
        let outcome = try transform(picture.jpeg { $0.quality = 100 }, "trim")
        #expect(outcome.format == .jpeg)
        #expect(outcome.size == ImageSize(width: 32, height: 16))
    }
}
