// SPDX-License-Identifier: Apache-2.0
import ImageJob
import Testing

struct FormatTests {
    /// The shortest file beginning of each kind that must be recognised.
    static let beginnings: [(bytes: [UInt8], format: ImageFormat)] = [
        ([0xFF, 0xD8, 0xFF], .jpeg),
        ([0x89] + Array("PNG\r\n\u{1A}\n".utf8), .png),
        (Array("RIFF".utf8) + [1, 2, 3, 4] + Array("WEBPVP8".utf8), .webp),
        (Array("GIF87a".utf8), .gif),
        (Array("GIF89a".utf8), .gif),
        (Array("II*\u{0}".utf8), .tiff),
        (Array("MM\u{0}*".utf8), .tiff),
        (Array("II+\u{0}\u{8}\u{0}\u{0}\u{0}".utf8), .tiff),
        (Array("MM\u{0}+\u{0}\u{8}\u{0}\u{0}".utf8), .tiff),
        (Array("BM".utf8) + [UInt8](repeating: 0, count: 16), .bmp),
        ([0, 0, 0, 32] + Array("ftypavif".utf8), .avif),
        ([0, 0, 0, 32] + Array("ftypavis".utf8), .avif),
    ]

    @Test(arguments: beginnings)
    func `a format is known by its magic bytes`(bytes: [UInt8], format: ImageFormat) {
        #expect(ImageFormat(magic: bytes.span) == format)
        let longer = bytes + [UInt8](repeating: 0xA5, count: 40)
        #expect(ImageFormat(magic: longer.span) == format)
        #expect(bytes.count <= ImageFormat.magicLength)
    }

    @Test(arguments: beginnings)
    func `magic bytes cut short name nothing`(bytes: [UInt8], format: ImageFormat) {
        for length in 0..<bytes.count {
            let short = Array(bytes.prefix(length))
            #expect(ImageFormat(magic: short.span) == nil, "\(length) bytes of \(format)")
        }
    }

    @Test(arguments: beginnings)
    func `one wrong magic byte names nothing`(bytes: [UInt8], format: ImageFormat) {
        for index in bytes.indices
        where !(format == .webp && 4..<8 ~= index) && !(format == .avif && index < 4)
            && !(format == .bmp && index >= 2)
        {
            var wrong = bytes
            wrong[index] ^= 0x80
            #expect(ImageFormat(magic: wrong.span) == nil, "byte \(index) of \(format)")
        }
    }

    @Test func `AVIF is known by any brand that its first box lists, as far as that is looked at`() {
        func file(_ length: Int, _ brands: String) -> [UInt8] {
            [0, 0, 0, UInt8(length)] + Array(("ftyp" + brands).utf8) + [UInt8](repeating: 0, count: 20)
        }
        for brands in ["mif1....avif", "mif1....mif1miafavif", "msf1....mif1avis", "mif1....mif1heicmiafavif"] {
            let bytes = file(8 + brands.utf8.count, brands)
            #expect(ImageFormat(magic: bytes.span) == .avif, "\(brands)")
        }
        for (length, brands) in [
            // Another's, one that stands behind the box, one in the version's place, and one at no brand's place.
            (24, "heic....avif"), (20, "mif1....heicavif"), (24, "mif1avifheic...."), (28, "mif1....heicxavif..."),
            (24, "mif1....heicmiaf"),
        ] {
            let bytes = file(length, brands)
            #expect(ImageFormat(magic: bytes.span) == nil, "\(brands)")
        }
    }

    @Test(arguments: ["", "<svg xmlns=", "<html>", "%PDF-1.7", "RIFF1234WAVEfmt ", "....ftypheic", "GIF88a"])
    func `other files name nothing`(text: String) {
        let bytes = Array(text.utf8)
        #expect(ImageFormat(magic: bytes.span) == nil)
    }

    @Test func `every format has its own word, type and wire code`() {
        #expect(Set(ImageFormat.allCases.map(\.optionWord)).count == ImageFormat.allCases.count)
        #expect(ImageFormat.allCases.map(\.rawValue) == Array(1...7))
        #expect(
            ImageFormat.allCases.map(\.contentType) == [
                "image/jpeg", "image/png", "image/webp", "image/gif", "image/tiff", "image/bmp", "image/avif",
            ])
    }
}
