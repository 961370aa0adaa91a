// SPDX-License-Identifier: Apache-2.0

internal import ImageJob

/// The parts of a file that make up its picture, without whatever else it tells: where it was taken, by whom, with what.
///
/// Read by walking the file's segments: total and bounded, every step moves forward.
enum PictureParts {
    /// - Returns: what is to be kept, in order; nil when the file is not quite as it should be.
    static func find(in bytes: Span<UInt8>, format: ImageFormat) -> [Range<Int>]? {
        switch format {
        case .jpeg: Self.jpeg(bytes)
        case .png: Self.png(bytes)
        case .webp: Self.webp(bytes)
        case .gif: Self.gif(bytes)
        case .bmp: BMPParts.find(in: bytes)
        case .tiff: TIFFParts.find(in: bytes)
        case .avif: AVIFParts.find(in: bytes)
        }
    }

    /// Whether the parts stay where they are, with nothing in between, or close up.
    static func keepsPlaces(_ format: ImageFormat) -> Bool { format == .tiff || format == .avif }

    /// Baseline and progressive files, up to their end marker: some have a film behind it.
    static func jpeg(_ bytes: Span<UInt8>) -> [Range<Int>]? {
        var parts = [0..<2]
        var at = 2
        while at + 4 <= bytes.count, bytes[at] == 0xFF {
            let marker = bytes[at + 1]
            if marker == 0xD9 { return parts + [at..<at + 2] }
            guard let length = bytes.half(at + 2), length >= 2, length <= bytes.count - at - 2 else { return nil }
            let segment = at..<at + 2 + length
            at = segment.upperBound
            switch marker {
            // Frames, tables.
            case 0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD: parts.append(segment)
            case 0xDA:
                guard let end = Self.endOfScan(bytes, from: at) else { return nil }
                parts.append(segment.lowerBound..<end)
                at = end
            // What the components stand for; not what else their segments may hold.
            case 0xE0 where bytes.has("JFIF\0", at: segment.lowerBound + 4):
                guard length == 16 else { return nil }
                parts.append(segment)
            case 0xEE where bytes.has("Adobe", at: segment.lowerBound + 4):
                guard length == 14 else { return nil }
                parts.append(segment)
            case 0xE0...0xEF, 0xFE: break
            default: return nil
            }
        }
        guard at + 2 == bytes.count, bytes[at] == 0xFF, bytes[at + 1] == 0xD9 else { return nil }
        return parts + [at..<at + 2]
    }

    /// Where the marker after a scan's data stands.
    private static func endOfScan(_ bytes: Span<UInt8>, from start: Int) -> Int? {
        var at = start
        while at + 1 < bytes.count {
            if bytes[at] == 0xFF {
                let next = bytes[at + 1]
                if next != 0, next != 0xFF, !(0xD0...0xD7).contains(next) { return at }
            }
            at += 1
        }
        return nil
    }

    /// The chunks that every decoder must know, and transparency.
    private static func png(_ bytes: Span<UInt8>) -> [Range<Int>]? {
        var parts = [0..<8]
        var at = 8
        while let length = bytes.word(at), bytes.count - at >= 12, length <= bytes.count - at - 12 {
            let chunk = at..<at + 12 + length
            at = chunk.upperBound
            let isCritical = bytes[chunk.lowerBound + 4] & 0x20 == 0
            if isCritical || bytes.has("tRNS", at: chunk.lowerBound + 4) { parts.append(chunk) }
            if bytes.has("IEND", at: chunk.lowerBound + 4) { return parts }
        }
        return nil
    }

    private static func webp(_ bytes: Span<UInt8>) -> [Range<Int>]? {
        guard let size = bytes.word(4, isLittleEndian: true), size <= bytes.count - 8 else { return nil }
        var parts = [0..<12]
        var at = 12
        while at < 8 + size {
            guard let length = bytes.word(at + 4, isLittleEndian: true), length <= bytes.count - at - 8 else {
                return nil
            }
            let chunk = at..<at + 8 + length + length % 2
            guard chunk.upperBound <= bytes.count else { return nil }
            at = chunk.upperBound
            for name: StaticString in ["VP8X", "VP8 ", "VP8L", "ALPH", "ANIM", "ANMF"]
            where bytes.has(name, at: chunk.lowerBound) {
                parts.append(chunk)
            }
        }
        return parts
    }

    /// Pictures, what controls them, and how often an animation is shown.
    private static func gif(_ bytes: Span<UInt8>) -> [Range<Int>]? {
        guard bytes.count > 13 else { return nil }
        var at = 13 + Self.tableSize(bytes[10])
        var parts = [0..<at]
        while at + 1 < bytes.count {
            let start = at
            var isKept = true
            switch bytes[at] {
            case 0x2C:
                guard at + 10 < bytes.count else { return nil }
                at += 11 + Self.tableSize(bytes[at + 9])
            case 0x21:
                switch bytes[at + 1] {
                case 0xF9: break
                case 0xFF: isKept = bytes.has("NETSCAPE2.0", at: at + 3) || bytes.has("ANIMEXTS1.0", at: at + 3)
                case 0xFE: isKept = false
                default: return nil
                }
                at += 2
            default: return nil
            }
            guard let end = Self.endOfBlocks(bytes, from: at) else { return nil }
            at = end
            if isKept { parts.append(start..<at) }
        }
        guard at < bytes.count, bytes[at] == 0x3B else { return nil }
        return parts + [at..<at + 1]
    }

    private static func tableSize(_ flags: UInt8) -> Int { flags & 0x80 == 0 ? 0 : 3 << (Int(flags & 7) + 1) }

    private static func endOfBlocks(_ bytes: Span<UInt8>, from start: Int) -> Int? {
        var at = start
        while at < bytes.count {
            let length = Int(bytes[at])
            at += 1 + length
            if length == 0 { return at }
        }
        return nil
    }
}
