// SPDX-License-Identifier: Apache-2.0

internal import CCodecShims
public import ImageJob
public import Pixels

extension EncodedPicture {
    /// The size of a JPEG file that can be transcoded: gray or YCbCr, in sampling factors that divide each other. nil for
    /// other kinds.
    public static func sizeOfTranscodable(jpeg bytes: UnsafeRawBufferPointer) throws(JobFailure) -> ImageSize? {
        var header = jpeg_header()
        try jpeg_read_header_of(bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count, &header).check()
        return header.is_planar != 0 ? ImageSize(width: Int(header.width), height: Int(header.height)) : nil
    }

    /// What such a file can become in planes.
    public static let planarFormats: [ImageFormat] = [.jpeg, .webp, .avif]

    /// JPEG to one of these in planes of YCbCr: no colour is converted, and chroma stays at its own resolution.
    public init(
        transcodingJPEG bytes: UnsafeRawBufferPointer, _ geometry: StoredGeometry, format: ImageFormat = .jpeg,
        quality: Int, limits: PixelLimits, policy: ResultPolicy = ResultPolicy(), deadline: UInt64,
        timings: inout JobTimings
    ) throws(JobFailure) {
        var job = planar_job()
        job.source_x = Int32(geometry.source.x)
        job.source_y = Int32(geometry.source.y)
        job.source_width = Int32(geometry.source.width)
        job.source_height = Int32(geometry.source.height)
        job.resampled_width = Int32(clamping: geometry.resampled.width)
        job.resampled_height = Int32(clamping: geometry.resampled.height)
        job.window_x = Int32(clamping: geometry.window.x)
        job.window_y = Int32(clamping: geometry.window.y)
        job.window_width = Int32(geometry.window.width)
        job.window_height = Int32(geometry.window.height)
        job.mirrored_x = geometry.symmetry.mirrorsX ? 1 : 0
        job.mirrored_y = geometry.symmetry.mirrorsY ? 1 : 0
        job.transposed = geometry.symmetry.transposes ? 1 : 0
        job.quality = Int32(quality)
        job.max_bytes = limits.maxResultBytes
        job.max_memory = PictureSource.maxMemory
        job.deadline = deadline
        var result = planar_result()
        let start = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
        // The settings are looked at while the job runs, and not after.
        let status: codec_status
        switch format {
        case .webp:
            var settings = webp_settings(
                quality: Float(quality), method: Self.webpMethod, is_lossless: 0, max_bytes: limits.maxResultBytes,
                deadline: deadline)
            job.encode = webp_encode_planes
            status = withUnsafePointer(to: &settings) {
                job.settings = UnsafeRawPointer($0)
                return jpeg_planar_transcode(start, bytes.count, &job, &result)
            }
        case .avif:
            var settings = avif_settings(
                quality: Int32(quality), speed: Int32(policy.avifSpeed), max_bytes: limits.maxResultBytes,
                deadline: deadline)
            job.encode = avif_encode_planes
            status = withUnsafePointer(to: &settings) {
                job.settings = UnsafeRawPointer($0)
                return jpeg_planar_transcode(start, bytes.count, &job, &result)
            }
        default: status = jpeg_planar_transcode(start, bytes.count, &job, &result)
        }
        try status.check()
        timings.header += result.header_ns
        timings.decode += result.decode_ns
        timings.resize += result.resize_ns
        timings.encode += result.encode_ns
        try self.init(
            result.image, format: format, size: ImageSize(width: Int(result.width), height: Int(result.height)))
    }
}
