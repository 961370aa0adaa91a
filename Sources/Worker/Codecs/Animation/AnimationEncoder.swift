// SPDX-License-Identifier: Apache-2.0

internal import CCodecShims
public import ImageJob

/// Makes an animation of frames, each told by where it differs from the one before.
///
/// Owns the encoder behind the pointer, from `init` to `deinit`.
public struct AnimationEncoder: ~Copyable {
    private let encoder: UnsafeMutablePointer<animation_encoder>
    private let format: ImageFormat
    private let size: ImageSize

    public static let formats: [ImageFormat] = [.gif, .webp]

    /// How much is tried to save bytes. GIF knows one way only.
    public enum Effort: CaseIterable, Sendable {
        case usual
        case least
    }

    /// What a pixel of a frame costs, by whether it has changed, in what decoding one costs at the most; and a frame of any
    /// size. Measured on frames of photographs of which nothing stays: GIF 20 to 36 nanoseconds a pixel, WebP 44 to 70, and
    /// 30 to 53 with the least effort. libwebp looks at those that have not changed, too. A frame costs GIF up to 0.4
    /// milliseconds, for a table of colours of its own, and WebP 0.25.
    public static func cost(
        of format: ImageFormat, _ effort: Effort
    ) -> (changed: Double, shown: Double, frame: Double) {
        switch (format, effort) {
        case (.webp, .usual): (2.5, 0.5, 16_000)
        case (.webp, .least): (1.5, 0.5, 16_000)
        default: (1.5, 0, 24_000)
        }
    }

    /// - Parameters:
    ///   - size: of every frame.
    ///   - source: what it is made from; the result is shown as often.
    ///   - quality: 1...100, for formats that lose something.
    ///   - effort: for those that can be made in several ways.
    public init(
        _ format: ImageFormat, size: ImageSize, source: borrowing AnimationSource, quality: Int, effort: Effort,
        limits: PixelLimits, deadline: UInt64
    ) throws(JobFailure) {
        var settings = animation_settings(
            width: Int32(size.width), height: Int32(size.height), plays: source.plays,
            max_bytes: limits.maxResultBytes, deadline: deadline, quality: Float(quality),
            method: effort == .usual ? EncodedPicture.webpMethod : 0, is_lossless: 0)
        var encoder: UnsafeMutablePointer<animation_encoder>?
        switch format {
        case .gif: try gif_encoder_open(&settings, &encoder).check()
        case .webp: try webp_encoder_open(&settings, &encoder).check()
        default: throw .unsupportedFormat
        }
        guard let encoder else { throw .internalError }
        self.encoder = encoder
        self.format = format
        self.size = size
    }

    deinit { self.encoder.pointee.close(self.encoder) }

    /// - Parameters:
    ///   - pixels: the whole frame, RGBA with straight alpha, rows without gaps.
    ///   - changed: all that differs from the frame before lies in it.
    ///   - source: at the frame that this one was made from, which says how long it is shown.
    public mutating func add(
        _ pixels: UnsafePointer<UInt8>, changed: PixelRect, source: borrowing AnimationSource
    ) throws(JobFailure) {
        let area = pixel_area(
            x: Int32(changed.x), y: Int32(changed.y), width: Int32(changed.width), height: Int32(changed.height))
        try self.encoder.pointee.add_frame(self.encoder, pixels, area, source.milliseconds, source.colours).check()
    }

    public consuming func finish() throws(JobFailure) -> EncodedPicture {
        var image = encoded_image()
        try self.encoder.pointee.finish(self.encoder, &image).check()
        return try EncodedPicture(image, format: self.format, size: self.size)
    }
}
