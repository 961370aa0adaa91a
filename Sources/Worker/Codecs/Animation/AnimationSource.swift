// SPDX-License-Identifier: Apache-2.0

internal import CCodecShims
public import ImageJob

/// An animation that is being decoded, frame by frame, each as it is shown.
///
/// Owns the decoder behind the pointer, from `init` to `deinit`; the bytes it reads must outlive it.
public struct AnimationSource: ~Copyable {
    /// Far more than anybody watches.
    private static let maxFrames: UInt64 = 5000

    private let source: UnsafeMutablePointer<animation_source>
    /// EXIF's number, 1...8.
    public let orientation: Int
    /// Nanoseconds that opening and reading have taken so far.
    public private(set) var time: UInt64

    public static let formats: [ImageFormat] = [.gif, .webp]

    /// - Parameter passes: how often the job decodes the animation; all of them together have one limit.
    public init(
        _ bytes: UnsafeRawBufferPointer, format: ImageFormat, limits: PixelLimits, deadline: UInt64, passes: Int = 1
    ) throws(JobFailure) {
        let before = codec_now()
        let pixels = UInt64(clamping: limits.maxSourcePixels)
        var limits = animation_limits(
            each: source_limits(
                max_pixels: pixels, max_memory: PictureSource.maxMemory, max_unpacked: .max, max_work: .max,
                deadline: deadline, forbids_jpeg: 0),
            max_frames: Self.maxFrames, max_total_pixels: Self.total(pixels) / UInt64(passes),
            // Who allows but small pictures does not mean little data.
            max_work: Self.total(max(pixels, UInt64(PixelLimits.standard.maxSourcePixels))) / UInt64(passes))
        let start = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
        var source: UnsafeMutablePointer<animation_source>?
        switch format {
        case .gif: try gif_animation_open(start, bytes.count, &limits, &source).check()
        case .webp: try webp_animation_open(start, bytes.count, &limits, &source).check()
        default: throw .unsupportedFormat
        }
        guard let source else { throw .internalError }
        self.source = source
        self.orientation =
            source.pointee.exif.map {
                ExifOrientation.read(Span(_unsafeStart: $0, count: source.pointee.exif_count))
            } ?? 1
        self.time = codec_now() - before
    }

    deinit { self.source.pointee.close(self.source) }

    /// What all frames of an animation may have together: a quarter more than the largest still. Of a frame of which nothing
    /// stays a pixel takes up to fifteen nanoseconds, decoded and made small: two seconds for them all.
    public static func total(_ pixels: UInt64) -> UInt64 {
        let total = pixels.addingReportingOverflow(pixels / 4)
        return total.overflow ? .max : total.partialValue
    }

    /// Of the canvas that every frame is a state of.
    public var size: ImageSize {
        ImageSize(width: Int(self.source.pointee.width), height: Int(self.source.pointee.height))
    }

    /// How many pixels its frames may change, all together: what there is to decode, to make small and to encode.
    public var changingPixels: Int { Int(clamping: self.source.pointee.changing) }

    /// What decoding them takes beyond that, in pixels: data that is many bits, or hard to read.
    public var densePixels: Int { Int(clamping: self.source.pointee.dense) }

    public var frameCount: Int { Int(self.source.pointee.frames) }
    /// 0 = for ever.
    var plays: Int32 { self.source.pointee.plays }

    /// What makes its colours sRGB's; nil when they are.
    public var conversion: ColourConversion? {
        ColourConversion(profile: self.source.pointee.icc, count: self.source.pointee.icc_count, channels: 4)
    }

    /// Not to be called more than `frameCount` times, nor after a failure.
    public mutating func readFrame() throws(JobFailure) {
        let before = codec_now()
        try self.source.pointee.read_frame(self.source).check()
        self.time += codec_now() - before
    }

    /// The canvas: RGBA with straight alpha, rows without gaps. Changes with every frame.
    public var pixels: UnsafePointer<UInt8> { self.source.pointee.pixels }

    /// Where this frame differs from the one before, and perhaps more than that.
    public var changed: PixelRect { PixelRect(self.source.pointee.changed) }

    var milliseconds: UInt32 { self.source.pointee.milliseconds }
    var colours: UnsafePointer<colour_table>? { self.source.pointee.colours }
}

extension PixelRect {
    fileprivate init(_ area: pixel_area) {
        self.init(x: Int(area.x), y: Int(area.y), width: Int(area.width), height: Int(area.height))
    }
}
