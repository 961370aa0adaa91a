// SPDX-License-Identifier: Apache-2.0

public import ImageJob
public import Pixels

/// Finds the window of a picture that is worth keeping: with much detail, skin and strong colours, and these where
/// photographers put them.
///
/// The rules and numbers are those of smartcrop.js (J. Wagner, 2014) as the original service applies them, on a picture
/// whose shorter side is 400 pixels, so that the windows are the same. A score is a sum over samples 8 pixels apart, and
/// windows begin at multiples of 8: how much a sample matters depends on its place in the window alone, so that is
/// computed once for all windows of a size.
public struct SmartCrop: Equatable, Sendable {
    /// The size at which the picture is looked at.
    public let analysed: ImageSize
    /// That size to the picture's.
    private let factor: Double
    /// Of the largest window, in pixels of the analysed picture.
    private let width: Double
    private let height: Double
    private let smallestScale: Double

    private static let shorterSide = 400.0
    /// Bounds what a picture costs that is far longer than it is wide.
    private static let maxArea = 4_000_000.0
    /// Of windows, and of samples.
    public static let step = 8

    /// Of windows, to the largest one.
    private static let scales = [1, 0.9]

    /// - Parameters:
    ///   - target: the size asked for, 0 for a side that is not; see ``TransformPlan/smartCropTarget(for:options:)``.
    public init(of size: ImageSize, for target: ImageSize) {
        let (sourceWidth, sourceHeight) = (Double(size.width), Double(size.height))
        let scale = min(sourceWidth / Double(target.width), sourceHeight / Double(target.height))
        let factor = min(
            1, Self.shorterSide / min(sourceWidth, sourceHeight),
            (Self.maxArea / (sourceWidth * sourceHeight)).squareRoot())
        self.factor = factor
        let columns = max(1, (sourceWidth * factor).rounded(.down))
        let rows = max(1, (0.7 + sourceHeight / (sourceWidth / columns)).rounded(.down))
        self.analysed = ImageSize(width: Int(columns), height: Int(rows))
        // A side that is not asked for, or vanishes, is as long as the picture's shorter one.
        func side(_ wanted: Int, atMost most: Double) -> Double {
            let side = (Double(wanted) * scale * factor).rounded(.down)
            return min(side > 0 ? side : min(columns, rows), most)
        }
        self.width = side(target.width, atMost: columns)
        self.height = side(target.height, atMost: rows)
        self.smallestScale = min(1, max(1 / scale, 0.9))
    }

    /// - Parameters:
    ///   - source: the picture as it is stored; `scale` says what its decoder has made of the pixels.
    ///   - part: of it, what this was made for.
    ///   - orientation: what makes it upright.
    /// - Returns: the window, in pixels of the upright part.
    public func window(
        in source: inout some RowSource & ~Copyable, scale: DecodedScale, part: PixelRect, _ orientation: Symmetry,
        _ checkTime: () throws(JobFailure) -> Void
    ) throws(JobFailure) -> PixelRect {
        let picture = try Rendering.render(
            &source, self.geometry(of: part, orientation), scale: scale, checkTime: checkTime)
        return try self.window(by: Interest(of: picture, step: Self.step))
    }

    /// What makes the picture of the size `analysed`, upright.
    ///
    /// Both sides shrink by what makes the width a whole number, as the original has it, and not by what would make the
    /// height one: that is half a row less or more, and moves edges. So what is resampled is as wide as the picture and
    /// a whole number of times as high, and only the top of it is made. The filter is the original's, too: what is
    /// seen in noise depends on it.
    public func geometry(of part: PixelRect, _ orientation: Symmetry) -> StoredGeometry {
        let size = orientation.size(of: part.size)
        func times(_ size: ImageSize) -> Int { (size.height + size.width - 1) / size.width }
        let times = max(times(size), times(self.analysed))
        let whole = TransformPlan(
            crop: PixelRect(size), source: PixelRect(x: 0, y: 0, width: size.width, height: size.width * times),
            resampled: ImageSize(width: self.analysed.width, height: self.analysed.width * times),
            window: PixelRect(self.analysed), quarterTurns: 0, flipVertical: false, flipHorizontal: false)
        var geometry = StoredGeometry(whole, orientation: orientation, part: part)
        geometry.isCubic = true
        return geometry
    }

    /// How many of the part's pixels may become one of those that are analysed.
    public func reduction(of part: PixelRect, _ orientation: Symmetry) -> Double {
        // Less of a margin than for a picture that somebody looks at.
        1.5 * Double(orientation.size(of: part.size).width) / Double(self.analysed.width)
    }

    /// The smallest of the windows that are tried, which is the one that needs most of a decoder.
    public var smallestWindow: PixelRect {
        let scale = Self.scales.filter { $0 >= self.smallestScale }.min() ?? 1
        return self.inFull(
            PixelRect(
                x: 0, y: 0, width: max(1, Int(self.width * scale)), height: max(1, Int(self.height * scale))))
    }

    /// Whether there is a whole square of `step` pixels.
    public var isSampled: Bool { min(self.analysed.width, self.analysed.height) >= Self.step }

    /// - Parameter samples: of the picture of the size `analysed`, three by three in each whole square of `step` pixels, the
    ///   middle one its first: no other pixel is ever looked at.
    /// - Returns: the window, in pixels of the picture that this was made for.
    public func window(inSamples samples: borrowing PixelBuffer) throws(JobFailure) -> PixelRect {
        try self.window(by: Interest(of: samples, step: 3, first: 1))
    }

    private func window(by interest: borrowing Interest) throws(JobFailure) -> PixelRect {
        var best: (score: Double, window: PixelRect)?
        for scale in Self.scales where scale >= self.smallestScale {
            let (width, height) = (self.width * scale, self.height * scale)
            guard width >= 1, height >= 1 else { continue }
            let importance = try Importance(width: Int(width), height: Int(height), step: Self.step)
            for y in stride(from: 0, through: Double(self.analysed.height) - height, by: Double(Self.step)) {
                for x in stride(from: 0, through: Double(self.analysed.width) - width, by: Double(Self.step)) {
                    let window = PixelRect(x: Int(x), y: Int(y), width: Int(width), height: Int(height))
                    let score =
                        importance.score(of: interest, from: window) / Double(window.width)
                        / Double(window.height)
                    if score > best?.score ?? -1 { best = (score, window) }
                }
            }
        }
        return self.inFull(best?.window ?? PixelRect(self.analysed))
    }

    private func inFull(_ window: PixelRect) -> PixelRect {
        func length(_ value: Int) -> Int { Int((Double(value) / self.factor).rounded(.down)) }
        let (left, top) = (length(window.x), length(window.y))
        return PixelRect(
            x: left, y: top, width: length(window.x + window.width) - left,
            height: length(window.y + window.height) - top)
    }
}
