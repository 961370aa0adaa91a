// SPDX-License-Identifier: Apache-2.0

public import ImageJob
internal import Pixels

/// Frames in sRGB, of an animation that may be in other colours.
public struct FrameColours: ~Copyable {
    private let conversion: ColourConversion?
    /// Whether there is anything to convert.
    public let isNeeded: Bool
    private let size: ImageSize
    private let frame: Scratch<UInt8>
    private static let channels = 4

    /// - Parameter size: of the frames.
    public init(_ conversion: consuming ColourConversion?, size: ImageSize) throws(JobFailure) {
        self.isNeeded = conversion != nil
        self.conversion = conversion
        self.size = size
        self.frame = try Scratch(count: self.isNeeded ? size.area * Self.channels : 0)
    }

    /// - Parameters:
    ///   - pixels: a frame, RGBA.
    ///   - changed: all that differs from the frame before lies in it.
    /// - Returns: the frame in sRGB; as it is when it was that already.
    public borrowing func follow(_ pixels: UnsafePointer<UInt8>, changed: PixelRect) -> UnsafePointer<UInt8> {
        switch self.conversion {
        case .none: return pixels
        case .some(let conversion):
            let stride = self.size.width * Self.channels
            for y in changed.y..<changed.y + changed.height {
                let offset = y * stride + changed.x * Self.channels
                conversion.convert(pixels + offset, to: self.frame.start + offset, count: changed.width)
            }
            return UnsafePointer(self.frame.start)
        }
    }
}
