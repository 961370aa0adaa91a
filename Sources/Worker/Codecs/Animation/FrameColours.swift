// SPDX-License-Identifier: Apache-2.0

public import ImageJob
internal import Pixels

/// Frames in sRGB, and on a colour if one is asked for, of an animation that may be in other colours and transparent.
public struct FrameColours: ~Copyable {
    private let conversion: ColourConversion?
    private let background: Background?
    /// Whether there is anything to change.
    public let isNeeded: Bool
    private let size: ImageSize
    private let frame: Scratch<UInt8>
    private static let channels = 4

    /// - Parameter size: of the frames.
    public init(
        _ conversion: consuming ColourConversion?, background: RGBColour?, size: ImageSize
    ) throws(JobFailure) {
        self.isNeeded = conversion != nil || background != nil
        self.conversion = conversion
        self.background = background.map { Background($0) }
        self.size = size
        self.frame = try Scratch(count: self.isNeeded ? size.area * Self.channels : 0)
    }

    /// - Parameters:
    ///   - pixels: a frame, RGBA.
    ///   - changed: all that differs from the frame before lies in it.
    /// - Returns: the frame in the colours of the result; as it is when it has them already.
    public borrowing func follow(_ pixels: UnsafePointer<UInt8>, changed: PixelRect) -> UnsafePointer<UInt8> {
        guard self.isNeeded else { return pixels }
        let stride = self.size.width * Self.channels
        for y in changed.y..<changed.y + changed.height {
            let offset = y * stride + changed.x * Self.channels
            let target = self.frame.start + offset
            var row = pixels + offset
            switch self.conversion {
            case .none: break
            case .some(let conversion):
                conversion.convert(row, to: target, count: changed.width)
                row = UnsafePointer(target)
            }
            self.background?.put(under: row, to: target, count: changed.width)
        }
        return UnsafePointer(self.frame.start)
    }
}
