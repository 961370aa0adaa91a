// SPDX-License-Identifier: Apache-2.0

internal import CResample
internal import ImageJob

/// Gray and RGB, in fixed point.
final class OpaqueDownFirst: DownFirstPasses {
    private let columns: Taps
    private let channels: Int
    /// The rows' taps'.
    private let bias: Int32
    /// A batch of rows of the source, and where what is needed of each begins.
    private let source: Scratch<UInt8>
    private let sourceRow: Int
    private let rows: Scratch<UnsafePointer<UInt8>?>
    private var waiting = 0
    private let sums: Scratch<Int32>
    private let sumRows: Int
    /// A row that has ended, and a batch of them: by channel, in 16 bits.
    private let ended: Scratch<UInt8>
    private let wide: Scratch<Int16>
    private let wideWidth: Int
    private let planes: Scratch<UnsafeMutablePointer<Int16>?>
    private let wideRows: Scratch<UnsafePointer<Int16>?>
    private let working: Scratch<UInt8>
    /// Of the result, each by channel.
    private let finished: Scratch<UInt8>
    private let finishedRows: Scratch<UnsafeMutablePointer<UInt8>?>
    private let finishedPlanes: Scratch<UnsafePointer<UInt8>?>

    /// - Parameters:
    ///   - sums: how many rows of the result may be kept as sums.
    ///   - bias: of the rows' table.
    ///   - batch: how many rows there may be in either pass, 16 at most.
    init(
        columns: consuming Taps, width: Int, channels: Int, sums: Int, bias: Int32, batch: Int
    ) throws(JobFailure) {
        let needed = columns.needed
        self.sourceRow = width * channels
        self.source = try Scratch(count: self.sourceRow * batch)
        self.rows = try Scratch(count: batch)
        for row in 0..<batch {
            self.rows.start[row] = UnsafePointer(
                self.source.start + row * self.sourceRow + needed.lowerBound * channels)
        }
        self.sumRows = max(1, sums)
        self.sums = try Scratch(count: self.sumRows * needed.count * channels)
        self.ended = try Scratch(count: needed.count * channels)
        self.wideWidth = width + columns.padding
        self.wide = try Scratch(count: self.wideWidth * channels * batch)
        self.planes = try Scratch(count: channels)
        self.wideRows = try Scratch(count: batch)
        self.working = try Scratch(count: cr_rows_scratch(columns.table))
        self.finished = try Scratch(count: columns.count * channels * batch)
        self.finishedRows = try Scratch(count: batch)
        self.finishedPlanes = try Scratch(count: channels)
        self.columns = columns
        self.channels = channels
        self.bias = bias
    }

    var input: UnsafeMutablePointer<UInt8> { self.source.start + self.waiting * self.sourceRow }

    func takeInput() { self.waiting += 1 }

    func forgetInputs() { self.waiting = 0 }

    func add(_ inputs: Range<Int>, _ weights: UnsafePointer<Int16>, begins: Bool, to step: Int, endsAt row: Int?) {
        let needed = self.columns.needed
        let samples = needed.count * self.channels
        cr_down(
            CR_BEST, self.rows.start + inputs.lowerBound, weights, Int32(inputs.count), 0, Int32(samples), self.bias,
            cr_part(begins: begins, ends: row != nil), self.sums.start + step % self.sumRows * samples,
            self.ended.start)
        guard let row else { return }
        for channel in 0..<self.channels {
            self.planes.start[channel] = self.wideRow(row, channel) + needed.lowerBound
        }
        cr_widen(CR_BEST, self.ended.start, Int32(self.channels), 0, Int32(needed.count), self.planes.start)
    }

    func finish(_ count: Int) {
        for channel in 0..<self.channels {
            for row in 0..<count {
                self.wideRows.start[row] = UnsafePointer(self.wideRow(row, channel))
                self.finishedRows.start[row] = self.finishedRow(row, channel)
            }
            cr_horizontal_rows(
                CR_BEST, self.wideRows.start, Int32(count), self.columns.table, self.working.start,
                self.finishedRows.start)
        }
    }

    func take(_ row: Int, into out: UnsafeMutablePointer<UInt8>) {
        for channel in 0..<self.channels {
            self.finishedPlanes.start[channel] = UnsafePointer(self.finishedRow(row, channel))
        }
        cr_join(CR_BEST, self.finishedPlanes.start, Int32(self.columns.count), Int32(self.channels), out)
    }

    private func wideRow(_ row: Int, _ channel: Int) -> UnsafeMutablePointer<Int16> {
        self.wide.start + (row * self.channels + channel) * self.wideWidth
    }

    private func finishedRow(_ row: Int, _ channel: Int) -> UnsafeMutablePointer<UInt8> {
        self.finished.start + (row * self.channels + channel) * self.columns.count
    }
}
