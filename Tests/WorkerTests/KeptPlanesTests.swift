// SPDX-License-Identifier: Apache-2.0
import CPictures
import Codecs
import ImageJob
import Pixels
import Testing

@testable import Transforms

/// Smart cropping of a JPEG, whose planes are decoded once: looked at, and then cropped.
struct KeptPlanesTests {
    private static let target = ImageSize(width: 90, height: 50)

    private static func withSamples<Result>(
        _ file: [UInt8], _ size: ImageSize, orientation: Int, _ use: (SmartCrop, borrowing PixelBuffer) throws -> Result
    ) throws -> Result {
        let symmetry = Symmetry(orientation: orientation)
        let crop = SmartCrop(of: symmetry.size(of: size), for: Self.target)
        let part = PixelRect(size)
        let geometry = crop.geometry(of: part, symmetry)
        return try file.withUnsafeBytes { bytes in
            var timings = JobTimings()
            let kept = try KeptPlanes(
                jpeg: bytes, size: size, geometry, reduction: crop.reduction(of: part, symmetry), deadline: 0,
                timings: &timings)
            guard let planes = kept else { throw JobFailure.internalError }
            return try use(crop, planes.samples(geometry, cell: SmartCrop.step))
        }
    }

    /// What they are samples of: all pixels of the analysed picture.
    private static func analysed(_ picture: Picture, orientation: Int) -> Picture {
        let upright = picture.oriented(orientation)
        let crop = SmartCrop(of: upright.size, for: Self.target)
        return Reference.resize(upright, to: crop.analysed)
    }

    /// Chroma of half the resolution is a little softer.
    private static let tolerance = 8

    private static func check(_ file: [UInt8], _ picture: Picture, orientation: Int = 1) throws {
        let samples = try Self.withSamples(file, picture.size, orientation: orientation) { Picture($1) }
        let whole = Self.analysed(picture, orientation: orientation)
        #expect(samples.width == whole.width / 8 * 3 && samples.height == whole.height / 8 * 3)
        #expect(samples.channels == whole.channels)
        // Nothing lies before the first row and column.
        for y in 1..<samples.height {
            for x in 1..<samples.width {
                let expected = whole[x / 3 * 8 + x % 3 - 1, y / 3 * 8 + y % 3 - 1]
                let isClose = zip(samples[x, y], expected).allSatisfy { abs(Int($0) - Int($1)) <= Self.tolerance }
                #expect(isClose, "\(samples[x, y]) at \(x), \(y) of \(orientation) is not \(expected)")
                guard isClose else { return }
            }
        }
    }

    @Test func `samples are the analysed picture's pixels, whatever the sampling`() throws {
        let picture = Picture.soft(203, 157)
        for sampling in JPEGTests.Sampling.all { try Self.check(picture.jpeg(sampling.apply), picture) }
    }

    @Test(arguments: 1...8) func `samples are those of the upright picture`(orientation: Int) throws {
        let picture = Picture.soft(203, 157)
        try Self.check(picture.jpeg(), picture, orientation: orientation)
    }

    @Test func `samples of a picture that the decoder shrinks are in their places`() throws {
        let picture = Picture.soft(901, 1203)
        try Self.check(picture.jpeg(JPEGTests.Sampling.usual.apply), picture)
        try Self.check(picture.jpeg { $0.is_progressive = 1 }, picture, orientation: 6)
    }

    @Test func `gray samples are gray`() throws {
        let picture = Picture.soft(203, 157, channels: 1)
        try Self.check(picture.jpeg(), picture, orientation: 3)
    }

    /// The windows in pixels are the original service's, see `SmartCropTests`. Where two are nearly as good, as in scenes of
    /// grain, chroma of half the resolution decides; were a picture turned another way, none would be found again.
    @Test(arguments: 1...8) func `windows in a JPEG's samples are those in its pixels, to a step`(orientation: Int)
        throws
    {
        let found = try (1...10).map { seed in
            let picture = SmartCropVector(size: [320, 200], seed: seed, target: [], crop: []).scene
            let file = picture.jpeg()
            let expected = try SmartCropTests.window(
                in: Picture(decoding: file).oriented(orientation), for: Self.target)
            let window = try Self.withSamples(file, picture.size, orientation: orientation) { crop, samples in
                try crop.window(inSamples: samples)
            }
            let sides = [
                (window.x, expected.x), (window.y, expected.y), (window.width, expected.width),
                (window.height, expected.height),
            ]
            return sides.allSatisfy { abs($0 - $1) <= SmartCrop.step }
        }
        #expect(found.count { !$0 } <= 4, "of the scenes: \(found)")
    }

    @Test func `what a window is made of does not depend on what it was found in`() throws {
        let picture = SmartCropVector(size: [1600, 1066], seed: 4, target: [], crop: []).scene
        let file = picture.jpeg(JPEGTests.Sampling.usual.apply)
        let crop = SmartCrop(of: picture.size, for: ImageSize(width: 400, height: 400))
        let window = try file.withUnsafeBytes { bytes in
            var timings = JobTimings()
            let part = PixelRect(picture.size)
            let geometry = crop.geometry(of: part, Symmetry())
            let kept = try KeptPlanes(
                jpeg: bytes, size: picture.size, geometry, reduction: crop.reduction(of: part, Symmetry()), deadline: 0,
                timings: &timings)
            guard let planes = kept else { throw JobFailure.internalError }
            return try crop.window(inSamples: planes.samples(geometry, cell: SmartCrop.step))
        }
        let options = "400x400,q80,cx\(window.x),cy\(window.y),cw\(window.width),ch\(window.height)"
        #expect(try transform(file, "400x400,q80,sc").file == transform(file, options).file)
    }

    @Test func `planes are kept within limits`() throws {
        let file = Picture.soft(16, 16).jpeg()
        let huge = ImageSize(width: 9000, height: 9000)
        let crop = SmartCrop(of: huge, for: huge)
        let kept = try file.withUnsafeBytes { bytes in
            var timings = JobTimings()
            let geometry = StoredGeometry(
                TransformPlan.make(for: huge, options: TransformOptions(), scaleUp: false), orientation: Symmetry(),
                part: PixelRect(huge))
            let planes = try KeptPlanes(
                jpeg: bytes, size: huge, geometry, reduction: crop.reduction(of: PixelRect(huge), Symmetry()),
                deadline: 0, timings: &timings)
            return planes != nil
        }
        #expect(!kept)
    }

    @Test func `a file that ends too early is no picture to crop`() {
        let file = Picture.noise(300, 200, channels: 3).jpeg()
        #expect(failure(Array(file[..<(file.count / 2)]), "90x50,sc") == .corruptSource)
    }
}
