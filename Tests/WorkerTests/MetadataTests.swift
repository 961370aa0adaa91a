// SPDX-License-Identifier: Apache-2.0
import ImageJob
import Testing

@testable import Codecs

// Expectations cannot hold spans.
private func read(_ bytes: [UInt8]) -> Int { ExifOrientation.read(bytes.span) }
private func isStandard(_ profile: [UInt8]) -> Bool { ColourProfile.isStandard(profile.span) }

struct MetadataTests {
    @Test(arguments: 1...8) func `an orientation is read in both byte orders and both sizes`(orientation: Int) {
        for isLittle in [true, false] {
            for type in [3, 4] {
                let block = exif(orientation: orientation, isLittleEndian: isLittle, type: type)
                #expect(read(block) == orientation)
                #expect(read(Array("Exif\0\0".utf8) + block) == orientation)
            }
        }
    }

    @Test func `an orientation that is none is upright`() {
        for value in [0, 9, 255, 65_535] { #expect(read(exif(orientation: value)) == 1) }
        #expect(read(exif(orientation: 6, type: 2)) == 1)
        #expect(read([UInt8]()) == 1)
    }

    @Test func `EXIF data that ends anywhere is upright or right`() {
        let block = exif(orientation: 6)
        for count in 0..<block.count {
            #expect([1, 6].contains(read(Array(block[..<count]))))
        }
        #expect(read(Array(block[..<12])) == 1)
    }

    @Test func `a directory that claims to lie at the end of the address space, or in itself, is no harm`() {
        for offset: [UInt8] in [[0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0], [4, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0x7F]] {
            var block = exif(orientation: 6)
            block.replaceSubrange(4..<8, with: offset)
            #expect(read(block) == 1)
        }
    }

    @Test func `random bytes never trap`() {
        var random = Xorshift(3)
        let starts = [
            exif(orientation: 6), [0xFF, 0xD8], Picture.soft(9, 9).jpeg(), profile(), Array("\u{89}PNG".utf8),
        ]
        for _ in 0..<20_000 {
            var bytes = starts.randomElement(using: &random)!
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            bytes = Array(bytes[..<Int.random(in: 0...bytes.count, using: &random)])
            #expect((1...8).contains(read(bytes)))
            _ = isStandard(bytes)
            for format in [ImageFormat.jpeg, .png] {
                #expect((1...8).contains(PictureMetadata(of: bytes, format).orientation))
            }
        }
    }

    @Test func `only the first EXIF segment counts`() {
        let file = Picture.soft(16, 16).jpeg()
        let twice = withExif(withExif(file, exif(orientation: 3)), exif(orientation: 6))
        #expect(PictureMetadata(of: twice, .jpeg).orientation == 6)
    }

    /// An RGB profile with primaries and a curve.
    private func profile(red: [Double] = [0.4361, 0.2225, 0.0139], curve: [UInt8]? = nil) -> [UInt8] {
        func word(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
        func fixed(_ values: [Double]) -> [UInt8] { values.flatMap { word(Int(($0 * 65_536).rounded())) } }
        func xyz(_ values: [Double]) -> [UInt8] { Array("XYZ ".utf8) + word(0) + fixed(values) }
        // sRGB's own curve, as a function of type 3.
        var standard: [UInt8] = Array("para".utf8) + word(0)
        standard += [0, 3, 0, 0]
        standard += fixed([2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045])
        let parts: [(String, [UInt8])] = [
            ("rXYZ", xyz(red)), ("gXYZ", xyz([0.3851, 0.7169, 0.0971])), ("bXYZ", xyz([0.1431, 0.0606, 0.7141])),
            ("rTRC", curve ?? standard), ("gTRC", curve ?? standard), ("bTRC", curve ?? standard),
        ]
        var header = [UInt8](repeating: 0, count: 128)
        header.replaceSubrange(16..<20, with: Array("RGB ".utf8))
        header.replaceSubrange(36..<40, with: Array("acsp".utf8))
        var table = word(parts.count)
        var contents: [UInt8] = []
        for (name, content) in parts {
            table += Array(name.utf8)
            table += word(128 + 4 + 12 * parts.count + contents.count)
            table += word(content.count)
            contents += content
        }
        return header + table + contents
    }

    @Test func `a profile is sRGB by its primaries and curves`() {
        #expect(isStandard(profile()))
        // Display P3's red.
        #expect(!isStandard(profile(red: [0.5151, 0.2412, -0.0011])))
        // Linear light, and gammas of 1.8 and of 2.2.
        #expect(!isStandard(profile(curve: Array("curv".utf8) + [0, 0, 0, 0, 0, 0, 0, 0])))
        #expect(
            !isStandard(profile(curve: Array("curv".utf8) + [0, 0, 0, 0, 0, 0, 0, 1, 1, 0xCD])))
        #expect(!isStandard(profile(curve: Array("curv".utf8) + [0, 0, 0, 0, 0, 0, 0, 1, 2, 0x33])))
        #expect(!isStandard([UInt8](repeating: 0, count: 500)))
    }

    @Test func `a file with sRGB's profile is as one without`() {
        let file = withSegment(
            Picture.soft(16, 16).jpeg(), 0xE2, Array("ICC_PROFILE\0".utf8) + [1, 1] + profile())
        #expect(!PictureMetadata(of: file, .jpeg).hasForeignProfile)
    }
}
