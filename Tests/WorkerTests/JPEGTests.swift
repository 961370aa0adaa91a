// SPDX-License-Identifier: Apache-2.0
import CPictures
import Codecs
import ImageJob
import Testing

@testable import JobRunner

struct JPEGTests {
    struct Sampling: Sendable {
        let name: String
        let luma: (h: Int32, v: Int32)
        let chroma: (h: Int32, v: Int32)

        func apply(_ recipe: inout jpeg_recipe) {
            recipe.luma_h = self.luma.h
            recipe.luma_v = self.luma.v
            recipe.chroma_h = self.chroma.h
            recipe.chroma_v = self.chroma.v
        }

        init(_ name: String, luma: (h: Int32, v: Int32), chroma: (h: Int32, v: Int32)) {
            self.name = name
            self.luma = luma
            self.chroma = chroma
        }

        static let usual = Sampling("4:2:0", luma: (2, 2), chroma: (1, 1))
        static let all = [
            Sampling("4:4:4", luma: (1, 1), chroma: (1, 1)), usual, Sampling("4:2:2", luma: (2, 1), chroma: (1, 1)),
            Sampling("4:4:0", luma: (1, 2), chroma: (1, 1)), Sampling("4:1:1", luma: (4, 1), chroma: (1, 1)),
            Sampling("4:1:0", luma: (4, 2), chroma: (1, 1)),
            Sampling("4:4:4 in factors of two", luma: (2, 1), chroma: (2, 1)),
            Sampling("4:2:2 in larger factors", luma: (2, 2), chroma: (1, 2)),
        ]
    }

    /// What differs when the same picture, soft and at high quality, has been resampled in YCbCr or in RGB. A chroma plane
    /// that is off by half a sample, or a picture off by half a pixel, is far below.
    private static let leastPSNR = 40.0

    /// At 1/8 the decoder's box filter is followed by a Lanczos with little left to do, and the picture is so small that
    /// nothing in it is soft any more.
    private static let leastPSNRAtEighth = 35.0

    private static let quality = ",q98"

    /// The reference's result, in the same coding as a job's.
    private static func reference(_ picture: Picture, _ size: ImageSize) throws -> Picture {
        try Picture(decoding: Reference.resize(picture, to: size).jpeg(Sampling.usual.apply))
    }

    private static func made(_ file: [UInt8], _ options: String) throws -> Picture {
        var policy = ResultPolicy()
        policy.keepsSmaller = false
        let outcome = try transform(file, options + Self.quality, scaleUp: true, policy: policy)
        #expect(outcome.format == .jpeg)
        let made = try Picture(decoding: outcome.file)
        #expect(made.size == outcome.size)
        return made
    }

    /// Scales of the DCT: 1, 1/2, 1/4, 1/8, enlargement, none.
    @Test(arguments: [(160, 106), (157, 103), (33, 131)], ["120x", "61x", "40x", "11x", "200x", ""])
    func `every sampling and odd size is resampled where its samples are`(size: (Int, Int), options: String) throws {
        let picture = Picture.soft(size.0, size.1)
        var reference: Picture?
        for sampling in Sampling.all {
            let made = try Self.made(picture.jpeg(sampling.apply), options)
            let expected = try reference ?? Self.reference(picture, made.size)
            reference = expected
            let psnr = made.psnr(to: expected)
            #expect(psnr >= (options == "11x" ? Self.leastPSNRAtEighth : Self.leastPSNR), "\(sampling.name): \(psnr)")
        }
    }

    /// In planes as by the way through RGB, which a foreign profile takes: here one that is damaged.
    @Test(arguments: [ImageFormat.webp, .avif], [(160, 106), (157, 103), (33, 131)])
    func `other formats show the same picture`(format: ImageFormat, size: (Int, Int)) throws {
        let picture = Picture.soft(size.0, size.1)
        for sampling in Sampling.all {
            let file = picture.jpeg(sampling.apply)
            for options in ["61x", "40x,r90", "120x,fh", ""] {
                let outcome = try transform(file, "\(options),q100,\(format.optionWord)", scaleUp: true)
                #expect(outcome.format == format)
                let made = try Picture.decoded(outcome.file, format: format)
                #expect(made.size == outcome.size)
                let turns = options.contains("r90") ? 1 : 0
                let resized = turns == 1 ? ImageSize(width: made.height, height: made.width) : made.size
                var expected = Reference.resize(picture, to: resized).turnedCounterClockwise(turns)
                if options.contains("fh") { expected = expected.flippedHorizontally() }
                #expect(made.psnr(to: expected) >= 36, "\(sampling.name) \(options): \(made.psnr(to: expected))")
            }
        }
    }

    @Test(arguments: [ImageFormat.webp, .avif]) func `gray stays gray in other formats`(format: ImageFormat) throws {
        let picture = Picture.soft(157, 103, channels: 1)
        let outcome = try transform(picture.jpeg(), "61x,q100,\(format.optionWord)")
        let made = try Picture.decoded(outcome.file, format: format)
        let expected = Reference.resize(picture, to: made.size)
        #expect(made.withAlpha.psnr(to: expected.withAlpha) >= 38)
    }

    @Test func `gray stays gray`() throws {
        let picture = Picture.soft(157, 103, channels: 1)
        for options in ["120x", "61x", "40x", "200x", "r90", ""] {
            let file = picture.jpeg()
            let made = try Picture(decoding: transform(file, options + Self.quality, scaleUp: true).file)
            #expect(made.channels == 1)
            if options != "r90" {
                #expect(made.psnr(to: Reference.resize(picture, to: made.size)) >= Self.leastPSNR)
            }
        }
    }

    @Test func `progressive, split, arithmetic and restarted files give what the plain one gives`() throws {
        let picture = Picture.soft(157, 103)
        let changes: [(inout jpeg_recipe) -> Void] = [
            { $0.is_progressive = 1 }, { $0.is_split_in_scans = 1 }, { $0.is_arithmetic = 1 }, { $0.restart_rows = 1 },
        ]
        for options in ["120x", "61x", "11x"] {
            let plain = try transform(picture.jpeg(Sampling.usual.apply), options)
            for change in changes {
                let file = picture.jpeg {
                    Sampling.usual.apply(&$0)
                    change(&$0)
                }
                #expect(try transform(file, options).file == plain.file)
            }
        }
    }

    @Test func `RGB and ink become YCbCr`() throws {
        let picture = Picture.soft(157, 103)
        for options in ["120x", "61x", "40x", ""] {
            let made = try Self.made(picture.jpeg { $0.kind = JPEG_RGB_AS_IT_IS }, options)
            #expect(try made.psnr(to: Self.reference(picture, made.size)) >= Self.leastPSNR)
        }
        // As Adobe has it: 255 is no ink.
        let ink = Picture(157, 103, channels: 4) { x, y in Array(picture[x, y]) + [255] }
        for kind in [JPEG_INK, JPEG_INK_YCC] {
            let file = ink.jpeg { $0.kind = kind }
            for options in ["120x", "61x", ""] {
                let made = try Self.made(file, options)
                #expect(made.channels == 3)
                #expect(try made.psnr(to: Self.reference(picture, made.size)) >= Self.leastPSNR)
            }
        }
    }

    @Test func `black ink darkens`() throws {
        let ink = Picture(32, 32, channels: 4) { _, _ in [255, 128, 255, 128] }
        let made = try Picture(decoding: transform(ink.jpeg { $0.kind = JPEG_INK }, "png").file)
        let pixel = made[16, 16].map(Int.init)
        #expect(abs(pixel[0] - 128) <= 2 && abs(pixel[1] - 64) <= 2 && abs(pixel[2] - 128) <= 2, "\(pixel)")
    }

    @Test(arguments: 1...8)
    func `an orientation is obeyed and gone`(orientation: Int) throws {
        let picture = Picture.soft(93, 61)
        let sampled = picture.jpeg(Sampling.usual.apply)
        let file = withExif(sampled, exif(orientation: orientation))
        let upright = picture.oriented(orientation)
        for options in ["", "50x", "30x20", "r90,50x", "fh,30x", "cx10,cy5,cw40,ch30,20x"] {
            let outcome = try transform(file, options + Self.quality)
            let reference = try transform(upright.png(), options)
            let expected = try Picture(decoding: reference.file)
            let made = try Picture(decoding: outcome.file)
            #expect(made.withAlpha.psnr(to: expected) >= Self.leastPSNR - 2, "\(options)")
            #expect(PictureMetadata(of: outcome.file, .jpeg).orientation == 1)
        }
    }

    @Test func `quality is what is asked, within its bounds`() throws {
        let file = Picture.noise(80, 80, channels: 3).jpeg()
        func count(_ options: String) throws -> Int { try transform(file, options).file.count }
        #expect(try count("50x") == count("50x,q95"))
        #expect(try count("50x,q0") == count("50x,q95"))
        #expect(try count("q101") == count("q100"))
        #expect(try count("q-3") == count("q1"))
        #expect(try count("q50") < count("q90"))
    }

    @Test func `what is transparent is white in a JPEG`() throws {
        let picture = Picture(32, 32, channels: 4) { x, _ in x < 16 ? [10, 20, 30, 0] : [200, 0, 0, 128] }
        let made = try Picture(decoding: transform(picture.png(), "jpeg,q100").file)
        #expect(made.channels == 3)
        #expect(made[4, 16].allSatisfy { $0 >= 254 })
        let pixel = made[28, 16].map(Int.init)
        #expect(abs(pixel[0] - 227) <= 3 && abs(pixel[1] - 127) <= 3 && abs(pixel[2] - 127) <= 3, "\(pixel)")
    }

    @Test func `a JPEG made into a PNG loses nothing more than its scaled decoding does`() throws {
        let picture = Picture.soft(157, 103)
        for options in ["120x", "61x", "40x", ""] {
            let made = try Picture(decoding: transform(picture.jpeg(), options + ",png").file)
            let reference = Reference.resize(picture, to: made.size).withAlpha
            #expect(made.psnr(to: reference) >= Self.leastPSNR, "\(options)")
        }
    }

    @Test func `a picture whose profile is not sRGB's takes the way through RGB and comes out alike`() throws {
        let picture = Picture.soft(157, 103)
        let file = picture.jpeg(Sampling.usual.apply)
        let foreign = withSegment(file, 0xE2, Array("ICC_PROFILE\0".utf8) + [1, 1] + [UInt8](repeating: 7, count: 200))
        #expect(PictureMetadata(of: foreign, .jpeg).hasForeignProfile)
        let direct = try Picture(decoding: transform(file, "61x,q98").file)
        let throughRGB = try Picture(decoding: transform(foreign, "61x,q98").file)
        #expect(throughRGB.psnr(to: direct) >= Self.leastPSNR)
    }
}
