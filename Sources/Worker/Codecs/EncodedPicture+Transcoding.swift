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

    /// JPEG or WebP to one of these in planes of YCbCr: no colour is converted, and chroma stays at its own resolution.
    ///
    /// - Parameter source: `.webp` for a file that is a `PlanarWebP`, `.jpeg` for one that can be transcoded.
    public init(
        transcoding bytes: UnsafeRawBufferPointer, of source: ImageFormat, _ geometry: StoredGeometry,
        format: ImageFormat = .jpeg, quality: Int, limits: PixelLimits, policy: ResultPolicy = ResultPolicy(),
        deadline: UInt64, timings: inout JobTimings
    ) throws(JobFailure) {
        var job = planar_job(geometry, deadline: deadline)
        let transcode = source == .webp ? webp_planar_transcode : jpeg_planar_transcode
        try self.init(&job, format, quality, limits, policy, &timings) { job, result in
            transcode(bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count, &job, &result)
        }
    }

    /// - Parameter transcode: does the job, which lacks nothing any more.
    init(
        _ job: inout planar_job, _ format: ImageFormat, _ quality: Int, _ limits: PixelLimits, _ policy: ResultPolicy,
        _ timings: inout JobTimings, _ transcode: (inout planar_job, inout planar_result) -> codec_status
    ) throws(JobFailure) {
        job.quality = Int32(quality)
        job.coding = jpeg_coding(policy)
        job.max_bytes = limits.maxResultBytes
        var result = planar_result()
        // The settings are looked at while the job runs, and not after.
        let status: codec_status
        switch format {
        case .webp:
            var settings = webp_settings(
                quality: Float(quality), method: Self.webpMethod, is_lossless: 0, max_bytes: limits.maxResultBytes,
                deadline: job.deadline)
            job.encode = webp_encode_planes
            job.wants_narrow = 1
            status = withUnsafePointer(to: &settings) {
                job.settings = UnsafeRawPointer($0)
                return transcode(&job, &result)
            }
        case .avif:
            var settings = avif_settings(
                quality: Int32(quality), speed: Int32(policy.avifSpeed), max_bytes: limits.maxResultBytes,
                deadline: job.deadline)
            job.encode = avif_encode_planes
            status = withUnsafePointer(to: &settings) {
                job.settings = UnsafeRawPointer($0)
                return transcode(&job, &result)
            }
        default: status = transcode(&job, &result)
        }
        try status.check()
        timings.add(result)
        try self.init(
            result.image, format: format, size: ImageSize(width: Int(result.width), height: Int(result.height)))
    }
}

extension jpeg_coding {
    /// Scans have tables of their own in any case.
    init(_ policy: ResultPolicy) {
        self =
            policy.makesProgressiveJPEG ? JPEG_PROGRESSIVE : policy.optimizesJPEG ? JPEG_OPTIMISED : JPEG_BASELINE
    }
}

extension JobTimings {
    mutating func add(_ result: planar_result) {
        self.header += result.header_ns
        self.decode += result.decode_ns
        self.resize += result.resize_ns
        self.encode += result.encode_ns
    }
}

extension planar_job {
    init(_ geometry: StoredGeometry, deadline: UInt64) {
        self.init()
        self.source_x = Int32(geometry.source.x)
        self.source_y = Int32(geometry.source.y)
        self.source_width = Int32(geometry.source.width)
        self.source_height = Int32(geometry.source.height)
        self.resampled_width = Int32(clamping: geometry.resampled.width)
        self.resampled_height = Int32(clamping: geometry.resampled.height)
        self.window_x = Int32(clamping: geometry.window.x)
        self.window_y = Int32(clamping: geometry.window.y)
        self.window_width = Int32(geometry.window.width)
        self.window_height = Int32(geometry.window.height)
        self.mirrored_x = geometry.symmetry.mirrorsX ? 1 : 0
        self.mirrored_y = geometry.symmetry.mirrorsY ? 1 : 0
        self.mirrored_first_x = geometry.orientation.mirrorsX ? 1 : 0
        self.mirrored_first_y = geometry.orientation.mirrorsY ? 1 : 0
        self.transposed = geometry.symmetry.transposes ? 1 : 0
        self.max_memory = PictureSource.maxMemory
        self.deadline = deadline
    }
}
