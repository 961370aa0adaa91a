// SPDX-License-Identifier: Apache-2.0

extension TransformPlan {
    /// The largest side of anything in a plan: a picture's sides come from 32-bit header fields, and two of these
    /// multiplied still fit an `Int`.
    static let maxSide = 1 << 31

    /// Decides the geometry of a job. Pure and total: every number an option can hold gives a plan, and whether its
    /// output is affordable is ``PixelLimits``' question.
    ///
    /// - Parameters:
    ///   - size: the source picture's, oriented and trimmed; sides outside 1...2³¹ count as the nearest of these.
    ///   - options: sides and crop numbers between 0 and 1 are fractions of `size`, others pixels cut to whole ones.
    ///   - scaleUp: whether the result may be larger than the source; the server's setting, the options' is ignored.
    ///   - window: what smart cropping has chosen, inside the picture; it takes the place of the options' rectangle.
    public static func make(
        for size: ImageSize, options: TransformOptions, scaleUp: Bool, window: PixelRect? = nil
    ) -> TransformPlan {
        let size = ImageSize(width: Self.side(size.width), height: Self.side(size.height))
        let crop = window ?? Self.cropBounds(of: size, options: options)?.clipped(to: size) ?? PixelRect(size)
        let target = Self.resizeTarget(for: size, options: options, scaleUp: scaleUp)
        let (source, resampled, window) = Self.resampling(of: crop, to: target, fit: options.fit)
        return TransformPlan(
            crop: crop, source: source, resampled: resampled, window: window,
            quarterTurns: Self.quarterTurns(degrees: options.rotate), flipVertical: options.flipVertical,
            flipHorizontal: options.flipHorizontal)
    }

    /// A rectangle by its corners, `x0 <= x1` and `y0 <= y1`, that may lie outside the picture.
    struct Bounds: Equatable {
        var x0: Int
        var y0: Int
        var x1: Int
        var y1: Int

        /// The part inside a picture; nil if there is none.
        func clipped(to size: ImageSize) -> PixelRect? {
            let left = max(0, self.x0)
            let top = max(0, self.y0)
            let right = min(size.width, self.x1)
            let bottom = min(size.height, self.y1)
            guard left < right, top < bottom else { return nil }
            return PixelRect(x: left, y: top, width: right - left, height: bottom - top)
        }
    }

    /// The rectangle that the crop options name, or nil when they name none.
    ///
    /// It is what the original service computes: the lengths are cut at the right and lower border only, and corners in
    /// the wrong order (an offset beyond the picture) are swapped, which leaves a rectangle outside the picture.
    static func cropBounds(of size: ImageSize, options: TransformOptions) -> Bounds? {
        guard options.cropX != 0 || options.cropY != 0 || options.cropWidth != 0 || options.cropHeight != 0 else {
            return nil
        }
        func span(offset: Double, length: Double, of side: Int) -> (Int, Int) {
            let distance = Self.pixels(abs(offset), of: side)
            let start = offset < 0 ? side - distance : distance
            let wanted = Self.pixels(length, of: side)
            let end = min(start + (wanted > 0 ? wanted : side), side)
            return (min(start, end), max(start, end))
        }
        let (x0, x1) = span(offset: options.cropX, length: options.cropWidth, of: size.width)
        let (y0, y1) = span(offset: options.cropY, length: options.cropHeight, of: size.height)
        return Bounds(x0: x0, y0: y0, x1: x1, y1: y1)
    }

    /// The size asked for, in pixels, a 0 standing for "whatever keeps the aspect"; nil when nothing is to be resized.
    ///
    /// Everything refers to the picture before cropping: a crop may be enlarged up to the picture's own size.
    static func resizeTarget(for size: ImageSize, options: TransformOptions, scaleUp: Bool) -> ImageSize? {
        var width = Self.pixels(options.width, of: size.width)
        var height = Self.pixels(options.height, of: size.height)
        if !scaleUp {
            width = min(width, size.width)
            height = min(height, size.height)
        }
        if width == 0 || width == size.width, height == 0 || height == size.height { return nil }
        return ImageSize(width: width, height: height)
    }

    /// The size whose aspect smart cropping is to find a window for, a 0 standing for "whatever fits"; nil when it is not
    /// asked for, or no size is. The picture does not limit it.
    public static func smartCropTarget(for size: ImageSize, options: TransformOptions) -> ImageSize? {
        guard options.smartCrop else { return nil }
        let target = ImageSize(
            width: Self.pixels(options.width, of: size.width), height: Self.pixels(options.height, of: size.height))
        return target.width == 0 && target.height == 0 ? nil : target
    }

    /// Whether the result's size is that of the window which smart cropping chooses, or follows from its shape: only two
    /// sides that are resized to and filled leave nothing open.
    public static func windowDecidesSize(for size: ImageSize, options: TransformOptions, scaleUp: Bool) -> Bool {
        guard Self.smartCropTarget(for: size, options: options) != nil else { return false }
        guard !options.fit, let target = Self.resizeTarget(for: size, options: options, scaleUp: scaleUp) else {
            return true
        }
        return target.width == 0 || target.height == 0
    }

    /// What to cut out of `crop`, what to resample it to, and what of that to keep.
    private static func resampling(
        of crop: PixelRect, to target: ImageSize?, fit: Bool
    ) -> (source: PixelRect, resampled: ImageSize, window: PixelRect) {
        guard let target, target != crop.size else { return (crop, crop.size, PixelRect(crop.size)) }
        if target.width == 0 || target.height == 0 {
            let size = Self.keepingAspect(of: crop.size, target)
            return (crop, size, PixelRect(size))
        }
        if fit {
            let size = Self.fitting(crop.size, into: target)
            return (crop, size, PixelRect(size))
        }
        // Below 100 pixels a source cut to whole pixels would miss the aspect visibly: resample first, then cut.
        if crop.width < 100 || crop.height < 100 {
            let size = Self.covering(target, with: crop.size)
            return (crop, size, Self.centred(target, in: PixelRect(size)))
        }
        let source = Self.centred(Self.narrowed(crop.size, toAspectOf: target), in: crop)
        return (source, target, PixelRect(target))
    }

    /// Replaces the side that is 0 by the one that keeps the aspect, rounded.
    private static func keepingAspect(of size: ImageSize, _ target: ImageSize) -> ImageSize {
        var target = target
        if target.width == 0 {
            let exact = Double(target.height) * Double(size.width) / Double(size.height)
            target.width = Self.side(exact + 0.5)
        } else if target.height == 0 {
            let exact = Double(target.width) * Double(size.height) / Double(size.width)
            target.height = Self.side(exact + 0.5)
        }
        return target
    }

    /// The largest size of the same aspect inside `box`, its derived side cut to whole pixels; never an enlargement.
    private static func fitting(_ size: ImageSize, into box: ImageSize) -> ImageSize {
        if size.width <= box.width, size.height <= box.height { return size }
        let aspect = Double(size.width) / Double(size.height)
        if aspect > Double(box.width) / Double(box.height) {
            let height = Self.truncated(Double(box.width) / aspect)
            return Self.keepingAspect(of: size, ImageSize(width: box.width, height: height))
        }
        let width = Self.truncated(Double(box.height) * aspect)
        return Self.keepingAspect(of: size, ImageSize(width: width, height: box.height))
    }

    /// The smallest size of the same aspect that covers `target`: one side exact, the other rounded.
    private static func covering(_ target: ImageSize, with size: ImageSize) -> ImageSize {
        let isTaller = Double(size.width) / Double(size.height) < Double(target.width) / Double(target.height)
        let covering = Self.keepingAspect(
            of: size,
            isTaller ? ImageSize(width: target.width, height: 0) : ImageSize(width: 0, height: target.height))
        // Rounding, and the cap on sides, could leave it a pixel short.
        return ImageSize(width: max(covering.width, target.width), height: max(covering.height, target.height))
    }

    /// The largest size of `target`'s aspect inside `size`, rounded.
    private static func narrowed(_ size: ImageSize, toAspectOf target: ImageSize) -> ImageSize {
        if Double(size.width) / Double(size.height) < Double(target.width) / Double(target.height) {
            let exact = Double(size.width) * Double(target.height) / Double(target.width)
            return ImageSize(width: size.width, height: min(size.height, Self.side(max(1, exact) + 0.5)))
        }
        let exact = Double(size.height) * Double(target.width) / Double(target.height)
        return ImageSize(width: min(size.width, Self.side(max(1, exact) + 0.5)), height: size.height)
    }

    /// The rectangle of `size`, no larger than `rect`, in the middle of it.
    private static func centred(_ size: ImageSize, in rect: PixelRect) -> PixelRect {
        PixelRect(
            x: rect.x + (rect.width - size.width) / 2, y: rect.y + (rect.height - size.height) / 2,
            width: size.width, height: size.height)
    }

    /// Whole quarter turns counter-clockwise; an angle that is none turns nothing.
    private static func quarterTurns(degrees: Int) -> Int {
        let remainder = degrees % 360
        let angle = remainder < 0 ? remainder + 360 : remainder
        return angle % 90 == 0 ? angle / 90 : 0
    }

    /// An option's number in pixels, 0 for a negative one: a fraction of `side` when between 0 and 1.
    private static func pixels(_ value: Double, of side: Int) -> Int {
        Self.truncated(value > 0 && value < 1 ? Double(side) * value : value)
    }

    /// The whole part, in 0...2³¹; what is not a number is 0.
    private static func truncated(_ value: Double) -> Int {
        value > 0 ? Int(min(value, Double(Self.maxSide))) : 0
    }

    /// The whole part, in 1...2³¹.
    private static func side(_ value: Double) -> Int { max(1, Self.truncated(value)) }

    private static func side(_ value: Int) -> Int { min(max(1, value), Self.maxSide) }
}
