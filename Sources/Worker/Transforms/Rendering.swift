// SPDX-License-Identifier: Apache-2.0

internal import CResample
public import ImageJob
public import Pixels

/// Makes the result's pixels from a source's rows: cuts, resamples, turns.
public enum Rendering {
    /// - Parameters:
    ///   - geometry: in pixels of the picture; `scale` says what the decoder has made of these.
    ///   - checkTime: called between rows; throws when there is none left.
    public static func render(
        _ source: inout some RowSource & ~Copyable, _ geometry: StoredGeometry, scale: DecodedScale,
        checkTime: () throws(JobFailure) -> Void
    ) throws(JobFailure) -> PixelBuffer {
        let target = try PixelBuffer(size: geometry.output, channels: source.channels)
        if geometry.resamples || scale.density != 1 {
            try Self.resample(&source, geometry, scale, target, checkTime)
        } else {
            try Self.copy(&source, geometry, target, checkTime)
        }
        return target
    }

    private static func resample(
        _ source: inout some RowSource & ~Copyable, _ geometry: StoredGeometry, _ scale: DecodedScale,
        _ target: borrowing PixelBuffer, _ checkTime: () throws(JobFailure) -> Void
    ) throws(JobFailure) {
        let channels = source.channels
        let resampler: any RowResampler =
            geometry.isDownFirst
            ? try DownFirstResampler(
                columns: geometry.columns, rows: geometry.rows, source: source.size, channels: channels, scale: scale)
            : try Resampler(
                columns: geometry.columns, rows: geometry.rows, source: source.size, channels: channels, scale: scale)
        let isTransposed = geometry.symmetry.transposes
        var columns = try ColumnStore(width: isTransposed ? geometry.window.width : 0, channels: channels)
        while !resampler.isDone {
            try source.readRow(into: resampler.slot)
            resampler.rowIsThere()
            while let row = resampler.ready {
                try checkTime()
                if isTransposed {
                    resampler.make(into: columns.slot(row, target))
                } else {
                    resampler.make(into: target.row(row))
                }
            }
        }
        columns.finish(target)
    }

    private static func copy(
        _ source: inout some RowSource & ~Copyable, _ geometry: StoredGeometry, _ target: borrowing PixelBuffer,
        _ checkTime: () throws(JobFailure) -> Void
    ) throws(JobFailure) {
        let channels = source.channels
        let kept = PixelRect(
            x: geometry.source.x + geometry.window.x, y: geometry.source.y + geometry.window.y,
            width: geometry.window.width, height: geometry.window.height)
        let row = try Scratch<UInt8>(count: source.size.width * channels)
        let reversed = try Scratch<UInt8>(count: kept.width * channels)
        var columns = try ColumnStore(width: geometry.symmetry.transposes ? kept.width : 0, channels: channels)
        for y in 0..<kept.y + kept.height {
            try source.readRow(into: row.start)
            guard y >= kept.y else { continue }
            try checkTime()
            var from = row.start + kept.x * channels
            if geometry.symmetry.mirrorsX {
                cr_reverse(from, Int32(channels), Int32(kept.width), reversed.start)
                from = reversed.start
            }
            let index = geometry.symmetry.mirrorsY ? kept.y + kept.height - 1 - y : y - kept.y
            if geometry.symmetry.transposes {
                columns.slot(index, target).update(from: from, count: kept.width * channels)
            } else {
                target.row(index).update(from: from, count: kept.width * channels)
            }
        }
        columns.finish(target)
    }
}
