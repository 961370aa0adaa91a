// SPDX-License-Identifier: Apache-2.0

internal import CCodecShims
internal import Glibc
public import ImageJob
public import Pixels

/// A finished file. Owns its bytes.
public struct EncodedPicture: ~Copyable {
    public let format: ImageFormat
    public let size: ImageSize
    private let start: UnsafeMutablePointer<UInt8>
    private let count: Int

    public static let formats = ImageFormat.allCases

    /// The largest width or height that a format can have, as far as it sets one.
    public static func maxSide(of format: ImageFormat) -> Int {
        switch format {
        case .jpeg: Int(JPEG_MAX_SIDE)
        case .webp: 16_383
        case .avif: 65_536
        case .png, .gif, .tiff, .bmp: .max
        }
    }

    /// Nanoseconds that a detailed photograph of this size takes, about.
    public static func typicalTimeOfAVIF(_ size: ImageSize, policy: ResultPolicy) -> UInt64 {
        // The encoder's own estimate is half of that, for what has no chance at all.
        2 * avif_least_time(UInt64(size.area), Int32(policy.avifSpeed))
    }

    /// Taken from an encoder.
    init(_ image: encoded_image, format: ImageFormat, size: ImageSize) throws(JobFailure) {
        guard let start = image.bytes else { throw .internalError }
        self.start = start
        self.count = image.count
        self.format = format
        self.size = size
    }

    deinit { free(self.start) }

    /// Valid as long as this lives.
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: self.start, count: self.count) }

    /// - Parameter quality: 1...100, for formats that lose something.
    public init(
        _ picture: borrowing PixelBuffer, format: ImageFormat, quality: Int, limits: PixelLimits,
        policy: ResultPolicy = ResultPolicy(), deadline: UInt64
    ) throws(JobFailure) {
        var view = pixel_view(
            pixels: picture.start, width: Int32(picture.size.width), height: Int32(picture.size.height),
            channels: Int32(picture.channels), stride: picture.stride)
        var image = encoded_image()
        switch format {
        case .jpeg:
            try jpeg_rgb_encode(
                &view, Int32(quality), jpeg_coding(policy), limits.maxResultBytes, deadline, &image
            ).check()
        case .png:
            try png_rgba_encode(&view, Self.pngLevel, limits.maxResultBytes, deadline, &image).check()
        case .webp:
            var settings = webp_settings(
                quality: Float(quality), method: Self.webpMethod, is_lossless: 0, max_bytes: limits.maxResultBytes,
                deadline: deadline)
            try webp_encode(&view, &settings, &image).check()
        case .gif:
            try gif_encode(&view, limits.maxResultBytes, deadline, &image).check()
        case .tiff:
            try tiff_encode(&view, limits.maxResultBytes, deadline, &image).check()
        case .bmp:
            try bmp_encode(&view, limits.maxResultBytes, &image).check()
        case .avif:
            var settings = avif_settings(
                quality: Int32(quality), speed: Int32(policy.avifSpeed), max_bytes: limits.maxResultBytes,
                deadline: deadline)
            try avif_encode(&view, &settings, &image).check()
        }
        try self.init(image, format: format, size: picture.size)
    }

    /// libdeflate's own default: a fifth of the time that libpng's default takes, for files as small.
    private static let pngLevel: Int32 = 6
    /// Half of what the library's own choice costs, for files a twentieth larger.
    static let webpMethod: Int32 = 2
}
