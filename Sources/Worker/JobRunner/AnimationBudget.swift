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
    /// Pixels of the result that change.
    private let made: Int
    /// Pixels of all its frames, changed or not.
    private let shown: Int
    private let frames: Int
    private let limit: Int
    /// Of all that takes time, frames of whatever size included.
    private let timeLimit: Int

    /// - Parameters:
    ///   - changing: pixels of the source that its frames change, of a canvas of any size.
    ///   - part: the part of the canvas that is resampled.
    ///   - output: the size that it becomes.
    init(changing: Int, passes: Int, part: ImageSize, output: ImageSize, frames: Int, limits: PixelLimits) {
        // No overflow: the frames of both have been compared with the limit.
        self.decoded = changing * passes
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
    func effort(for format: ImageFormat) -> AnimationEncoder.Effort? {
        AnimationEncoder.Effort.allCases.first { effort in
            let cost = AnimationEncoder.cost(of: format, effort)
            let encoded = cost.changed * Double(self.made) + cost.shown * Double(self.shown)
            let pixels = Double(self.decoded) + encoded
            return pixels <= Double(self.limit) && pixels + cost.frame * Double(self.frames) <= Double(self.timeLimit)
        }
    }
}
