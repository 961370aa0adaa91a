// SPDX-License-Identifier: Apache-2.0
import Codecs
import ImageJob
import JobRunner
import Testing

struct FormatsTests {
    /// Opaque with a soft edge to nothing.
    private static let withAlpha = Picture(37, 29, channels: 4) { x, y in
        [UInt8(x * 6), UInt8(y * 8), UInt8(255 - x * 3), UInt8(min(255, max(0, (x + y) * 8 - 100)))]
    }

    @Test(arguments: [ImageFormat.tiff, .bmp], [1, 3, 4])
    func `a format that loses nothing gives back every sample`(format: ImageFormat, channels: Int) throws {
        for width in [1, 2, 3, 4, 37] {
            let picture = Picture.noise(width, 29, channels: channels)
            let file = try picture.encoded(format)
            #expect(ImageHeader.size(of: file.span) == picture.size)
            let decoded = try Picture.decoded(file, format: format)
            // Bitmaps have no gray of their own.
            #expect((channels == 4 ? decoded : decoded.withAlpha) == (channels == 4 ? picture : picture.withAlpha))
        }
    }

    @Test(arguments: [(ImageFormat.webp, 90, 36.0), (.webp, 50, 31), (.avif, 90, 40), (.avif, 50, 33)], [1, 3, 4])
    func `a format that loses something stays close`(
        kind: (format: ImageFormat, quality: Int, least: Double), channels: Int
    ) throws {
        for (width, height) in [(64, 48), (33, 31), (1, 1)] {
            let picture = Picture.soft(width, height, channels: channels)
            let file = try picture.encoded(kind.format, quality: kind.quality)
            #expect(ImageHeader.size(of: file.span) == picture.size)
            let decoded = try Picture.decoded(file, format: kind.format)
            // What is transparent may have any colour.
            #expect(decoded.withAlpha.premultiplied.psnr(to: picture.withAlpha.premultiplied) > kind.least)
        }
    }

    @Test func `a GIF of few colours is exact, and of many close`() throws {
        let few = Picture(50, 40, channels: 3) { x, y in [UInt8(x / 4 * 16), UInt8(y / 3 * 19 & 255), 7] }
        #expect(try Picture.decoded(few.encoded(.gif), format: .gif) == few)
        let gray = Picture.noise(50, 40, channels: 1)
        #expect(try Picture.decoded(gray.encoded(.gif), format: .gif).withAlpha == gray.withAlpha)
        let soft = Picture.soft(200, 150)
        #expect(try Picture.decoded(soft.encoded(.gif), format: .gif).psnr(to: soft) > 30)
    }

    @Test func `alpha in a GIF is all or nothing`() throws {
        let picture = Self.withAlpha
        let decoded = try Picture.decoded(picture.encoded(.gif), format: .gif)
        for index in stride(from: 3, to: picture.samples.count, by: 4) {
            #expect(decoded.samples[index] == (picture.samples[index] < 128 ? 0 : 255))
        }
        let clear = Picture(5, 4, channels: 4) { _, _ in [9, 9, 9, 0] }
        #expect(try Picture.decoded(clear.encoded(.gif), format: .gif).samples.allSatisfy { $0 == 0 })
    }

    @Test func `what no option names becomes what everybody can read`() throws {
        let opaque = Picture.soft(40, 30)
        let expected: [(ImageFormat, ImageFormat, ImageFormat)] = [
            (.webp, .jpeg, .png), (.tiff, .jpeg, .png), (.bmp, .bmp, .bmp), (.gif, .gif, .gif), (.avif, .avif, .avif),
            (.png, .png, .png),
        ]
        for (source, ofOpaque, ofAlpha) in expected {
            for options in ["20x", ""] {
                let first = try transform(opaque.encoded(source), options)
                #expect(first.format == ofOpaque)
                #expect(ImageFormat(magic: first.file.span) == ofOpaque)
                #expect(try transform(Self.withAlpha.encoded(source), options).format == ofAlpha)
            }
            // A channel that is opaque all over is none.
            #expect(try transform(opaque.withAlpha.encoded(source), "20x").format == ofOpaque)
        }
    }

    @Test(arguments: ImageFormat.allCases, ImageFormat.allCases)
    func `every format becomes every other`(source: ImageFormat, target: ImageFormat) throws {
        let picture = Picture.soft(80, 60)
        let outcome = try transform(picture.encoded(source), "40x,q95,\(target.optionWord)")
        #expect(outcome.format == target)
        #expect(outcome.size == ImageSize(width: 40, height: 30))
        #expect(ImageFormat(magic: outcome.file.span) == target)
        #expect(ImageHeader.size(of: outcome.file.span) == outcome.size)
        let small = Picture.soft(40, 30)
        #expect(try Picture.decoded(outcome.file, format: target).withAlpha.psnr(to: small.withAlpha) > 29)
    }

    @Test func `quality that is not asked for is the original service's`() throws {
        let file = try Picture.noise(40, 30, channels: 3).png()
        for (format, quality) in [(ImageFormat.jpeg, 95), (.webp, 80), (.avif, 55)] {
            let word = format.optionWord
            #expect(try transform(file, word).file == transform(file, "\(word),q\(quality)").file)
            #expect(try transform(file, word).file != transform(file, "\(word),q\(quality - 30)").file)
        }
    }

    @Test(arguments: 1...8)
    func `orientation in TIFF and WebP is obeyed`(orientation: Int) throws {
        let stored = Picture.soft(48, 32)
        let expected = stored.oriented(orientation)
        var tiff = Self.rgb(stored)
        tiff.tags.append((274, 3, [orientation]))
        #expect(try Picture(decoding: transform(tiff.bytes, "png").file) == expected.withAlpha)

        let webp = try extendedWebP(
            stored.encoded(.webp, quality: 95), size: stored.size, exif: exif(orientation: orientation))
        let turned = try Picture(decoding: transform(webp, "png").file)
        #expect(turned.psnr(to: expected.withAlpha) > 38)
        let outcome = try transform(webp, "24x,png")
        #expect(outcome.size == ImageSize(width: 24, height: orientation < 5 ? 16 : 36))
    }

    // MARK: Bitmaps

    private static func show(_ file: [UInt8], _ format: ImageFormat) throws -> Picture {
        try Picture.decoded(file, format: format)
    }

    @Test func `bitmaps of every depth are read`() throws {
        // Two rows, bottom first, each padded to four bytes.
        let colours: [[UInt8]] = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [250, 251, 252]]
        let palette: [UInt8] = colours.flatMap { colour -> [UInt8] in [colour[2], colour[1], colour[0], 0] }
        func expected(_ rows: [[Int]]) -> Picture {
            Picture(rows[0].count, rows.count, channels: 3) { x, y in colours[rows[y][x]] }
        }
        let one = bitmap(
            header: bitmapHeader(3, 2, bits: 1), palette: Array(palette[..<8]),
            pixels: [0b1010_0000, 0, 0, 0, 0b0110_0000, 0, 0, 0])
        #expect(try Self.show(one, .bmp) == expected([[0, 1, 1], [1, 0, 1]]))
        let four = bitmap(
            header: bitmapHeader(3, 2, bits: 4), palette: palette, pixels: [0x01, 0x20, 0, 0, 0x32, 0x10, 0, 0])
        #expect(try Self.show(four, .bmp) == expected([[3, 2, 1], [0, 1, 2]]))
        let eight = bitmap(
            header: bitmapHeader(3, -2, bits: 8), palette: palette, pixels: [0, 1, 2, 0, 3, 2, 1, 0])
        #expect(try Self.show(eight, .bmp) == expected([[0, 1, 2], [3, 2, 1]]))
        let short = little(12, 4) + little(2, 2) + little(1, 2) + little(1, 2) + little(8, 2)
        let old = bitmap(header: short, palette: colours.flatMap { $0.reversed() }, pixels: [2, 3, 0, 0])
        #expect(try Self.show(old, .bmp) == expected([[2, 3]]))
    }

    @Test func `bitmaps with masks are read`() throws {
        let narrow = bitmap(header: bitmapHeader(2, 1, bits: 16), pixels: little(0x7C1F, 2) + little(0x03E0, 2))
        #expect(try Self.show(narrow, .bmp).samples == [255, 0, 255, 0, 255, 0])
        let masks = [0xF800, 0x07E0, 0x001F].flatMap { little($0, 4) }
        let wide = bitmap(
            header: bitmapHeader(2, 1, bits: 16, compression: 3) + masks, pixels: little(0xF800, 2) + little(0x0010, 2))
        #expect(try Self.show(wide, .bmp).samples == [255, 0, 0, 0, 0, 132])
        let four = [0xFF0000, 0xFF00, 0xFF, 0xFF00_0000]
        let alpha = bitmap(
            header: bitmapHeader(2, 1, bits: 32, compression: 3, length: 108, masks: four),
            pixels: [3, 2, 1, 128, 6, 5, 4, 0])
        #expect(try Self.show(alpha, .bmp).samples == [1, 2, 3, 128, 4, 5, 6, 0])
        // Alpha that is nowhere anything but zero was never written.
        let forgotten = bitmap(
            header: bitmapHeader(2, 1, bits: 32, compression: 3, length: 108, masks: four),
            pixels: [3, 2, 1, 0, 6, 5, 4, 0])
        #expect(try Self.show(forgotten, .bmp).samples == [1, 2, 3, 4, 5, 6])
    }

    @Test func `bitmaps in runs are read`() throws {
        let palette: [UInt8] = (0..<16).flatMap { value -> [UInt8] in [value, value, value, 0] }
        // A run, pixels as they are, the end of the row, a jump, a run beyond the border, the end of the row, a jump, the end.
        let runs: [UInt8] = [3, 7, 0, 3, 1, 2, 3, 0, 0, 0, 0, 2, 2, 0, 9, 5, 0, 0, 0, 2, 0, 1, 0, 1]
        let eight = bitmap(header: bitmapHeader(6, 3, bits: 8, compression: 1), palette: palette, pixels: runs)
        let rows: [[UInt8]] = [[0, 0, 0, 0, 0, 0], [0, 0, 5, 5, 5, 5], [7, 7, 7, 1, 2, 3]]
        #expect(
            try Self.show(eight, .bmp) == Picture(6, 3, channels: 3) { x, y in [rows[y][x], rows[y][x], rows[y][x]] })
        let four = bitmap(
            header: bitmapHeader(6, 1, bits: 4, compression: 2), palette: palette,
            pixels: [3, 0x12, 0, 3, 0x34, 0x50, 0, 0, 0, 1])
        let row: [UInt8] = [1, 2, 1, 3, 4, 5]
        #expect(try Self.show(four, .bmp) == Picture(6, 1, channels: 3) { x, _ in [row[x], row[x], row[x]] })
    }

    // MARK: TIFF

    private static func rgb(_ picture: Picture) -> TIFFFile {
        let bits = (258, 3, [8, 8, 8])
        return TIFFFile(
            width: picture.width, height: picture.height,
            tags: [bits, (259, 3, [1]), (262, 3, [2]), (277, 3, [3])], parts: [picture.samples])
    }

    @Test(arguments: [true, false])
    func `TIFFs in strips, tiles and planes are read`(isLittle: Bool) throws {
        let picture = Picture.noise(21, 19, channels: 3)
        var file = Self.rgb(picture)
        file.isLittle = isLittle
        #expect(try Self.show(file.bytes, .tiff) == picture)
        file.parts = stride(from: 0, to: 19, by: 4).map {
            Array(picture.samples[($0 * 63)..<min($0 + 4, 19) * 63])
        }
        file.rowsPerStrip = 4
        #expect(try Self.show(file.bytes, .tiff) == picture)

        func tile(_ left: Int, _ top: Int, _ channels: Range<Int>) -> [UInt8] {
            var samples: [UInt8] = []
            for y in top..<top + 16 {
                for x in left..<left + 16 {
                    let pixel: [UInt8] = x < 21 && y < 19 ? Array(picture[x, y]) : [7, 7, 7]
                    samples += pixel[channels]
                }
            }
            return samples
        }
        let corners = [(0, 0), (16, 0), (0, 16), (16, 16)]
        file.tile = (16, 16)
        file.parts = corners.map { tile($0.0, $0.1, 0..<3) }
        #expect(try Self.show(file.bytes, .tiff) == picture)
        file.tags.append((284, 3, [2]))
        file.parts = (0..<3).flatMap { channel -> [[UInt8]] in
            corners.map { tile($0.0, $0.1, channel..<channel + 1) }
        }
        #expect(try Self.show(file.bytes, .tiff) == picture)
        file.tile = nil
        file.rowsPerStrip = 19
        file.parts = (0..<3).map { channel -> [UInt8] in
            stride(from: channel, to: 21 * 19 * 3, by: 3).map { picture.samples[$0] }
        }
        #expect(try Self.show(file.bytes, .tiff) == picture)
    }

    @Test func `TIFFs of every kind of sample are read`() throws {
        func file(_ width: Int, _ tags: [(tag: Int, type: Int, values: [Int])], _ row: [UInt8]) -> [UInt8] {
            TIFFFile(width: width, height: 1, tags: tags + [(259, 3, [1])], parts: [row]).bytes
        }
        func gray(_ bits: Int, _ kind: Int) -> [(tag: Int, type: Int, values: [Int])] {
            [(258, 3, [bits]), (262, 3, [kind]), (277, 3, [1])]
        }
        #expect(
            try Self.show(file(9, gray(1, 1), [0b1010_0000, 0x80]), .tiff).samples == [255, 0, 255, 0, 0, 0, 0, 0, 255])
        #expect(try Self.show(file(3, gray(1, 0), [0b1010_0000]), .tiff).samples == [0, 255, 0])
        #expect(try Self.show(file(4, gray(2, 1), [0b0001_1011]), .tiff).samples == [0, 85, 170, 255])
        #expect(try Self.show(file(3, gray(4, 1), [0x0F, 0x80]), .tiff).samples == [0, 255, 136])
        #expect(try Self.show(file(2, gray(8, 0), [1, 250]), .tiff).samples == [254, 5])
        #expect(try Self.show(file(2, gray(16, 1), little(257 * 9, 2) + little(65_535, 2)), .tiff).samples == [9, 255])
        let map = (0..<3).flatMap { channel in (0..<16).map { ($0 * 10 + channel) * 257 } }
        let palette = gray(4, 3) + [(320, 3, map)]
        #expect(try Self.show(file(2, palette, [0x2F]), .tiff).samples == [20, 21, 22, 150, 151, 152])
        let inks: [(tag: Int, type: Int, values: [Int])] = [(258, 3, [8, 8, 8, 8]), (262, 3, [5]), (277, 3, [4])]
        #expect(
            try Self.show(file(2, inks, [0, 255, 0, 0, 0, 0, 0, 255]), .tiff).samples == [255, 0, 255, 0, 0, 0])
        func alpha(_ kind: Int) -> [(tag: Int, type: Int, values: [Int])] {
            [(258, 3, [8, 8, 8, 8]), (262, 3, [2]), (277, 3, [4]), (338, 3, [kind])]
        }
        let row: [UInt8] = [100, 50, 0, 128, 9, 9, 9, 0]
        #expect(try Self.show(file(2, alpha(2), row), .tiff).samples == row)
        #expect(try Self.show(file(2, alpha(1), row), .tiff).samples == [199, 100, 0, 128, 0, 0, 0, 0])
        #expect(try Self.show(file(2, alpha(0), row), .tiff).samples == [100, 50, 0, 9, 9, 9])
    }
}
