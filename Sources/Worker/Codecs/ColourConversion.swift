// SPDX-License-Identifier: Apache-2.0

internal import CCodecShims
internal import ImageJob
public import Pixels

/// Turns pixels of the colours that a file's profile describes into sRGB's.
///
/// It is applied to the result, which has fewer pixels than the source. Owns the transform behind the pointer, from `init`
/// to `deinit`.
public struct ColourConversion: ~Copyable {
    private let transform: OpaquePointer

    /// - Returns: nil when the pixels are sRGB already, or the profile is none that can be used.
    init?(profile: UnsafePointer<UInt8>?, count: Int, channels: Int) {
        guard let profile, !ColourProfile.isStandard(Span(_unsafeStart: profile, count: count)) else { return nil }
        let kind = channels == 1 ? COLOUR_GRAY : channels == 3 ? COLOUR_RGB : COLOUR_RGBA
        guard let transform = colour_transform_open(profile, count, kind) else { return nil }
        self.transform = transform
    }

    /// - Returns: nil when these numbers of H.273 mean sRGB, or nothing that is known.
    init?(primaries: Int32, transfer: Int32, channels: Int) {
        let kind = channels == 1 ? COLOUR_GRAY : channels == 3 ? COLOUR_RGB : COLOUR_RGBA
        guard let transform = colour_transform_open_coded(primaries, transfer, kind) else { return nil }
        self.transform = transform
    }

    deinit { colour_transform_close(self.transform) }

    public func apply(to picture: borrowing PixelBuffer) {
        for y in 0..<picture.size.height { self.convert(picture.row(y), to: picture.row(y), count: picture.size.width) }
    }

    /// - Parameter count: of pixels.
    public func convert(_ row: UnsafePointer<UInt8>, to converted: UnsafeMutablePointer<UInt8>, count: Int) {
        colour_transform_row(self.transform, row, converted, count)
    }
}
