// SPDX-License-Identifier: Apache-2.0

internal import CCodecShims
public import ImageJob
public import Pixels

/// A picture that is being decoded, row by row.
///
/// Owns the decoder behind the pointer, from `init` to `deinit`; the bytes it reads must outlive it.
public struct PictureSource: ~Copyable, RowSource {
    /// Bytes that a decoder may allocate when its format makes it keep the whole picture, as progressive JPEG and
    /// interlaced PNG do. With all else that a job needs, it stays below 512 MiB.
    static let maxMemory: UInt64 = 480 << 20
    /// Bytes for each pixel of the limit that decompression may give: eight bits of red, green, blue and alpha. A picture
    /// of deeper samples may have fewer pixels, as it takes longer.
    private static let unpackedPerPixel: UInt64 = 4
    /// Below that nobody has to count.
    private static let leastUnpacked: UInt64 = 1 << 20

    private let source: UnsafeMutablePointer<pixel_source>
    /// Nanoseconds that opening and reading have taken so far, and reading alone.
    public var time: UInt64 { self.openTime + self.rowTime }
    public private(set) var rowTime: UInt64 = 0
    private let openTime: UInt64
    private let deadline: UInt64
    /// What a decoder that shrinks has made of the picture's pixels.
    public let scale: DecodedScale
    /// EXIF's number, 1...8, as far as the decoder has seen it: not of JPEG and PNG, which `PictureMetadata` reads.
    public let orientation: Int

    public static let formats = ImageFormat.allCases

    /// - Parameters:
    ///   - reduction: how many pixels will become one; a decoder may shrink by less than that.
    ///   - passes: how often the job decodes the picture; all of them together have one limit.
    ///   - disabled: formats that must not be decoded within another one either.
    public init(
        _ bytes: UnsafeRawBufferPointer, format: ImageFormat, limits: PixelLimits, deadline: UInt64, reduction: Double,
        passes: Int = 1, disabled: ImageFormatSet = []
    ) throws(JobFailure) {
        let before = codec_now()
        self.deadline = deadline
        var limits = source_limits(
            max_pixels: UInt64(clamping: limits.maxSourcePixels), max_memory: Self.maxMemory,
            max_unpacked: Self.maxUnpacked(limits, passes: passes), max_work: Self.maxWork(limits, passes: passes),
            deadline: deadline, forbids_jpeg: disabled.contains(.jpeg) ? 1 : 0)
        let start = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
        var source: UnsafeMutablePointer<pixel_source>?
        var eighths: Int32 = 8
        var exif: UnsafePointer<UInt8>?
        var exifCount = 0
        switch format {
        case .jpeg:
            eighths = jpeg_scale_for(reduction)
            try jpeg_rgb_open(start, bytes.count, &limits, eighths, &source).check()
        case .png:
            try png_rgba_open(start, bytes.count, &limits, &source).check()
        case .webp:
            try webp_open(start, bytes.count, &limits, &source, &exif, &exifCount).check()
        case .gif:
            try gif_open(start, bytes.count, &limits, &source).check()
        case .tiff:
            try tiff_open(start, bytes.count, &limits, &source).check()
        case .bmp:
            try bmp_open(start, bytes.count, &limits, &source).check()
        case .avif:
            try avif_open(start, bytes.count, &limits, &source).check()
        }
        guard let source else { throw .internalError }
        self.source = source
        self.orientation =
            exif.map { ExifOrientation.read(Span(_unsafeStart: $0, count: exifCount)) }
            ?? Int(source.pointee.orientation)
        self.scale = DecodedScale(density: Double(eighths) / 8, sharpening: jpeg_sharpening_for(eighths))
        self.openTime = codec_now() - before
    }

    /// Bytes that decompression may give in each pass.
    static func maxUnpacked(_ limits: PixelLimits, passes: Int) -> UInt64 {
        let all = UInt64(clamping: limits.maxSourcePixels).multipliedReportingOverflow(by: Self.unpackedPerPixel)
        return max(Self.leastUnpacked, (all.overflow ? .max : all.partialValue) / UInt64(passes))
    }

    /// The same of what takes as long as unpacking so much. Who allows but small pictures does not mean little data.
    static func maxWork(_ limits: PixelLimits, passes: Int) -> UInt64 {
        max(Self.maxUnpacked(limits, passes: passes), Self.maxUnpacked(.standard, passes: passes))
    }

    deinit { self.source.pointee.close(self.source) }

    public var size: ImageSize {
        ImageSize(width: Int(self.source.pointee.width), height: Int(self.source.pointee.height))
    }

    public var channels: Int { Int(self.source.pointee.channels) }

    /// What makes its colours sRGB's; nil when they are.
    public var conversion: ColourConversion? {
        let source = self.source.pointee
        guard source.icc != nil else {
            return ColourConversion(primaries: source.primaries, transfer: source.transfer, channels: self.channels)
        }
        return ColourConversion(profile: source.icc, count: source.icc_count, channels: self.channels)
    }

    public mutating func readRow(into row: UnsafeMutablePointer<UInt8>) throws(JobFailure) {
        let before = codec_now()
        // A decoder that has the whole picture already looks at no clock, and what becomes of its rows takes time as well.
        guard self.deadline == 0 || before <= self.deadline else { throw .deadlinePassed }
        try self.source.pointee.read_row(self.source, row).check()
        self.rowTime += codec_now() - before
    }
}
