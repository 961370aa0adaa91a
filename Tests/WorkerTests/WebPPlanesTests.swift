// SPDX-License-Identifier: Apache-2.0
import CCodecShims
import Codecs
import Glibc
import ImageJob
import JobRunner
import Testing

/// WebP that is transcoded in planes, against what becomes of its pixels.
struct WebPPlanesTests {
    /// What the two ways differ by at least, decibels: chroma is made larger and smaller again in one of them only.
    private static let likeness = 36.0
    /// Where chroma has a sample or two that make up all of a picture, in colours that are far from each other.
    private static let likenessOfTiny = 25.0

    /// A WebP of a soft picture, and a file without loss of the pixels that libwebp makes of it.
    private static func pair(_ width: Int, _ height: Int) throws -> (webp: [UInt8], pixels: [UInt8]) {
        let webp = try Picture.soft(width, height).encoded(.webp, quality: 90)
        return (webp, try Picture.decoded(webp, format: .webp).png())
    }

    @Test(arguments: ["jpeg", "webp", "avif"], [(120, 80), (121, 81), (61, 43), (1, 1), (3, 2), (2, 7)])
    func `planes become what pixels become`(format: String, size: (Int, Int)) throws {
        let (webp, pixels) = try Self.pair(size.0, size.1)
        #expect(try webp.withUnsafeBytes { try PlanarWebP($0, limits: .standard) } != nil)
        for options in ["", "60x", "x31", "50x20", "40,fit", "cx3,cy5,cw50,ch33", "r90", "fv,30x", "fh,r270", "500x"] {
            let format = format == "avif" ? ImageFormat.avif : format == "webp" ? .webp : .jpeg
            let words = "\(options),\(format.optionWord),q95"
            let made = try transform(webp, words)
            let expected = try transform(pixels, words)
            #expect(made.format == format && made.size == expected.size)
            let likeness = try Picture.decoded(made.file, format: format)
                .psnr(to: Picture.decoded(expected.file, format: format))
            let least = min(size.0, size.1) < 8 ? Self.likenessOfTiny : Self.likeness
            #expect(likeness >= least, "\(options): \(likeness) dB")
        }
    }

    /// Samples that are only copied: each of them is another one.
    @Test(arguments: ["", "cx6,cy10,cw40,ch30", "cx5,cy9,cw40,ch30", "fh", "r90"])
    func `a picture that keeps its size keeps its samples`(options: String) throws {
        let soft = Picture.soft(64, 48)
        var random = Xorshift(60)
        let lights = (0..<64 * 48).map { _ in Int.random(in: -40...40, using: &random) }
        let picture = Picture(64, 48, channels: 3) { x, y in
            soft[x, y].map { UInt8(max(0, min(255, Int($0) + lights[64 * y + x]))) }
        }
        for (file, target) in try [
            (picture.encoded(.webp, quality: 100), "jpeg"), (picture.encoded(.webp, quality: 100), "webp"),
            (picture.jpeg(), "jpeg"), (picture.jpeg(), "webp"),
        ] {
            let format: ImageFormat = file.starts(with: Array("RIFF".utf8)) ? .webp : .jpeg
            let pixels = try Picture.decoded(file, format: format).png()
            let made = try transform(file, "\(options),\(target),q100")
            let expected = try transform(pixels, "\(options),png")
            let likeness = try Picture.decoded(made.file, format: made.format).withAlpha
                .psnr(to: Picture(decoding: expected.file))
            #expect(likeness > Self.likeness, "\(target): \(likeness) dB")
        }
    }

    @Test(arguments: 1...8) func `an orientation is obeyed`(orientation: Int) throws {
        let stored = Picture.soft(48, 32)
        let webp = try extendedWebP(
            stored.encoded(.webp, quality: 95), size: stored.size, exif: exif(orientation: orientation))
        let turned = try Picture(decoding: transform(webp, "q95").file)
        #expect(turned.psnr(to: stored.oriented(orientation)) > Self.likeness)
    }

    /// Every value of luma, black and white included, and colours far from gray.
    @Test func `ranges are changed to the nearest value, both ways`() throws {
        let shades = Picture(256, 16, channels: 3) { x, _ in [UInt8(x), UInt8(x), UInt8(x)] }
        let colours = Picture(256, 16, channels: 3) { x, _ in x < 128 ? [230, 20, 40] : [10, 60, 220] }
        for picture in [shades, colours] {
            let webp = try picture.encoded(.webp, quality: 100)
            let pixels = try Picture.decoded(webp, format: .webp)
            let jpeg = try Picture(decoding: transform(webp, "jpeg,q100").file)
            #expect(jpeg.psnr(to: pixels) > 44)
            let again = try Picture.decoded(transform(picture.jpeg(), "webp,q100").file, format: .webp)
            #expect(again.psnr(to: picture) > 34)
        }
    }

    @Test func `gray planes become a WebP without colour`() throws {
        let picture = Picture.soft(61, 43, channels: 1)
        let made = try Picture.decoded(transform(picture.jpeg(), "webp,q95").file, format: .webp)
        let expected = Picture(61, 43, channels: 3) { x, y in Array(repeating: picture[x, y].first!, count: 3) }
        #expect(made.psnr(to: expected) > 38)
    }

    @Test func `what is no planar file takes the usual way`() throws {
        func isPlanar(_ file: [UInt8]) throws -> Bool {
            try file.withUnsafeBytes { try PlanarWebP($0, limits: .standard) } != nil
        }
        let plain = try Picture.soft(40, 30).encoded(.webp)
        #expect(try isPlanar(plain))
        let alpha = Picture(40, 30, channels: 4) { x, y in [UInt8(x), 90, UInt8(y), UInt8(x * 6)] }
        #expect(try !isPlanar(alpha.encoded(.webp)))
        #expect(try !isPlanar(Self.lossless(.soft(40, 30))))
        let foreign = extendedWebP(plain, size: ImageSize(width: 40, height: 30), profile: [1, 2, 3, 4])
        #expect(try !isPlanar(foreign))
        #expect(throws: JobFailure.tooManyPixels) {
            var limits = PixelLimits.standard
            limits.maxSourcePixels = 1199
            _ = try plain.withUnsafeBytes { try PlanarWebP($0, limits: limits) }
        }
    }

    private static func lossless(_ picture: Picture) -> [UInt8] {
        var settings = webp_settings()
        settings.is_lossless = 1
        settings.max_bytes = 1 << 20
        var image = encoded_image()
        picture.samples.withUnsafeBufferPointer {
            var view = pixel_view(
                pixels: $0.baseAddress, width: CInt(picture.width), height: CInt(picture.height),
                channels: CInt(picture.channels), stride: picture.width * picture.channels)
            _ = webp_encode(&view, &settings, &image)
        }
        defer { free(image.bytes) }
        return Array(UnsafeBufferPointer(start: image.bytes, count: image.count))
    }
}
