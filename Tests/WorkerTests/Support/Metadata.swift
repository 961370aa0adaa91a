// SPDX-License-Identifier: Apache-2.0

/// EXIF data that says nothing but which way up the picture is.
func exif(orientation: Int, isLittleEndian: Bool = true, type: Int = 3) -> [UInt8] {
    func bytes(_ value: Int, _ count: Int) -> [UInt8] {
        let little = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        return isLittleEndian ? little : little.reversed()
    }
    let width = type == 3 ? 2 : 4
    var block = Array((isLittleEndian ? "II" : "MM").utf8) + bytes(42, 2) + bytes(8, 4)
    // A directory of two entries: a maker, and the orientation.
    block += bytes(2, 2)
    block += bytes(0x010F, 2) + bytes(2, 2) + bytes(4, 4) + Array("abc\0".utf8)
    block += bytes(0x0112, 2) + bytes(type, 2) + bytes(1, 4) + bytes(orientation, width)
    return block + [UInt8](repeating: 0, count: 4 - width) + bytes(0, 4)
}

/// A JPEG file with one more segment right after its start.
func withSegment(_ file: [UInt8], _ marker: UInt8, _ content: [UInt8]) -> [UInt8] {
    let length = content.count + 2
    return file[..<2] + [0xFF, marker, UInt8(length >> 8), UInt8(length & 255)] + content + file[2...]
}

func withExif(_ file: [UInt8], _ block: [UInt8]) -> [UInt8] { withSegment(file, 0xE1, Array("Exif\0\0".utf8) + block) }

/// A PNG chunk with its checksum.
func chunk(_ type: String, _ content: [UInt8]) -> [UInt8] {
    let body = Array(type.utf8) + content
    var sum = ~UInt32(0)
    for byte in body {
        sum ^= UInt32(byte)
        for _ in 0..<8 { sum = sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0xEDB8_8320 }
    }
    func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
    return word(UInt32(content.count)) + body + word(~sum)
}

/// A PNG file with one more chunk right after its header.
func withChunk(_ file: [UInt8], _ type: String, _ content: [UInt8]) -> [UInt8] {
    file[..<33] + chunk(type, content) + file[33...]
}
