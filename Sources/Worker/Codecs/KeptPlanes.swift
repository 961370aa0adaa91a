// SPDX-License-Identifier: Apache-2.0

internal import CCodecShims
public import ImageJob
public import Pixels

/// The decoded planes of a JPEG, kept: they can be looked at before it is known what is to be made of them.
///
/// Owns the planes behind the pointer, from `init` to `deinit`; the file that they come from must outlive it.
public struct KeptPlanes: ~Copyable {
    private let planes: OpaquePointer
    private let deadline: UInt64

    /// Bytes. Such planes are at hand all at once, where a job without them needs a few rows.
    private static let maxMemory = 128 << 20

    /// - Parameters:
    ///   - bytes: of a file that can be transcoded, of this size.
    ///   - geometry: of the job that will need the most samples.
    ///   - reduction: how many pixels may become one for whoever looks at them.
    /// - Returns: nil when they are too large to be kept.
    public init?(
        jpeg bytes: UnsafeRawBufferPointer, size: ImageSize, _ geometry: StoredGeometry, reduction: Double,
        deadline: UInt64, timings: inout JobTimings
    ) throws(JobFailure) {
        var job = planar_job(geometry, deadline: deadline)
        job.scale = jpeg_scale_for(min(reduction, geometry.reduction))
        // As if chroma were as large as luma.
        let decoded = DecodedScale(density: Double(job.scale) / 8, sharpening: 0).size(of: size)
        guard decoded.area <= Self.maxMemory / 3 else { return nil }
        var result = planar_result()
        var planes: OpaquePointer?
        try jpeg_planes_open(
            bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count, &job, &result, &planes
        ).check()
        guard let planes else { throw .internalError }
        self.planes = planes
        self.deadline = deadline
        timings.add(result)
    }

    deinit { jpeg_planes_close(self.planes) }

    /// Samples of what `geometry` would make, gray or RGB: of each whole square of `cell` pixels the first one and the eight
    /// around it, as three by three of the result.
    public func samples(_ geometry: StoredGeometry, cell: Int) throws(JobFailure) -> PixelBuffer {
        let output = geometry.output
        let size = ImageSize(width: output.width / cell * 3, height: output.height / cell * 3)
        let pixels = try PixelBuffer(size: size, channels: Int(jpeg_planes_channels(self.planes)))
        var job = planar_job(geometry, deadline: self.deadline)
        try jpeg_planes_sample(self.planes, &job, Int32(cell), pixels.start).check()
        return pixels
    }

    /// - Parameter format: one of `EncodedPicture.planarFormats`.
    public consuming func encoded(
        _ geometry: StoredGeometry, format: ImageFormat, quality: Int, limits: PixelLimits, policy: ResultPolicy,
        timings: inout JobTimings
    ) throws(JobFailure) -> EncodedPicture {
        var job = planar_job(geometry, deadline: self.deadline)
        let planes = self.planes
        return try EncodedPicture(&job, format, quality, limits, policy, &timings) { job, result in
            jpeg_planes_transcode(planes, &job, &result)
        }
    }
}
