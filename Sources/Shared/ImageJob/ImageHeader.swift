// SPDX-License-Identifier: Apache-2.0

/// Reads the size that a picture's header declares, without decoding anything.
///
/// Bounded and total: any bytes are fine, and what cannot be read is nil. The front uses it to estimate a job's cost and
/// to check that a worker's result is the picture that was asked for.
public enum ImageHeader {
    /// The size that a file of a known format declares; nil for everything else. For an animation, the canvas.
    public static func size(of bytes: Span<UInt8>) -> ImageSize? {
        switch ImageFormat(magic: bytes) {
        case .jpeg: Self.jpegSize(bytes)
        case .png: Self.pngSize(bytes)
        case .webp: Self.webpSize(bytes)
        case .gif: Self.gifSize(bytes)
        case .tiff: Self.tiffSize(bytes)
        case .bmp: Self.bmpSize(bytes)
        case .avif: Self.avifSize(bytes)
        case nil: nil
        }
    }

    /// IHDR is always the first chunk: 8 bytes of signature, 4 of length, 4 of type, then width and height.
    private static func pngSize(_ bytes: Span<UInt8>) -> ImageSize? {
        guard bytes.count >= 24, Self.word(bytes, 12) == 0x4948_4452 else { return nil }
        let size = ImageSize(width: Self.word(bytes, 16), height: Self.word(bytes, 20))
        guard (1...Int(Int32.max)).contains(size.width), (1...Int(Int32.max)).contains(size.height) else { return nil }
        return size
    }

    /// The frame header: the precision, then height and width.
    private static func jpegSize(_ bytes: Span<UInt8>) -> ImageSize? {
        var at = JPEGSegments.start
        while let (marker, content) = JPEGSegments.next(bytes, &at) {
            guard (0xC0...0xCF).contains(marker), marker != 0xC4, marker != 0xC8, marker != 0xCC else { continue }
            guard content.count >= 5 else { return nil }
            let (height, width) = (content.lowerBound + 1, content.lowerBound + 3)
            let size = ImageSize(width: Self.half(bytes, width), height: Self.half(bytes, height))
            return size.width > 0 && size.height > 0 ? size : nil
        }
        return nil
    }

    private static func half(_ bytes: Span<UInt8>, _ at: Int) -> Int { Int(bytes[at]) << 8 | Int(bytes[at + 1]) }

    private static func word(_ bytes: Span<UInt8>, _ at: Int) -> Int {
        Self.half(bytes, at) << 16 | Self.half(bytes, at + 2)
    }
}
