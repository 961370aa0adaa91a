// SPDX-License-Identifier: Apache-2.0

internal import CCodecShims
internal import Codecs
internal import Glibc
internal import ImageJob
internal import JobRunner
internal import Pixels

/// What the codecs alone do for a job: decoding its source as the job does, and encoding its result.
struct Floor {
    let run: () -> Void
    /// Whether there is a floor of the libraries alone: of a JPEG in planes libjpeg-turbo's, of an animated GIF giflib's.
    let hasStock: Bool

    private static let limits = PixelLimits.standard

    init(
        _ bytes: UnsafeRawBufferPointer, _ options: TransformOptions, result: borrowing JobResult
    ) throws(JobFailure) {
        let span = bytes.assumingMemoryBound(to: UInt8.self).span
        guard let format = ImageFormat(magic: span) else { throw .unsupportedFormat }
        if AnimationSource.formats.contains(format), AnimationSource.formats.contains(result.image.format),
            try Self.frameCount(bytes, format) > 1
        {
            self.hasStock = format == .gif
            self.run = { Self.succeed { () throws(JobFailure) in try Self.decodeFrames(bytes, format) } }
            return
        }
        if let job = Self.planarJob(bytes, options, format, result.image.format) {
            self.hasStock = true
            self.run = { Self.transcode(bytes, job) }
            return
        }
        let isReduced = format == .jpeg && options.width > 1
        let size = ImageHeader.size(of: span) ?? result.image.size
        let reduction = isReduced ? Double(size.width) / Double(result.image.size.width) : 1
        let pixels = try Picture(decoding: result.image.bytes, result.image.format, reduction: 1)
        let quality = Self.quality(options)
        let target = result.image.format
        self.hasStock = false
        self.run = {
            Self.succeed { () throws(JobFailure) in
                _ = try Picture(decoding: bytes, format, reduction: reduction)
                _ = try EncodedPicture(
                    pixels.buffer, format: target, quality: quality, limits: Self.limits, deadline: 0)
            }
        }
    }

    /// With nothing but libjpeg-turbo and giflib.
    static func withStock(_ work: () -> Void) {
        jpeg_shortcuts_enable(0)
        gif_lzw_enable(0)
        work()
        jpeg_shortcuts_enable(1)
        gif_lzw_enable(1)
    }

    /// The whole picture that a file is.
    private final class Picture {
        let buffer: PixelBuffer

        init(decoding bytes: UnsafeRawBufferPointer, _ format: ImageFormat, reduction: Double) throws(JobFailure) {
            var source = try PictureSource(
                bytes, format: format, limits: Floor.limits, deadline: 0, reduction: reduction)
            let buffer = try PixelBuffer(size: source.size, channels: source.channels)
            for y in 0..<source.size.height { try source.readRow(into: buffer.row(y)) }
            self.buffer = buffer
        }
    }

    private static func succeed(_ work: () throws(JobFailure) -> Void) {
        do throws(JobFailure) { try work() } catch { fail("the floor failed: \(error)") }
    }

    private static func quality(_ options: TransformOptions) -> Int {
        // Without one asked for, JPEG's.
        options.quality == 0 ? 95 : min(max(1, options.quality), 100)
    }

    private static func frameCount(_ bytes: UnsafeRawBufferPointer, _ format: ImageFormat) throws(JobFailure) -> Int {
        try AnimationSource(bytes, format: format, limits: Self.limits, deadline: 0).frameCount
    }

    private static func decodeFrames(_ bytes: UnsafeRawBufferPointer, _ format: ImageFormat) throws(JobFailure) {
        var animation = try AnimationSource(bytes, format: format, limits: Self.limits, deadline: 0)
        for _ in 0..<animation.frameCount { try animation.readFrame() }
    }

    /// The planar job that the runner makes of these options, for an upright picture, with the planes that it ends in.
    private static func planarJob(
        _ bytes: UnsafeRawBufferPointer, _ options: TransformOptions, _ format: ImageFormat, _ target: ImageFormat
    ) -> planar_job? {
        let metadata = PictureMetadata(of: bytes.assumingMemoryBound(to: UInt8.self).span, format: .jpeg)
        guard format == .jpeg, target == .jpeg, !options.trim, !options.smartCrop, metadata.orientation == 1,
            !metadata.hasForeignProfile, let size = try? EncodedPicture.sizeOfTranscodable(jpeg: bytes)
        else { return nil }
        let plan = TransformPlan.make(for: size, options: options, scaleUp: false)
        var job = planar_job(StoredGeometry(plan, orientation: Symmetry(), part: PixelRect(size)))
        job.quality = Int32(Self.quality(options))
        job.max_bytes = 64 << 20
        job.max_memory = 512 << 20
        job.keeps_planes = 1
        var first = planar_result()
        let start = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
        guard jpeg_planar_transcode(start, bytes.count, &job, &first) == CODEC_OK, let planes = first.planes else {
            return nil
        }
        free(first.image.bytes)
        job.keeps_planes = 0
        job.floor_planes = UnsafePointer(planes)
        return job
    }

    private static func transcode(_ bytes: UnsafeRawBufferPointer, _ job: planar_job) {
        var job = job
        var result = planar_result()
        let start = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
        guard jpeg_planar_transcode(start, bytes.count, &job, &result) == CODEC_OK else { fail("the floor failed") }
        free(result.image.bytes)
    }
}

extension planar_job {
    init(_ geometry: StoredGeometry) {
        self.init()
        self.source_x = Int32(geometry.source.x)
        self.source_y = Int32(geometry.source.y)
        self.source_width = Int32(geometry.source.width)
        self.source_height = Int32(geometry.source.height)
        self.resampled_width = Int32(geometry.resampled.width)
        self.resampled_height = Int32(geometry.resampled.height)
        self.window_x = Int32(geometry.window.x)
        self.window_y = Int32(geometry.window.y)
        self.window_width = Int32(geometry.window.width)
        self.window_height = Int32(geometry.window.height)
    }
}
