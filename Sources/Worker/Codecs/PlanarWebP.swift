// SPDX-License-Identifier: Apache-2.0

internal import CCodecShims
public import ImageJob

/// What the header says of a WebP file that can be transcoded in planes: a lossy still without alpha, in sRGB.
public struct PlanarWebP: Equatable, Sendable {
    public let size: ImageSize
    /// EXIF's number, 1...8.
    public let orientation: Int

    /// - Returns: nil for other kinds.
    public init?(_ bytes: UnsafeRawBufferPointer, limits: PixelLimits) throws(JobFailure) {
        var header = webp_header()
        try webp_read_header_of(
            bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count,
            UInt64(clamping: limits.maxSourcePixels),
            &header
        ).check()
        // One that takes too long is left to whoever refuses it.
        guard header.is_planar != 0, header.work <= PictureSource.maxWork(limits, passes: 1) else { return nil }
        if let profile = header.icc,
            !ColourProfile.isStandard(Span(_unsafeStart: profile, count: header.icc_count))
        {
            return nil
        }
        self.size = ImageSize(width: Int(header.width), height: Int(header.height))
        self.orientation =
            header.exif.map { ExifOrientation.read(Span(_unsafeStart: $0, count: header.exif_count)) } ?? 1
    }
}
