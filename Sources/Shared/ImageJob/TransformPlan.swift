// SPDX-License-Identifier: Apache-2.0

/// The geometry of one job, decided once from the picture's size and the options: what to cut out, what to resample
/// it to, and how to turn the result. Everything is in whole pixels of the oriented, trimmed picture.
public struct TransformPlan: Hashable, Sendable {
    /// The part of the picture that is kept before resampling.
    public var crop: PixelRect
    /// The part of the picture (inside `crop`, already narrowed to the target's aspect) that is resampled.
    public var source: PixelRect
    /// The size that `source` is resampled to; equal to `source.size` when nothing is resampled.
    public var resampled: ImageSize
    /// The part of the resampled picture that is kept.
    public var window: PixelRect
    /// Counter-clockwise quarter turns, 0...3, applied to the window.
    public var quarterTurns: Int
    /// Applied after the turns, vertical first.
    public var flipVertical: Bool
    public var flipHorizontal: Bool

    public init(
        crop: PixelRect, source: PixelRect, resampled: ImageSize, window: PixelRect, quarterTurns: Int,
        flipVertical: Bool, flipHorizontal: Bool
    ) {
        self.crop = crop
        self.source = source
        self.resampled = resampled
        self.window = window
        self.quarterTurns = quarterTurns
        self.flipVertical = flipVertical
        self.flipHorizontal = flipHorizontal
    }

    /// The result's size.
    public var output: ImageSize { self.quarterTurns % 2 == 0 ? self.window.size : self.window.size.transposed }

    public var resamples: Bool { self.resampled != self.source.size }
}
