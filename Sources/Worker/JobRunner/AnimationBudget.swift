// SPDX-License-Identifier: Apache-2.0

internal import Codecs
internal import ImageJob

/// Whether the frames of a result can be made in two seconds, by what headers say.
///
/// Counted in pixels of the source that change from frame to frame. One takes fifteen nanoseconds at the most to be decoded
/// and made small; what is left of the limit for them is for the encoder, whose pixels cost more.
struct AnimationBudget {
    /// Pixels of the source that change, as often as they are decoded.
    private let decoded: Int
    /// What their data adds to that.
    private let dense: Int
    /// Pixels of the result that change.
    private let made: Int
    /// Pixels of all its frames, changed or not.
    private let shown: Int
    private let frames: Int
    private let height: Int
    private let limit: Int
    /// Of all that takes time, frames of whatever size included.
    private let timeLimit: Int

    /// - Parameters:
    ///   - changing: pixels of the source that its frames change, of a canvas of any size.
    ///   - dense: what their data adds to that.
    ///   - part: the part of the canvas that is resampled.
    ///   - output: the size that it becomes.
    init(
        changing: Int, dense: Int, passes: Int, part: ImageSize, output: ImageSize, frames: Int, limits: PixelLimits
    ) {
        // No overflow: the frames of both have been compared with the limit.
        self.decoded = changing * passes
        self.dense = dense * passes
        self.height = output.height
        self.shown = output.area * frames
        self.frames = frames
        let share = Double(output.area) / Double(part.area)
        self.made = min(Int((Double(changing) * share).rounded(.up)), self.shown)
        func total(_ limits: PixelLimits) -> Int {
            Int(clamping: AnimationSource.total(UInt64(clamping: limits.maxSourcePixels)))
        }
        self.limit = total(limits)
        // Who allows but small pictures does not mean few frames.
        self.timeLimit = max(self.limit, total(.standard))
    }

    /// How a format may be encoded; nil when it would take too long in any way.
    ///
    /// - Parameter isForSure: whatever the pixels are; else it can still turn out while they are encoded.
    func effort(for format: ImageFormat, isForSure: Bool = false) -> AnimationEncoder.Effort? {
        AnimationEncoder.Effort.allCases.first { effort in
            let more =
                isForSure
                ? AnimationEncoder.mostChanged(of: format, effort) * Double(self.made)
                    - self.changed(as: format, effort) : 0
            return self.pixels(as: format, effort) + more <= Double(self.limit)
                && self.spare(as: format, effort) >= more
        }
    }

    /// What is left for an encoder whose pixels turn out to cost more.
    func spare(as format: ImageFormat, _ effort: AnimationEncoder.Effort) -> Double {
        let frame = AnimationEncoder.cost(of: format, effort, height: self.height).frame
        return Double(self.timeLimit - self.dense) - self.pixels(as: format, effort) - frame * Double(self.frames)
    }

    /// What the pixels that change cost to be encoded.
    func changed(as format: ImageFormat, _ effort: AnimationEncoder.Effort) -> Double {
        AnimationEncoder.cost(of: format, effort, height: self.height).changed * Double(self.made)
    }

    private func pixels(as format: ImageFormat, _ effort: AnimationEncoder.Effort) -> Double {
        let kept = AnimationEncoder.cost(of: format, effort, height: self.height).kept
        return Double(self.decoded) + self.changed(as: format, effort) + kept * Double(self.shown - self.made)
    }
}
