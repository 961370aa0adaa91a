// SPDX-License-Identifier: Apache-2.0

/// Reads the one thing that matters of EXIF data: which way up the picture is.
///
/// Total and bounded: looks at the first directory only (the second describes a thumbnail), at no more than its entries,
/// and follows no pointer but the one to that directory.
public enum ExifOrientation {
    /// EXIF data fits a JPEG segment; where other containers allow more, nobody needs it.
    private static let maxBytes = 65_536
    private static let tag = 0x0112
    private static let entrySize = 12
    /// The types of a 16-bit and a 32-bit number.
    private static let short = 3
    private static let long = 4

    /// - Parameter block: begins with the TIFF header, or with the `Exif` that precedes it in JPEG.
    /// - Returns: 1...8; 1, upright, for whatever is not an orientation.
    public static func read(_ block: Span<UInt8>) -> Int {
        let skip = block.has("Exif\0\0", at: 0) ? 6 : 0
        let bytes = block.extracting(block.range(skip, Self.maxBytes))
        let isLittle = bytes.has("II*\0", at: 0)
        guard isLittle || bytes.has("MM\0*", at: 0),
            let directory = bytes.word(4, isLittleEndian: isLittle),
            let count = bytes.half(directory, isLittleEndian: isLittle)
        else { return 1 }
        for index in 0..<count {
            let entry = directory + 2 + index * Self.entrySize
            guard let tag = bytes.half(entry, isLittleEndian: isLittle) else { return 1 }
            guard tag == Self.tag else { continue }
            let type = bytes.half(entry + 2, isLittleEndian: isLittle)
            guard bytes.word(entry + 4, isLittleEndian: isLittle) == 1 else { return 1 }
            let value =
                switch type {
                case Self.short: bytes.half(entry + 8, isLittleEndian: isLittle)
                case Self.long: bytes.word(entry + 8, isLittleEndian: isLittle)
                default: nil as Int?
                }
            guard let value, (1...8).contains(value) else { return 1 }
            return value
        }
        return 1
    }
}
