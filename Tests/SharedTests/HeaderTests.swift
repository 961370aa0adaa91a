// SPDX-License-Identifier: Apache-2.0
import ImageJob
import Testing

private func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

private func big(_ value: Int, _ count: Int) -> [UInt8] { little(value, count).reversed() }

private func box(_ name: String, _ content: [UInt8]) -> [UInt8] {
    big(content.count + 8, 4) + Array(name.utf8) + content
}

struct HeaderTests {
    private static func webp(_ name: String, _ content: [UInt8]) -> [UInt8] {
        let chunk = Array(name.utf8) + little(content.count, 4) + content
        return Array("RIFF".utf8) + little(chunk.count + 4, 4) + Array("WEBP".utf8) + chunk
    }

    private static func bmp(_ header: [UInt8]) -> [UInt8] {
        Array("BM".utf8) + little(100, 4) + little(0, 4) + little(14 + header.count, 4) + header
    }

    private static func tiff(isLittle: Bool, _ entries: [(tag: Int, type: Int, value: Int)]) -> [UInt8] {
        func bytes(_ value: Int, _ count: Int) -> [UInt8] { isLittle ? little(value, count) : big(value, count) }
        var file = Array((isLittle ? "II" : "MM").utf8) + bytes(42, 2) + bytes(16, 4) + [UInt8](repeating: 0, count: 8)
        file += bytes(entries.count, 2)
        for entry in entries {
            let width = entry.type == 3 ? 2 : 4
            file += bytes(entry.tag, 2) + bytes(entry.type, 2) + bytes(1, 4) + bytes(entry.value, width)
            file += [UInt8](repeating: 0, count: 4 - width)
        }
        return file + bytes(0, 4)
    }

    /// An AVIF's boxes: a thumbnail of 7 by 5 comes first, the picture is item 2.
    private static func avif(
        _ size: (Int, Int), more: [UInt8] = [], wide: Bool = false, associations: [UInt8]? = nil
    ) -> [UInt8] {
        func extent(_ width: Int, _ height: Int) -> [UInt8] { box("ispe", big(0, 4) + big(width, 4) + big(height, 4)) }
        let properties = box("ipco", extent(7, 5) + box("av1C", [1, 2, 3, 4]) + extent(size.0, size.1) + more)
        func item(_ number: Int, _ numbers: [Int]) -> [UInt8] {
            big(number, wide ? 4 : 2) + [UInt8(numbers.count)]
                + numbers.flatMap { wide ? big($0 | 0x8000, 2) : [UInt8($0 | 0x80)] }
        }
        let list = associations ?? item(1, [1, 2]) + item(2, more.isEmpty ? [2, 3] : [2, 3, 4])
        let header: [UInt8] = wide ? [1, 0, 0, 1] : [0, 0, 0, 0]
        let meta =
            box("hdlr", [UInt8](repeating: 0, count: 24)) + box("pitm", big(0, 4) + big(2, 2))
            + box("iprp", properties + box("ipma", header + big(2, 4) + list))
        return box("ftyp", Array("avif".utf8) + big(0, 4)) + box("free", []) + box("meta", big(0, 4) + meta)
    }

    static let files: [(name: String, bytes: [UInt8], size: ImageSize)] = {
        func size(_ width: Int, _ height: Int) -> ImageSize { ImageSize(width: width, height: height) }
        let short = little(12, 4) + little(300, 2) + little(40_000, 2) + little(1, 2) + little(24, 2)
        func info(_ height: Int) -> [UInt8] {
            little(40, 4) + little(70_000, 4) + little(height, 4) + [UInt8](repeating: 0, count: 28)
        }
        return [
            (
                "VP8", webp("VP8 ", [0x10, 0, 0, 0x9D, 0x01, 0x2A] + little(0x4000 | 640, 2) + little(480, 2)),
                size(640, 480)
            ),
            ("VP8L", webp("VP8L", [0x2F] + little(16_382 | 4999 << 14 | 1 << 28, 4)), size(16_383, 5000)),
            ("VP8X", webp("VP8X", [2, 0, 0, 0] + little(65_535, 3) + little(300_000, 3)), size(65_536, 300_001)),
            ("GIF", Array("GIF89a".utf8) + little(320, 2) + little(65_535, 2), size(320, 65_535)),
            ("OS/2 BMP", bmp(short), size(300, 40_000)),
            ("BMP", bmp(info(123)), size(70_000, 123)),
            ("top-down BMP", bmp(info(-123)), size(70_000, 123)),
            ("TIFF", tiff(isLittle: true, [(256, 3, 500), (257, 3, 400)]), size(500, 400)),
            (
                "TIFF, other end first", tiff(isLittle: false, [(254, 4, 0), (256, 4, 70_000), (257, 3, 9)]),
                size(70_000, 9)
            ),
            ("AVIF", avif((1000, 700)), size(1000, 700)),
            ("AVIF, wide numbers", avif((70_000, 1), wide: true), size(70_000, 1)),
        ]
    }()

    @Test(arguments: files)
    func `a header says how large the picture is`(name: String, bytes: [UInt8], size: ImageSize) {
        #expect(ImageHeader.size(of: bytes.span) == size)
        let longer = bytes + [UInt8](repeating: 0xFF, count: 50)
        #expect(ImageHeader.size(of: longer.span) == size)
    }

    @Test(arguments: files)
    func `a header that is cut short says nothing, or the same`(name: String, bytes: [UInt8], size: ImageSize) {
        for count in 0..<bytes.count {
            let short = Array(bytes[..<count])
            let read = ImageHeader.size(of: short.span)
            #expect(read == nil || read == size, "\(count) bytes")
        }
    }

    @Test func `sides of nothing are no size`() {
        let none = [
            Array("GIF89a".utf8) + little(0, 2) + little(9, 2), Self.avif((0, 10)), Self.avif((10, 1 << 31)),
            Self.bmp(little(40, 4) + little(10, 4) + little(0, 4) + [UInt8](repeating: 0, count: 28)),
            Self.bmp(little(40, 4) + little(-10, 4) + little(10, 4) + [UInt8](repeating: 0, count: 28)),
            Self.tiff(isLittle: true, [(256, 4, 10), (257, 4, 0)]), Self.tiff(isLittle: true, [(256, 4, 10)]),
            Self.tiff(isLittle: true, [(256, 5, 10), (257, 3, 10)]),
            Self.webp("VP8 ", [0x10, 0, 0, 0x9D, 0x01, 0x2B] + little(640, 2) + little(480, 2)),
            Self.webp("VP8L", [0x2E] + little(9, 4)),
        ]
        for bytes in none { #expect(ImageHeader.size(of: bytes.span) == nil) }
    }

    @Test func `of a cropped AVIF only the decoder knows the size`() {
        let bytes = Self.avif((100, 100), more: box("clap", [UInt8](repeating: 1, count: 32)))
        #expect(ImageHeader.size(of: bytes.span) == nil)
        let turned = Self.avif((100, 90), more: box("irot", [1]))
        #expect(ImageHeader.size(of: turned.span) == ImageSize(width: 100, height: 90))
    }

    @Test func `lists that lead nowhere end`() {
        let endless = Self.avif((10, 10), associations: [UInt8](repeating: 0, count: 3))
        #expect(ImageHeader.size(of: endless.span) == nil)
        // Boxes of no length, of a length that goes on to the end, and of more than there is.
        for length in [0, 1, 7, 8, Int(UInt32.max)] {
            let bytes = box("ftyp", Array("avif".utf8)) + big(length, 4) + Array("meta".utf8) + big(length, 4)
            #expect(ImageHeader.size(of: bytes.span) == nil)
        }
    }

    @Test func `no bytes at all make it trap`() {
        var random = SystemRandomNumberGenerator()
        for file in Self.files {
            for _ in 0..<3000 {
                var bytes = file.bytes
                for _ in 0..<Int.random(in: 1...6, using: &random) {
                    let at = Int.random(in: 0..<bytes.count, using: &random)
                    bytes[at] =
                        Bool.random(using: &random)
                        ? .random(in: 0...255, using: &random)
                        : [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random)!
                }
                if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0...bytes.count, using: &random)) }
                if let size = ImageHeader.size(of: bytes.span) {
                    #expect((1...Int(Int32.max)).contains(size.width) && (1...Int(Int32.max)).contains(size.height))
                }
            }
        }
    }
}
