// SPDX-License-Identifier: Apache-2.0
import Codecs
import ImageJob
import JobRunner
import Pixels

func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

extension Picture {
    /// By our own encoder.
    func encoded(_ format: ImageFormat, quality: Int = 90) throws -> [UInt8] {
        let buffer = try PixelBuffer(size: self.size, channels: self.channels)
        buffer.start.update(from: self.samples, count: self.samples.count)
        let file = try EncodedPicture(buffer, format: format, quality: quality, limits: .standard, deadline: 0)
        return Array(file.bytes)
    }
}

/// A TIFF file of one page, its pixels as they are given, built from the description of the format.
struct TIFFFile {
    var isLittle = true
    var width: Int
    var height: Int
    /// Tags besides the sizes and places: number, type (3 = 16 bits, 4 = 32 bits), values.
    var tags: [(tag: Int, type: Int, values: [Int])] = []
    /// One for each strip or tile.
    var parts: [[UInt8]]
    var tile: (width: Int, height: Int)?
    var rowsPerStrip: Int?

    var bytes: [UInt8] {
        func number(_ value: Int, _ count: Int) -> [UInt8] {
            self.isLittle ? little(value, count) : little(value, count).reversed()
        }
        var file = Array((self.isLittle ? "II" : "MM").utf8) + number(42, 2) + number(0, 4)
        var places: [Int] = []
        for part in self.parts {
            places.append(file.count)
            file += part
            if file.count % 2 != 0 { file.append(0) }
        }
        let lengths = self.parts.map(\.count)
        var all = self.tags + [(256, 4, [self.width]), (257, 4, [self.height])]
        if let tile = self.tile {
            all += [(322, 4, [tile.width]), (323, 4, [tile.height]), (324, 4, places), (325, 4, lengths)]
        } else {
            all += [(273, 4, places), (278, 4, [self.rowsPerStrip ?? self.height]), (279, 4, lengths)]
        }
        all.sort { $0.tag < $1.tag }
        var entries: [UInt8] = []
        for entry in all {
            let size = entry.type == 3 ? 2 : 4
            var value = entry.values.flatMap { number($0, size) }
            if value.count > 4 {
                let place = file.count
                file += value
                value = number(place, 4)
            }
            value += [UInt8](repeating: 0, count: 4 - value.count)
            entries += number(entry.tag, 2) + number(entry.type, 2) + number(entry.values.count, 4) + value
        }
        file.replaceSubrange(4..<8, with: number(file.count, 4))
        return file + number(all.count, 2) + entries + number(0, 4)
    }
}

/// A bitmap, built from the description of the format.
func bitmap(header: [UInt8], palette: [UInt8] = [], pixels: [UInt8]) -> [UInt8] {
    let offset = 14 + header.count + palette.count
    return Array("BM".utf8) + little(offset + pixels.count, 4) + little(0, 4) + little(offset, 4) + header + palette
        + pixels
}

/// The header that nearly all bitmaps have, longer if there are masks.
func bitmapHeader(
    _ width: Int, _ height: Int, bits: Int, compression: Int = 0, length: Int = 40, masks: [Int] = []
) -> [UInt8] {
    let start = little(length, 4) + little(width, 4) + little(height, 4) + little(1, 2) + little(bits, 2)
    let header = start + little(compression, 4) + [UInt8](repeating: 0, count: 20) + masks.flatMap { little($0, 4) }
    return header + [UInt8](repeating: 0, count: max(0, length - header.count))
}

/// WebP chunks as an extended file, which can say more than the picture.
func extendedWebP(_ picture: [UInt8], size: ImageSize, exif: [UInt8] = [], profile: [UInt8] = []) -> [UInt8] {
    func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
        guard !content.isEmpty else { return [] }
        return Array(name.utf8) + little(content.count, 4) + content + (content.count % 2 == 0 ? [] : [0])
    }
    let flags: UInt8 = (exif.isEmpty ? 0 : 8) | (profile.isEmpty ? 0 : 32)
    let header = chunk("VP8X", [flags, 0, 0, 0] + little(size.width - 1, 3) + little(size.height - 1, 3))
    let body =
        Array("WEBP".utf8) + header + chunk("ICCP", profile) + Array(picture[12...]) + chunk("EXIF", exif)
    return Array("RIFF".utf8) + little(body.count, 4) + body
}
