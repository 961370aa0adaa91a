// SPDX-License-Identifier: Apache-2.0

internal import CResample
internal import ImageJob

/// RGBA, in fixed point: colours are weighed by their alpha.
final class AlphaPasses: ResamplingPasses {
    private static let channels = 4

    private let columns: Taps
    /// Rows of the input that are resampled together, …
    private let source: Scratch<UInt8>
    private let sourceRow: Int
    private let rows: Scratch<UnsafePointer<UInt8>?>
    /// … and where in the ring each belongs.
    private let targets: Scratch<UnsafeMutablePointer<Int16>?>
    private let working: Scratch<UInt8>
    private var waiting = 0
    /// Rows of the result's width, weighed.
    private let ring: Scratch<Int16>
    private let ringRow: Int
    private let chosen: Scratch<UnsafePointer<Int16>?>

    init(columns: consuming Taps, width: Int, ringRows: Int) throws(JobFailure) {
        self.sourceRow = (width + Int(CR_GROUP)) * Self.channels
        self.source = try Scratch(count: self.sourceRow * Self.batch)
        self.rows = try Scratch(count: Self.batch)
        for row in 0..<Self.batch { self.rows.start[row] = UnsafePointer(self.source.start + row * self.sourceRow) }
        self.targets = try Scratch(count: Self.batch)
        self.working = try Scratch(count: cr_alpha_scratch(columns.table))
        self.ringRow = Int(cr_alpha_stride(Int32(columns.count))) * Self.channels
        self.ring = try Scratch(count: ringRows * self.ringRow)
        self.chosen = try Scratch(count: ringRows)
        self.columns = columns
    }

    static let batch = Int(CR_ROWS)

    var input: UnsafeMutablePointer<UInt8> { self.source.start + self.waiting * self.sourceRow }

    func takeInput(to ringRow: Int) {
        self.targets.start[self.waiting] = self.ring.start + ringRow * self.ringRow
        self.waiting += 1
    }

    var isFull: Bool { self.waiting == Self.batch }

    func finishInputs() {
        cr_across_weighed(
            CR_BEST, self.rows.start, Int32(self.waiting), self.columns.table, self.working.start, self.targets.start)
        self.waiting = 0
    }

    func choose(_ ringRow: Int, at index: Int) {
        self.chosen.start[index] = UnsafePointer(self.ring.start + ringRow * self.ringRow)
    }

    func combine(_ count: Int, _ weights: UnsafePointer<Int16>, into out: UnsafeMutablePointer<UInt8>) {
        cr_down_alpha(
            CR_BEST, self.chosen.start, weights, Int32(count), Int32(self.columns.count), CR_WHOLE, nil, out)
    }
}
