// SPDX-License-Identifier: Apache-2.0

/// Formats whose size stands at a known place, or one step away from it.
extension ImageHeader {
    /// The first chunk is the picture, or a header that says how large the canvas is.
    static func webpSize(_ bytes: Span<UInt8>) -> ImageSize? {
        guard let name = bytes.big32(12) else { return nil }
        switch name {
        case 0x5650_3858:  // VP8X: sides less one in 24 bits each
            guard let low = bytes.little16(24), let both = bytes.little32(26) else { return nil }
            return ImageSize(declared: (low | (both & 0xFF) << 16) + 1, both >> 8 + 1)
        case 0x5650_384C:  // VP8L: a mark, then sides less one in 14 bits each
            guard bytes.count > 20, bytes[20] == 0x2F, let sides = bytes.little32(21) else { return nil }
            return ImageSize(declared: sides & 0x3FFF + 1, sides >> 14 & 0x3FFF + 1)
        case 0x5650_3820:  // VP8 with a key frame's mark; the upper two bits of each side are a scale
            guard bytes.big32(22).map({ $0 & 0xFFFFFF == 0x9D012A }) == true, let width = bytes.little16(26),
                let height = bytes.little16(28)
            else { return nil }
            return ImageSize(declared: width & 0x3FFF, height & 0x3FFF)
        default: return nil
        }
    }

    /// The logical screen.
    static func gifSize(_ bytes: Span<UInt8>) -> ImageSize? {
        ImageSize(declared: bytes.little16(6), bytes.little16(8))
    }

    /// OS/2's first header has 16 bits to a side, the others 32; rows from the top down are a negative height.
    static func bmpSize(_ bytes: Span<UInt8>) -> ImageSize? {
        let isShort = bytes.little32(14) == 12
        if isShort { return ImageSize(declared: bytes.little16(18), bytes.little16(20)) }
        guard let height = bytes.little32(22) else { return nil }
        return ImageSize(declared: bytes.little32(18), abs(Int(Int32(truncatingIfNeeded: height))))
    }

    /// Two tags of the first directory, which has at most 65,535. Of BigTIFF only the decoder knows.
    static func tiffSize(_ bytes: Span<UInt8>) -> ImageSize? {
        let isLittle = bytes[0] == UInt8(ascii: "I")
        func half(_ at: Int) -> Int? { isLittle ? bytes.little16(at) : bytes.big16(at) }
        func word(_ at: Int) -> Int? { isLittle ? bytes.little32(at) : bytes.big32(at) }
        guard half(2) == 42, let directory = word(4), let count = half(directory) else { return nil }
        var sides: [Int: Int] = [:]
        for index in 0..<count {
            let entry = directory + 2 + 12 * index
            guard let tag = half(entry), let type = half(entry + 2) else { break }
            guard tag == 256 || tag == 257 else { continue }
            // Of 16 or of 32 bits.
            sides[tag] = type == 3 ? half(entry + 8) : type == 4 ? word(entry + 8) : nil
        }
        return ImageSize(declared: sides[256], sides[257])
    }
}
