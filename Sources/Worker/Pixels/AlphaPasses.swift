// SPDX-License-Identifier: Apache-2.0

internal import CResample
internal import ImageJob

/// RGBA, in floats: colours are weighed by their alpha, for which eight bits are too few.
final class AlphaPasses: ResamplingPasses {
    private static let channels = 4

    private let columns: Taps
    /// Rows of the input that are resampled together.
    private let source: Scratch<UInt8>
    private let rows: Scratch<UnsafePointer<UInt8>?>
    private let working: Scratch<Float>
    /// What they become: rows of the result's width, with straight alpha, …
    private let straight: Scratch<UInt8>
    private let targets: Scratch<UnsafeMutablePointer<UInt8>?>
    /// … and where in the ring each belongs.
    private let places: Scratch<Int>
    private var waiting = 0
    private let ring: Scratch<Float>
    private let chosen: Scratch<UnsafePointer<Float>?>

    init(columns: consuming Taps, width: Int, ringRows: Int) throws(JobFailure) {
        self.source = try Scratch(count: width * Self.channels * Self.batch)
        self.rows = try Scratch(count: Self.batch)
        self.working = try Scratch(count: cr_alpha_scratch(columns.table))
        cr_alpha_prepare(columns.table, self.working.start)
        self.straight = try Scratch(count: columns.count * Self.channels * Self.batch)
        self.targets = try Scratch(count: Self.batch)
        self.places = try Scratch(count: Self.batch)
        for row in 0..<Self.batch {
            self.rows.start[row] = UnsafePointer(self.source.start + row * width * Self.channels)
            self.targets.start[row] = self.straight.start + row * columns.count * Self.channels
        }
        self.ring = try Scratch(count: ringRows * columns.count * Self.channels)
        self.chosen = try Scratch(count: ringRows)
        self.sourceRow = width * Self.channels
        self.columns = columns
    }

    static let batch = Int(CR_ALPHA_ROWS)

    private let sourceRow: Int
    private var rowFloats: Int { self.columns.count * Self.channels }

    var input: UnsafeMutablePointer<UInt8> { self.source.start + self.waiting * self.sourceRow }

    func takeInput(to ringRow: Int) {
        self.places.start[self.waiting] = ringRow
        self.waiting += 1
    }

    var isFull: Bool { self.waiting == Self.batch }

    func finishInputs() {
        cr_horizontal_alpha(
            CR_BEST, self.rows.start, Int32(self.waiting), self.columns.table, self.working.start, self.targets.start)
        for row in 0..<self.waiting {
            cr_premultiply(
                CR_BEST, self.targets.start[row], 0, Int32(self.columns.count),
                self.ring.start + self.places.start[row] * self.rowFloats)
        }
        self.waiting = 0
    }

    func choose(_ ringRow: Int, at index: Int) {
        self.chosen.start[index] = UnsafePointer(self.ring.start + ringRow * self.rowFloats)
    }

    func combine(_ count: Int, _ weights: UnsafePointer<Int16>, into out: UnsafeMutablePointer<UInt8>) {
        cr_vertical_alpha(CR_BEST, self.chosen.start, weights, Int32(count), Int32(self.columns.count), out)
    }
}
