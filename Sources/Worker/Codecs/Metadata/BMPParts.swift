// SPDX-License-Identifier: Apache-2.0

/// The parts of a BMP file that make up its picture: its headers with the colours, and the rows.
enum BMPParts {
    private static let fileHeader = 14
    /// Of pixels: no picture is larger, and what follows from it fits a number.
    private static let maxSide = 1 << 24

    /// - Returns: the headers and the rows; nil when the file is not quite as it should be, or of a kind whose colours
    ///   are told in other ways.
    static func find(in bytes: Span<UInt8>) -> [Range<Int>]? {
        func half(_ at: Int) -> Int? { bytes.half(Self.fileHeader + at, isLittleEndian: true) }
        func word(_ at: Int) -> Int? { bytes.word(Self.fileHeader + at, isLittleEndian: true) }
        guard let rows = bytes.word(10, isLittleEndian: true), let header = word(0) else { return nil }
        // OS/2's, and that of Windows with and without masks. Later ones have a profile, or primaries.
        guard [12, 40, 52, 56].contains(header) else { return nil }
        let isShort = header == 12
        guard let width = isShort ? half(4) : word(4), let height = isShort ? half(6) : word(8),
            let bits = half(isShort ? 10 : 14)
        else { return nil }
        let coding = isShort ? 0 : word(16) ?? 0
        let used = isShort ? 0 : word(32) ?? 0
        // Negative when the first row comes first.
        let count = height < 1 << 31 ? height : (1 << 32) - height
        guard (1...Self.maxSide).contains(width), (1...Self.maxSide).contains(count), bits <= 32,
            bits > 8 ? used == 0 : used <= 1 << bits
        else { return nil }
        let masks = header == 40 ? [3: 12, 6: 16][coding] ?? 0 : 0
        let colours = bits > 8 ? 0 : (used == 0 ? 1 << bits : used) * (isShort ? 3 : 4)
        let front = Self.fileHeader + header + masks + colours
        let isRunLength = coding == 1 || coding == 2
        let size = isRunLength ? word(20) ?? 0 : (width * bits + 31) / 32 * 4 * count
        guard size > 0, front <= rows, rows <= bytes.count, size <= bytes.count - rows else { return nil }
        return [0..<front, rows..<rows + size]
    }

    /// The header counts what follows it, and tells where the rows begin.
    static func repair(_ file: UnsafeMutableRawBufferPointer, front: Int) {
        func store(_ value: Int, at offset: Int) {
            file.storeBytes(of: UInt32(truncatingIfNeeded: value).littleEndian, toByteOffset: offset, as: UInt32.self)
        }
        store(file.count, at: 2)
        // Of no use to anybody.
        store(0, at: 6)
        store(front, at: 10)
    }
}
