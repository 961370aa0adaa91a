// SPDX-License-Identifier: Apache-2.0

internal import CResample
public import ImageJob
public import Pixels

/// Finds the border of one colour around a picture.
public enum Trim {
    /// The part of the stored picture that is left without its border; all of it when that would be less than two rows
    /// or columns.
    ///
    /// - Parameters:
    ///   - source: all its rows are read.
    ///   - colour: the border's; nil when it is that of one end of the first row.
    ///   - startsAtRight: which end.
    public static func remainder(
        of source: inout some RowSource & ~Copyable, colour: [UInt8]?, startsAtRight: Bool
    ) throws(JobFailure) -> PixelRect {
        let size = source.size
        let channels = source.channels
        let row = try Scratch<UInt8>(count: size.width * channels)
        var border = colour
        var columns: Range<Int>?
        var rows: Range<Int>?
        for y in 0..<size.height {
            try source.readRow(into: row.start)
            let corner = row.start + (startsAtRight ? (size.width - 1) * channels : 0)
            let colour = border ?? Array(UnsafeBufferPointer(start: corner, count: channels))
            border = colour
            var first: Int32 = 0
            var last: Int32 = 0
            guard cr_differing(row.start, Int32(channels), Int32(size.width), colour, &first, &last) != 0 else {
                continue
            }
            let found = Int(first)..<Int(last) + 1
            let left = min(columns?.lowerBound ?? found.lowerBound, found.lowerBound)
            columns = left..<max(columns?.upperBound ?? 0, found.upperBound)
            rows = (rows?.lowerBound ?? y)..<y + 1
        }
        guard let columns, let rows, columns.count > 1, rows.count > 1 else { return PixelRect(size) }
        return PixelRect(x: columns.lowerBound, y: rows.lowerBound, width: columns.count, height: rows.count)
    }
}
