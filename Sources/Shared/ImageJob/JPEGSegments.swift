// SPDX-License-Identifier: Apache-2.0

/// The segments of a JPEG file up to its first scan.
///
/// Total and bounded: any bytes are fine, and every step moves forward.
public enum JPEGSegments {
    /// Where the first one may begin.
    public static let start = 2

    /// Finds the next segment that has contents.
    ///
    /// - Parameter at: where to look from; afterwards, behind the segment.
    /// - Returns: nil where the picture's data begin, or where the file makes no sense. The contents, without their length,
    ///   are cut off where the bytes end.
    public static func next(_ bytes: Span<UInt8>, _ at: inout Int) -> (marker: UInt8, content: Range<Int>)? {
        while at + 4 <= bytes.count {
            guard bytes[at] == 0xFF else {
                // Garbage between segments, which decoders skip too.
                at += 1
                continue
            }
            let marker = bytes[at + 1]
            switch marker {
            case 0xFF: at += 1  // fill byte
            case 0x00, 0x01, 0xD0...0xD8: at += 2  // no length
            case 0xD9, 0xDA: return nil  // the picture ends or its data begins
            default:
                guard let length = bytes.big16(at + 2), length >= 2 else { return nil }
                let start = at + 4
                at += 2 + length
                return (marker, start..<min(at, bytes.count))
            }
        }
        return nil
    }
}
