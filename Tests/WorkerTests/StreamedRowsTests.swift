// SPDX-License-Identifier: Apache-2.0
import CCodecShims
import Glibc
import Testing

/// A JPEG whose rows are encoded as they come, against one made of whole planes.
struct StreamedRowsTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var source: (width: Int32, height: Int32) = (203, 157)
        var resampled: (width: Int32, height: Int32) = (101, 78)
        /// Left, top, width and height of what is kept; nil = all.
        var window: (Int32, Int32, Int32, Int32)?
        var isGray = false
        var isMirrored = false
        var coding = JPEG_BASELINE

        var testDescription: String {
            "\(self.source) to \(self.resampled), \(self.window.map { "\($0)" } ?? "whole")"
                + "\(self.isGray ? ", gray" : "")\(self.isMirrored ? ", mirrored" : ""), coding \(self.coding.rawValue)"
        }

        var job: planar_job {
            let window = self.window ?? (0, 0, self.resampled.width, self.resampled.height)
            var job = planar_job()
            (job.source_width, job.source_height) = self.source
            (job.resampled_width, job.resampled_height) = self.resampled
            (job.window_x, job.window_y, job.window_width, job.window_height) = window
            job.mirrored_x = self.isMirrored ? 1 : 0
            job.quality = 90
            job.coding = self.coding
            job.max_bytes = 1 << 24
            return job
        }

        /// Of noise, so that each row is another.
        func file(_ sampling: JPEGTests.Sampling) -> [UInt8] {
            Picture.noise(
                Int(self.source.width), Int(self.source.height), channels: self.isGray ? 1 : 3, seed: 3
            ).jpeg(self.isGray ? { _ in } : sampling.apply)
        }
    }

    private static let cases = [
        Case(), Case(isGray: true), Case(isMirrored: true), Case(coding: JPEG_OPTIMISED),
        Case(coding: JPEG_PROGRESSIVE), Case(resampled: (203, 157)), Case(resampled: (25, 19)),
        Case(resampled: (120, 1)), Case(resampled: (1, 120)), Case(resampled: (150, 116), window: (13, 21, 70, 81)),
        Case(source: (203, 900), resampled: (101, 448)),
        // One row of the source makes many of luma before there is one of chroma.
        Case(source: (24, 40), resampled: (400, 1300)), Case(source: (9, 3), resampled: (64, 700), isGray: true),
    ]

    @Test(arguments: Self.cases)
    func `rows that are encoded as they come make the same file`(example: Case) {
        for sampling in JPEGTests.Sampling.all {
            let file = example.file(sampling)
            let whole = Self.transcode(file, example.job, keepsPlanes: true)
            let streamed = Self.transcode(file, example.job, keepsPlanes: false)
            #expect(whole.status == CODEC_OK && !whole.bytes.isEmpty)
            #expect(streamed.status == CODEC_OK && streamed.bytes == whole.bytes, "\(sampling.name)")
            #expect(streamed.size == whole.size)
        }
    }

    @Test func `what cannot be encoded, or breaks off, leaves nothing`() {
        let file = Case().file(.usual)
        var small = Case().job
        small.max_bytes = 100
        #expect(Self.transcode(file, small, keepsPlanes: false).status == CODEC_TOO_LARGE)
        let cut = Array(file[..<(file.count * 3 / 4)])
        #expect(Self.transcode(cut, Case().job, keepsPlanes: false).status == CODEC_CORRUPT)
    }

    private static func transcode(
        _ file: [UInt8], _ job: planar_job, keepsPlanes: Bool
    ) -> (status: codec_status, bytes: [UInt8], size: [Int32]) {
        var job = job
        job.keeps_planes = keepsPlanes ? 1 : 0
        var result = planar_result()
        let status = jpeg_planar_transcode(file, file.count, &job, &result)
        defer {
            free(result.image.bytes)
            free(result.planes)
        }
        let bytes = UnsafeBufferPointer(start: result.image.bytes, count: status == CODEC_OK ? result.image.count : 0)
        return (status, Array(bytes), [result.width, result.height])
    }
}
