// SPDX-License-Identifier: Apache-2.0
import CPictures
import Codecs
import Foundation
import ImageJob
import Testing

struct PNGTests {
    struct Kind: Sendable, CustomTestStringConvertible {
        let depth: Int
        let colour: Int
        let isInterlaced: Bool
        let hasTransparency: Bool

        static let all: [Kind] = {
            let types = [
                (1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (8, 2), (16, 2), (1, 3), (2, 3), (4, 3), (8, 3), (8, 4),
                (16, 4), (8, 6), (16, 6),
            ]
            return types.flatMap { depth, colour in
                [false, true].flatMap { isInterlaced in
                    (colour < 4 ? [false, true] : [false]).map {
                        Kind(depth: depth, colour: colour, isInterlaced: isInterlaced, hasTransparency: $0)
                    }
                }
            }
        }()

        /// The same pixels in the usual order.
        var plain: Kind {
            Kind(depth: self.depth, colour: self.colour, isInterlaced: false, hasTransparency: self.hasTransparency)
        }

        var testDescription: String {
            "colour type \(colour), \(depth) bits\(isInterlaced ? ", interlaced" : "")"
                + (hasTransparency ? ", tRNS" : "")
        }

        var channels: Int { self.colour >= 4 || self.hasTransparency ? 4 : self.colour == 0 ? 1 : 3 }

        func file(_ width: Int, _ height: Int) -> [UInt8] {
            var random = Xorshift(UInt64(self.depth * 8 + self.colour))
            let samples = [1, 0, 3, 1, 2, 0, 4][self.colour]
            let stride = (width * samples * self.depth + 7) / 8
            // Few values, so that some pixels have the transparent one.
            let rows = (0..<stride * height).map { _ in UInt8.random(in: 0...3, using: &random) &* 85 }
            let palette = (0..<768).map { _ in UInt8.random(in: 0...255, using: &random) }
            let alphas = (0..<1 << min(self.depth, 8)).map { UInt8(truncatingIfNeeded: 255 - $0 * 3) }
            return palette.withUnsafeBufferPointer { palette in
                alphas.withUnsafeBufferPointer { alphas in
                    var recipe = png_recipe()
                    recipe.width = CInt(width)
                    recipe.height = CInt(height)
                    recipe.depth = CInt(self.depth)
                    recipe.colour = CInt(self.colour)
                    recipe.is_interlaced = self.isInterlaced ? 1 : 0
                    if self.colour == 3 {
                        recipe.palette = palette.baseAddress
                        recipe.palette_count = CInt(1 << self.depth)
                        if self.hasTransparency {
                            recipe.alphas = alphas.baseAddress
                            recipe.alpha_count = CInt(1 << (self.depth - 1))
                        }
                    } else if self.hasTransparency {
                        recipe.has_key = 1
                        let value: UInt16 = self.depth == 16 ? 0x5555 : self.depth == 8 ? 85 : 1
                        recipe.key = (value, value, value)
                    }
                    let file = make_png(rows, &recipe)
                    defer { free(file.bytes) }
                    return Array(UnsafeBufferPointer(start: file.bytes, count: file.count))
                }
            }
        }
    }

    @Test(arguments: Kind.all) func `every kind is read as libpng reads it`(kind: Kind) throws {
        for (width, height) in [(1, 1), (37, 21), (8, 9), (3, 40)] {
            let file = kind.file(width, height)
            let read = try Picture.decoded(file, format: .png)
            #expect(read.channels == kind.channels)
            // libpng's simple interface fails at interlaced pictures of 16 bits, and rounds these in a way of its own.
            let reference = try Picture(decoding: kind.plain.file(width, height))
            #expect(read.withAlpha.distance(to: reference) <= (kind.depth == 16 ? 1 : 0))
        }
    }

    @Test(arguments: [1, 3, 4]) func `what is written is what libpng reads`(channels: Int) throws {
        for (width, height) in [(1, 1), (5, 3), (16, 16), (37, 21), (100, 80)] {
            let noise = Picture.noise(width, height, channels: channels)
            for picture in [noise, .soft(width, height, channels: channels)] {
                let file = try picture.png()
                #expect(try Picture(decoding: file) == picture.withAlpha)
                #expect(try Picture.decoded(file, format: .png).withAlpha == picture.withAlpha)
            }
        }
    }

    /// A picture whose rows have these filters, and anything at all as what is left of their samples.
    private static func filtered(_ width: Int, _ filters: [UInt8], colour: UInt8, _ random: inout Xorshift) -> [UInt8] {
        let stride = width * [1, 0, 3, 0, 2, 0, 4][Int(colour)]
        let rows = filters.flatMap { filter in
            [filter] + (0..<stride).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        func word(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
        // One block that is stored as it is.
        let count = [UInt8(rows.count & 255), UInt8(rows.count >> 8)]
        let (low, high) = rows.reduce((1, 0)) { sums, byte in
            let low = (sums.0 + Int(byte)) % 65_521
            return (low, (sums.1 + low) % 65_521)
        }
        let data = [0x78, 0x01, 1] + count + count.map { ~$0 } + rows + word(high << 16 | low)
        return [0x89] + Array("PNG\r\n\u{1A}\n".utf8)
            + chunk("IHDR", word(width) + word(filters.count) + [8, colour, 0, 0, 0])
            + chunk("IDAT", data) + chunk("IEND", [])
    }

    @Test(arguments: [0, 2, 4, 6] as [UInt8]) func `filters are undone as libpng does it, in any order`(colour: UInt8)
        throws
    {
        var random = Xorshift(UInt64(colour) + 40)
        for width in Array(1...12) + [33, 100] {
            for _ in 0..<6 {
                // Mostly Paeth's, so that there are runs of every length.
                let filters = (0..<Int.random(in: 1...14, using: &random)).map { _ in
                    Int.random(in: 0...3, using: &random) > 0 ? 4 : UInt8.random(in: 0...4, using: &random)
                }
                let file = Self.filtered(width, filters, colour: colour, &random)
                #expect(
                    try Picture.decoded(file, format: .png).withAlpha == Picture(decoding: file), "\(width), \(filters)"
                )
            }
        }
    }

    @Test func `a file has the colour type that its picture needs`() throws {
        func colourType(_ picture: Picture) throws -> UInt8 { try transform(picture.png(), "5x").file[25] }
        #expect(try colourType(.soft(20, 20, channels: 1)) == 0)
        #expect(try colourType(.soft(20, 20)) == 2)
        #expect(try colourType(Picture(20, 20, channels: 4) { x, y in [UInt8(x), UInt8(y), 7, 255] }) == 2)
        #expect(try colourType(Picture(20, 20, channels: 4) { x, y in [UInt8(x), UInt8(y), 7, UInt8(x * 12)] }) == 6)
    }

    @Test func `filters are chosen so that soft pictures become small`() throws {
        let picture = Picture.soft(200, 200)
        #expect(try picture.png().count < 200 * 200 * 3 / 4)
    }

    @Test(arguments: 1...8) func `an orientation is obeyed and gone`(orientation: Int) throws {
        let picture = Picture.noise(13, 9, channels: 3)
        let file = try withChunk(picture.png(), "eXIf", exif(orientation: orientation))
        let outcome = try transform(file, "")
        #expect(try Picture(decoding: outcome.file) == picture.oriented(orientation).withAlpha)
        #expect(PictureMetadata(of: outcome.file, .png).orientation == 1)
    }

    @Test func `a picture too large to be inflated at once is read all the same`() throws {
        // Beyond 32 MiB libpng streams.
        let side = 6000
        let picture = Picture(
            width: side, height: side, channels: 1, samples: [UInt8](repeating: 200, count: side * side))
        let outcome = try transform(picture.png(), "6x6")
        #expect(try Picture(decoding: outcome.file).samples.allSatisfy { $0 == 200 || $0 == 255 })
    }

    @Test func `a profile is no reason to refuse a picture`() throws {
        let picture = Picture.noise(9, 9, channels: 3)
        for content in [Array("x\0\0garbage".utf8), Array("no end".utf8), [0], Array("x\0".utf8), [65, 0, 1, 2]] {
            let file = try withChunk(picture.png(), "iCCP", content)
            #expect(try Picture(decoding: transform(file, "").file) == picture.withAlpha)
        }
    }
}
