// SPDX-License-Identifier: Apache-2.0

public import ImageJob

/// What a decoder has done to a picture on the way: one that shrinks gives fewer samples than there are pixels.
public struct DecodedScale: Equatable, Sendable {
    /// Samples to a pixel; the last sample may stand for less than a whole one.
    public var density: Double
    /// How much the taps must sharpen to undo the decoder's box filter.
    public var sharpening: Double

    public init(density: Double, sharpening: Double) {
        self.density = density
        self.sharpening = sharpening
    }

    public static let full = DecodedScale(density: 1, sharpening: 0)

    /// The size of a picture so decoded.
    public func size(of size: ImageSize) -> ImageSize {
        func samples(_ side: Int) -> Int { Int((Double(side) * self.density).rounded(.up)) }
        return ImageSize(width: samples(size.width), height: samples(size.height))
    }
}
