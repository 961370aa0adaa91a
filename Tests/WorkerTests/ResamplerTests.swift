// SPDX-License-Identifier: Apache-2.0
import Foundation
import ImageJob
import Testing

@testable import Pixels
@testable import Transforms

struct ResamplerTests {
    /// 14 bits to a weight, rounded to bytes twice: now and then another byte than in doubles, and seldom by more than one
    /// when both roundings went the other way.
    private static let leastPSNR = 58.0
    private static let largestDistance = 2
    /// Where there is little alpha, a step of it changes much, but nothing that shows.
    private static let leastPSNRWithAlpha = 48.0

    private static func spans(_ random: inout Xorshift, side: Int) -> AxisSpan {
        let length = Int.random(in: 1...side, using: &random)
        let resampled = Int.random(in: 1...90, using: &random)
        let kept = Int.random(in: 1...resampled, using: &random)
        return AxisSpan(
            from: Int.random(in: 0...side - length, using: &random), length: length, resampled: resampled,
            window: Int.random(in: 0...resampled - kept, using: &random), kept: kept,
            isMirrored: Bool.random(using: &random))
    }

    private static func resample(
        _ picture: Picture, columns: AxisSpan, rows: AxisSpan, isDownFirst: Bool = false
    ) throws -> Picture {
        let resampler: any RowResampler =
            isDownFirst
            ? try DownFirstResampler(
                columns: columns, rows: rows, source: picture.size, channels: picture.channels, scale: .full)
            : try Resampler(
                columns: columns, rows: rows, source: picture.size, channels: picture.channels, scale: .full)
        var source = PictureRows(picture)
        let target = try PixelBuffer(
            size: ImageSize(width: columns.kept, height: rows.kept), channels: picture.channels)
        while !resampler.isDone {
            try source.readRow(into: resampler.slot)
            resampler.rowIsThere()
            while let row = resampler.ready { resampler.make(into: target.row(row)) }
        }
        return Picture(target)
    }

    @Test(arguments: [1, 3, 4]) func `rows of any part come out as the reference has them`(channels: Int) throws {
        var random = Xorshift(UInt64(channels))
        for round in 0..<60 {
            let width = Int.random(in: 1...70, using: &random)
            let height = Int.random(in: 1...70, using: &random)
            let picture = Picture.noise(width, height, channels: channels, seed: UInt64(round))
            let columns = Self.spans(&random, side: width)
            let rows = Self.spans(&random, side: height)
            let made = try Self.resample(picture, columns: columns, rows: rows)
            let reference = Reference.resample(picture, columns: columns, rows: rows)
            if channels == 4 {
                let psnr = made.premultiplied.psnr(to: reference.premultiplied)
                #expect(psnr >= Self.leastPSNRWithAlpha, "\(columns) \(rows)")
            } else {
                #expect(made.psnr(to: reference) >= Self.leastPSNR, "\(columns) \(rows)")
                #expect(made.distance(to: reference) <= Self.largestDistance, "\(columns) \(rows)")
            }
        }
    }

    /// By more batches than one, of which rows of the result need a few or nearly all.
    @Test(arguments: [1, 3, 4]) func `down first is across first on its side`(channels: Int) throws {
        var random = Xorshift(UInt64(20 + channels))
        for round in 0..<80 {
            let width = Int.random(in: 1...40, using: &random)
            let height = Int.random(in: 1...200, using: &random)
            let picture = Picture.noise(width, height, channels: channels, seed: UInt64(round))
            func onItsSide(_ picture: Picture) -> Picture { picture.turnedCounterClockwise(1).flippedVertically() }
            let columns = Self.spans(&random, side: width)
            let rows = Self.spans(&random, side: height)
            let made = try Self.resample(picture, columns: columns, rows: rows, isDownFirst: true)
            let expected = try Self.resample(onItsSide(picture), columns: rows, rows: columns)
            #expect(made == onItsSide(expected), "\(columns) \(rows)")
        }
    }

    @Test(arguments: [(10_000, 1), (10_000, 7), (6000, 100), (4000, 1333), (900, 899), (50, 50)])
    func `down first keeps a few rows, however much the picture shrinks`(length: Int, resampled: Int) throws {
        for isMirrored in [false, true] {
            let span = AxisSpan(
                from: 3, length: length, resampled: resampled, window: 0, kept: resampled, isMirrored: isMirrored)
            let taps = try Taps(span, samples: length + 5, scale: .full)
            #expect(DownFirstResampler.mostKept(taps, isReversed: isMirrored, batch: 16) <= 7)
        }
    }

    @Test func `what is opaque comes out as it does without alpha`() throws {
        var random = Xorshift(30)
        for round in 0..<60 {
            let width = Int.random(in: 1...70, using: &random)
            let height = Int.random(in: 1...70, using: &random)
            let picture = Picture.noise(width, height, channels: 3, seed: UInt64(round))
            let columns = Self.spans(&random, side: width)
            let rows = Self.spans(&random, side: height)
            let made = try Self.resample(picture.withAlpha, columns: columns, rows: rows)
            #expect(try made == Self.resample(picture, columns: columns, rows: rows).withAlpha)
        }
    }

    @Test func `transparent pixels lend no colour to their neighbours`() throws {
        let picture = Picture(40, 40, channels: 4) { x, _ in x < 20 ? [200, 100, 50, 255] : [0, 255, 255, 0] }
        let outcome = try transform(picture.png(), "10x10")
        let result = try Picture(decoding: outcome.file)
        for y in 0..<10 {
            for x in 0..<10 where result[x, y].last! > 0 {
                let pixel = result[x, y].map(Int.init)
                #expect(abs(pixel[0] - 200) <= 1 && abs(pixel[1] - 100) <= 1 && abs(pixel[2] - 50) <= 1)
            }
        }
    }

    @Test func `a flat picture stays flat at every size`() throws {
        let flat = Picture(37, 23, channels: 3) { _, _ in [255, 254, 1] }
        for options in ["1x1", "36x22", "5x", "x7", "100x90"] {
            let result = try Picture(decoding: transform(flat.png(), options, scaleUp: true).file)
            #expect(result == Picture(result.width, result.height, channels: 4) { _, _ in [255, 254, 1, 255] })
        }
    }
}
