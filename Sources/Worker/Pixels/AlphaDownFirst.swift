// SPDX-License-Identifier: Apache-2.0

internal import CResample
internal import ImageJob

/// RGBA, in fixed point: colours are weighed by their alpha.
final class AlphaDownFirst: DownFirstPasses {
    private static let channels = 4

    private let columns: Taps
    private let source: Scratch<UInt8>
    /// What is needed of a batch of rows, weighed.
    private let weighed: Scratch<Int16>
    private let weighedRow: Int
    private let rows: Scratch<UnsafePointer<Int16>?>
    private var waiting = 0
    private let sums: Scratch<Int32>
    private let sumRows: Int
    /// A batch of rows that have ended.
    private let ended: Scratch<UInt8>
    private let endedRow: Int
    private let endedRows: Scratch<UnsafePointer<UInt8>?>
    private let working: Scratch<UInt8>
    /// Of the result.
    private let finished: Scratch<UInt8>
    private let finishedRows: Scratch<UnsafeMutablePointer<UInt8>?>

    /// - Parameters:
    ///   - sums: how many rows of the result may be kept as sums.
    ///   - batch: how many rows there may be in either pass, 16 at most.
    init(columns: consuming Taps, width: Int, sums: Int, batch: Int) throws(JobFailure) {
        self.source = try Scratch(count: width * Self.channels)
        self.weighedRow = Int(cr_alpha_stride(Int32(columns.needed.count))) * Self.channels
        self.weighed = try Scratch(count: self.weighedRow * batch)
        self.rows = try Scratch(count: batch)
        self.sumRows = max(1, sums)
        self.sums = try Scratch(count: self.sumRows * self.weighedRow)
        self.endedRow = (width + Int(CR_GROUP)) * Self.channels
        self.ended = try Scratch(count: self.endedRow * batch)
        self.endedRows = try Scratch(count: batch)
        self.working = try Scratch(count: cr_alpha_scratch(columns.table))
        self.finished = try Scratch(count: columns.count * Self.channels * batch)
        self.finishedRows = try Scratch(count: batch)
        for row in 0..<batch {
            self.rows.start[row] = UnsafePointer(self.weighed.start + row * self.weighedRow)
            self.endedRows.start[row] = UnsafePointer(self.ended.start + row * self.endedRow)
            self.finishedRows.start[row] = self.finished.start + row * columns.count * Self.channels
        }
        self.columns = columns
    }

    var input: UnsafeMutablePointer<UInt8> { self.source.start }

    func takeInput() {
        let needed = self.columns.needed
        cr_weigh(
            CR_BEST, self.source.start + needed.lowerBound * Self.channels, Int32(needed.count),
            self.weighed.start + self.waiting * self.weighedRow)
        self.waiting += 1
    }

    func forgetInputs() { self.waiting = 0 }

    func add(_ inputs: Range<Int>, _ weights: UnsafePointer<Int16>, begins: Bool, to step: Int, endsAt row: Int?) {
        let needed = self.columns.needed
        let out = self.ended.start + (row ?? 0) * self.endedRow + needed.lowerBound * Self.channels
        cr_down_alpha(
            CR_BEST, self.rows.start + inputs.lowerBound, weights, Int32(inputs.count), Int32(needed.count),
            cr_part(begins: begins, ends: row != nil), self.sums.start + step % self.sumRows * self.weighedRow, out)
    }

    func finish(_ count: Int) {
        cr_across_alpha(
            CR_BEST, self.endedRows.start, Int32(count), self.columns.table, self.working.start,
            self.finishedRows.start)
    }

    func take(_ row: Int, into out: UnsafeMutablePointer<UInt8>) {
        guard let finished = self.finishedRows.start[row] else { return }
        out.update(from: finished, count: self.columns.count * Self.channels)
    }
}
