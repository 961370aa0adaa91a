// SPDX-License-Identifier: Apache-2.0

/// AVIF keeps its size as a property of its primary item, several boxes deep.
extension ImageHeader {
    /// More boxes side by side than any file has: what comes after them is as if it were not there.
    private static let maxBoxes = 1000
    /// More than any file describes, too.
    private static let maxItems = 65_536

    private struct Box {
        let name: Int
        let content: Range<Int>
    }

    /// - Returns: nil also when the item is cropped, because only the decoder knows to what.
    static func avifSize(_ bytes: Span<UInt8>) -> ImageSize? {
        guard let meta = Self.first("meta", in: 0..<bytes.count, bytes) else { return nil }
        // Version and flags come first.
        let inside = Self.skip(4, meta)
        guard let primary = Self.first("pitm", in: inside, bytes).flatMap({ Self.itemNumber($0, bytes) }),
            let properties = Self.first("iprp", in: inside, bytes),
            let list = Self.first("ipco", in: properties, bytes)
        else { return nil }
        var wanted: [Int]?
        for box in Self.boxes(in: properties, bytes) where wanted == nil && box.name == Self.code("ipma") {
            wanted = Self.properties(of: primary, box.content, bytes)
        }
        guard let wanted else { return nil }

        var size: ImageSize?
        for (index, box) in Self.boxes(in: list, bytes).enumerated() where wanted.contains(index + 1) {
            if box.name == Self.code("clap") { return nil }
            guard box.name == Self.code("ispe"), box.content.count >= 12 else { continue }
            size = ImageSize(
                declared: bytes.big32(box.content.lowerBound + 4), bytes.big32(box.content.lowerBound + 8))
        }
        return size
    }

    private static func itemNumber(_ content: Range<Int>, _ bytes: Span<UInt8>) -> Int? {
        guard content.count >= 6 else { return nil }
        if bytes[content.lowerBound] == 0 { return bytes.big16(content.lowerBound + 4) }
        return content.count >= 8 ? bytes.big32(content.lowerBound + 4) : nil
    }

    /// The numbers, from 1, of an item's properties; nil when this box says nothing about it.
    private static func properties(of item: Int, _ content: Range<Int>, _ bytes: Span<UInt8>) -> [Int]? {
        guard content.count >= 8, let count = bytes.big32(content.lowerBound + 4) else { return nil }
        let hasWideItems = bytes[content.lowerBound] > 0
        let hasWideNumbers = bytes[content.lowerBound + 3] & 1 != 0
        var at = content.lowerBound + 8
        for _ in 0..<min(count, Self.maxItems) {
            guard let number = hasWideItems ? bytes.big32(at) : bytes.big16(at) else { return nil }
            at += hasWideItems ? 4 : 2
            guard at < content.upperBound else { return nil }
            let length = Int(bytes[at])
            at += 1
            let size = hasWideNumbers ? 2 : 1
            guard length * size <= content.upperBound - at else { return nil }
            if number == item {
                // The uppermost bit says whether a reader must understand the property.
                return (0..<length).map {
                    hasWideNumbers ? (bytes.big16(at + 2 * $0) ?? 0) & 0x7FFF : Int(bytes[at + $0] & 0x7F)
                }
            }
            at += length * size
        }
        return nil
    }

    private static func first(_ name: StaticString, in range: Range<Int>, _ bytes: Span<UInt8>) -> Range<Int>? {
        let code = Self.code(name)
        return Self.boxes(in: range, bytes).first { $0.name == code }?.content
    }

    /// The boxes that lie side by side in a range: each has a length of 32 bits, or 64, or goes on to the end.
    private static func boxes(in range: Range<Int>, _ bytes: Span<UInt8>) -> [Box] {
        var boxes: [Box] = []
        var at = range.lowerBound
        while boxes.count < Self.maxBoxes, range.upperBound - at >= 8, let short = bytes.big32(at),
            let name = bytes.big32(at + 4)
        {
            var header = 8
            var length = short == 0 ? range.upperBound - at : short
            if short == 1 {
                header = 16
                // No file is longer than 32 bits can say.
                guard range.upperBound - at >= 16, bytes.big32(at + 8) == 0, let long = bytes.big32(at + 12) else {
                    break
                }
                length = long
            }
            guard length >= header, length <= range.upperBound - at else { break }
            boxes.append(Box(name: name, content: at + header..<at + length))
            at += length
        }
        return boxes
    }

    private static func skip(_ count: Int, _ range: Range<Int>) -> Range<Int> {
        min(range.lowerBound + count, range.upperBound)..<range.upperBound
    }

    private static func code(_ name: StaticString) -> Int {
        name.description.utf8.reduce(0) { $0 << 8 | Int($1) }
    }
}
