// SPDX-License-Identifier: Apache-2.0

internal import CResample
public import ImageJob

/// A colour that shows where a picture is transparent.
public struct Background {
    private let colour: [UInt8]

    public init(_ colour: RGBColour) { self.colour = [colour.red, colour.green, colour.blue] }

    /// Makes a picture opaque.
    public func put(under picture: borrowing PixelBuffer) {
        guard picture.channels == 4 else { return }
        for y in 0..<picture.size.height {
            self.put(under: picture.row(y), to: picture.row(y), count: picture.size.width)
        }
    }

    /// - Parameters:
    ///   - row: pixels, RGBA. May be where the result goes.
    ///   - count: of pixels.
    public func put(under row: UnsafePointer<UInt8>, to flat: UnsafeMutablePointer<UInt8>, count: Int) {
        cr_flatten(row, CInt(count), self.colour, flat)
    }
}
