// SPDX-License-Identifier: Apache-2.0

/// The parts of a TIFF file that make up its picture. They stay where they are, as they tell of each other by their
/// places; so does what tells of something else, and a file that has it is none to be kept.
enum TIFFParts {
    /// What the decoder looks at, and what readers may want to know of a page. Text, dates, profiles, directories for
    /// EXIF and positions are none of it.
    private static let tags: Set<Int> = [
        254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283, 284, 292, 293, 296,
        297, 317, 320, 321, 322, 323, 324, 325, 338, 339, 347, 512, 513, 514, 519, 520, 521, 529, 530, 531, 532,
    ]
    private static let compression = 259
    private static let photometric = 262
    private static let orientation = 274
    private static let tables = 347
    /// Of strips or tiles.
    private static let starts = [273, 324]
    private static let lengths = [279, 325]
    /// Bytes of a value of each type, by number.
    private static let sizes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8]
    private static let maxEntries = 64
    private static let maxParts = 65_536

    /// - Returns: what is to be kept, in order, and in its place; nil when there is more than one page, or anything else.
    static func find(in bytes: Span<UInt8>) -> [Range<Int>]? {
        let isLittle = bytes.has("II*\0", at: 0)
        guard isLittle || bytes.has("MM\0*", at: 0), let directory = bytes.word(4, isLittleEndian: isLittle),
            let count = bytes.half(directory, isLittleEndian: isLittle), count <= Self.maxEntries,
            bytes.word(directory + 2 + 12 * count, isLittleEndian: isLittle) == 0
        else { return nil }
        var parts = [0..<8, directory..<directory + 6 + 12 * count]
        var lists: [Int: [Int]] = [:]
        var tables: Range<Int>?
        for entry in (0..<count).map({ directory + 2 + 12 * $0 }) {
            guard let tag = bytes.half(entry, isLittleEndian: isLittle), Self.tags.contains(tag),
                let type = bytes.half(entry + 2, isLittleEndian: isLittle), Self.sizes.indices.contains(type),
                let values = bytes.word(entry + 4, isLittleEndian: isLittle), values <= bytes.count
            else { return nil }
            let size = values * Self.sizes[type]
            var at = entry + 8
            if size > 4 {
                guard let offset = bytes.word(at, isLittleEndian: isLittle) else { return nil }
                at = offset
                parts.append(at..<at + size)
            }
            if tag == Self.tables { tables = at..<at + size }
            guard
                [Self.compression, Self.photometric, Self.orientation].contains(tag) || Self.starts.contains(tag)
                    || Self.lengths.contains(tag)
            else { continue }
            guard type == 3 || type == 4, values <= Self.maxParts else { return nil }
            var list: [Int] = []
            for index in 0..<values {
                let value =
                    type == 3
                    ? bytes.half(at + 2 * index, isLittleEndian: isLittle)
                    : bytes.word(at + 4 * index, isLittleEndian: isLittle)
                guard let value else { return nil }
                list.append(value)
            }
            lists[tag] = list
        }
        // Inks and L*a*b* have been converted in the result, and the old kind of JPEG has its parts anywhere.
        guard lists[Self.compression] != [6], let kind = lists[Self.photometric]?.first,
            [0, 1, 2, 3, 6].contains(kind),
            lists[Self.orientation] == nil || lists[Self.orientation] == [1],
            let starts = Self.starts.compactMap({ lists[$0] }).first,
            let lengths = Self.lengths.compactMap({ lists[$0] }).first, starts.count == lengths.count
        else { return nil }
        let data = zip(starts, lengths).map { $0..<$0 + $1 }
        parts = (parts + data).sorted { $0.lowerBound < $1.lowerBound }
        // What is told of several times would be looked at, and copied, as often.
        guard zip(parts, parts.dropFirst()).allSatisfy({ $0.upperBound <= $1.lowerBound }),
            parts.allSatisfy({ $0.upperBound <= bytes.count })
        else { return nil }
        if lists[Self.compression] == [7] {
            guard (data + (tables.map { [$0] } ?? [])).allSatisfy({ Self.isPlainJPEG(bytes.extracting($0)) }) else {
                return nil
            }
        }
        return parts
    }

    private static func isPlainJPEG(_ bytes: Span<UInt8>) -> Bool {
        PictureParts.jpeg(bytes).map { $0.reduce(0) { $0 + $1.count } == bytes.count } ?? false
    }
}
