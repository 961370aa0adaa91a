// SPDX-License-Identifier: Apache-2.0
import CCodecShims
import CPictures
import Codecs
import Foundation
import ImageJob
import Pixels
import Testing

@testable import Transforms

/// Where a picture's samples end up, to a small part of a pixel of the result: waves whose phase says by how much they
/// have been moved. Soft pictures that are compared sample by sample hardly change when they are moved by a pixel.
struct PlacementTests {
    private static let source = ImageSize(width: 901, height: 603)

    /// By these the decoder shrinks by nothing, 2, 4 and 8, and the resampler makes what is left.
    private static let sizes: [(scale: CInt, size: ImageSize)] = [
        (8, ImageSize(width: 401, height: 268)), (4, ImageSize(width: 265, height: 177)),
        (2, ImageSize(width: 121, height: 80)), (1, ImageSize(width: 60, height: 41)),
    ]

    /// Pixels of the result to a wave, in red, green and blue. Red and blue are mostly chroma, green is mostly luma.
    private static let waves = [13.0, 19.0, 16.0]

    /// In pixels of the result. A plane that is moved by a quarter of one moves a channel by a seventh at least, as each
    /// channel is made of luma and chroma.
    private static let tolerance = 0.05

    /// Waves across and down at once, which are so long in every channel once the picture has become so large.
    private static func picture(for result: ImageSize) -> Picture {
        func waves(_ count: Int, _ resultCount: Int) -> [[Double]] {
            (0..<count).map { at in
                Self.waves.map { 50 * sin(2 * .pi * (Double(at) + 0.5) * Double(resultCount) / Double(count) / $0) }
            }
        }
        let columns = waves(Self.source.width, result.width)
        let rows = waves(Self.source.height, result.height)
        return Picture(Self.source.width, Self.source.height, channels: 3) { x, y in
            (0..<3).map { UInt8((128 + columns[x][$0] + rows[y][$0]).rounded()) }
        }
    }

    private static func geometry(_ size: ImageSize) -> StoredGeometry {
        let plan = TransformPlan(
            crop: PixelRect(Self.source), source: PixelRect(Self.source), resampled: size, window: PixelRect(size),
            quarterTurns: 0, flipVertical: false, flipHorizontal: false)
        return StoredGeometry(plan, orientation: Symmetry(), part: PixelRect(Self.source))
    }

    /// By how many pixels a wave has been moved, from some of its values: the best offset, sine and cosine by least squares.
    private static func shift(_ values: [(at: Int, value: Double)], wave: Double) -> Double {
        var sums = [[Double]](repeating: [0, 0, 0, 0], count: 3)
        for (at, value) in values {
            let angle = 2 * .pi * (Double(at) + 0.5) / wave
            let terms = [1, sin(angle), cos(angle), value]
            for row in 0..<3 { for column in 0..<4 { sums[row][column] += terms[row] * terms[column] } }
        }
        for pivot in 0..<3 {
            for row in 0..<3 where row != pivot {
                let factor = sums[row][pivot] / sums[pivot][pivot]
                for column in 0..<4 { sums[row][column] -= factor * sums[pivot][column] }
            }
        }
        return -atan2(sums[2][3] / sums[2][2], sums[1][3] / sums[1][1]) / (2 * .pi) * wave
    }

    /// - Parameters:
    ///   - columns: of the result, of which these are the samples; nil for those near an edge, where a filter knows less.
    private static func check(_ samples: Picture, columns: [Int?], rows: [Int?], _ what: String) {
        for channel in 0..<3 {
            func values(_ places: [Int?], _ value: (Int) -> Double) -> [(at: Int, value: Double)] {
                places.enumerated().compactMap { index, place in place.map { ($0, value(index)) } }
            }
            // The mean of a row has a bit of the other wave, the same for all rows.
            let across = values(columns) { x in
                (0..<samples.height).reduce(0) { $0 + Double(samples[x, $1][samples[x, $1].startIndex + channel]) }
                    / Double(samples.height)
            }
            let down = values(rows) { y in
                (0..<samples.width).reduce(0) { $0 + Double(samples[$1, y][samples[$1, y].startIndex + channel]) }
                    / Double(samples.width)
            }
            for (axis, values) in [("across", across), ("down", down)] {
                let shift = Self.shift(values, wave: Self.waves[channel])
                #expect(abs(shift) <= Self.tolerance, "\(what), channel \(channel): \(shift) pixels \(axis)")
            }
        }
    }

    private static func inner(_ place: Int, of count: Int) -> Int? { (5..<count - 5).contains(place) ? place : nil }

    private static func check(
        transcoding file: [UInt8], of format: ImageFormat, to size: ImageSize, _ what: String
    ) throws {
        let made = try file.withUnsafeBytes { bytes in
            var timings = JobTimings()
            let image = try EncodedPicture(
                transcoding: bytes, of: format, Self.geometry(size), quality: 98, limits: .standard, deadline: 0,
                timings: &timings)
            return try Picture(decoding: Array(image.bytes))
        }
        #expect(made.size == size)
        Self.check(
            made, columns: (0..<size.width).map { Self.inner($0, of: size.width) },
            rows: (0..<size.height).map { Self.inner($0, of: size.height) }, what)
    }

    @Test(arguments: 0..<4) func `a picture is where it was, whatever the decoder's scale and the sampling`(number: Int)
        throws
    {
        let (scale, size) = Self.sizes[number]
        let picture = Self.picture(for: size)
        let geometry = Self.geometry(size)
        #expect(CInt(jpeg_scale_for(geometry.reduction)) == scale)
        for sampling in JPEGTests.Sampling.all {
            let file = picture.jpeg(sampling.apply)
            try Self.check(transcoding: file, of: .jpeg, to: size, "\(sampling.name) at \(scale)/8")
        }
    }

    @Test func `a picture is where it was when planes of WebP are resampled`() throws {
        for (_, size) in Self.sizes {
            let file = try Self.picture(for: size).encoded(.webp, quality: 98)
            try Self.check(transcoding: file, of: .webp, to: size, "\(size)")
        }
    }

    @Test(arguments: 0..<4) func `samples are where they belong, whatever the decoder's scale and the sampling`(
        number: Int
    )
        throws
    {
        let (scale, size) = Self.sizes[number]
        let picture = Self.picture(for: size)
        let geometry = Self.geometry(size)
        func places(_ count: Int, of whole: Int) -> [Int?] {
            (0..<count).map { Self.inner($0 / 3 * SmartCrop.step + $0 % 3 - 1, of: whole) }
        }
        for sampling in JPEGTests.Sampling.all {
            let file = picture.jpeg(sampling.apply)
            let samples = try file.withUnsafeBytes { bytes in
                var timings = JobTimings()
                let kept = try KeptPlanes(
                    jpeg: bytes, size: Self.source, geometry, reduction: .infinity, deadline: 0, timings: &timings)
                guard let planes = kept else { throw JobFailure.internalError }
                return Picture(try planes.samples(geometry, cell: SmartCrop.step))
            }
            Self.check(
                samples, columns: places(samples.width, of: size.width), rows: places(samples.height, of: size.height),
                "\(sampling.name) at \(scale)/8")
        }
    }
}
