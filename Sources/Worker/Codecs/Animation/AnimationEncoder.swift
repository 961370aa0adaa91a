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

    /// What a pixel of a frame costs at least when it has changed, and when it is kept, in what decoding one costs at the most;
    /// and a frame of any size. libwebp looks at those that are kept column by column, which takes long in tall pictures.
    public static func cost(
        of format: ImageFormat, _ effort: Effort, height: Int
    ) -> (changed: Double, kept: Double, frame: Double) {
        let kept = height <= 700 ? 0.5 : height <= 1000 ? 1 : 3
        return switch (format, effort) {
        case (.webp, .usual): (3, kept, 16_000)
        case (.webp, .least): (2, kept, 16_000)
        default: (1.5, 0, 24_000)
        }
    }

    /// What one that has changed costs at the most: in noise.
    public static func mostChanged(of format: ImageFormat, _ effort: Effort) -> Double {
        switch (format, effort) {
        case (.webp, .usual): 10.5
        case (.webp, .least): 10
        default: 1.5
        }
    }

    /// What looking for a colour in a table costs, with what else there is to do for tables of noise.
    private static let search = 9.0
    /// So often it may be done in any case, for a quarter of a second.
    private static let leastSearches: UInt64 = 2_000_000

    /// - Parameters:
    ///   - size: of every frame.
    ///   - source: what it is made from; the result is shown as often.
    ///   - quality: 1...100, for formats that lose something.
    ///   - effort: for those that can be made in several ways.
    ///   - spare: what is left of the job's budget beyond what `cost` says of it, in the same unit.
    ///   - changed: what `cost` says of the pixels that change, all together.
    /// - Throws: `resultTooLarge` also while frames are added, when these cost more than that.
    public init(
        _ format: ImageFormat, size: ImageSize, source: borrowing AnimationSource, quality: Int, effort: Effort,
        spare: Double, changed: Double, limits: PixelLimits, deadline: UInt64
    ) throws(JobFailure) {
        var settings = animation_settings(
            width: Int32(size.width), height: Int32(size.height), plays: source.plays,
            max_bytes: limits.maxResultBytes, deadline: deadline, quality: Float(quality),
            method: effort == .usual ? EncodedPicture.webpMethod : 0, is_lossless: 0,
            max_searches: UInt64(max(0, spare) / Self.search) + Self.leastSearches, max_work: changed + spare)
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
