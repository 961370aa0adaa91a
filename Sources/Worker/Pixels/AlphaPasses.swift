// SPDX-License-Identifier: Apache-2.0

internal import CResample
internal import ImageJob

/// RGBA, in floats: colours are weighed by their alpha, for which eight bits are too few.
final class AlphaPasses: ResamplingPasses {
    private static let channels = 4

    private let columns: Taps
    private let source: Scratch<UInt8>
    private let weighed: Scratch<Float>
    /// One row of the result's width, with straight alpha.
    private let straight: Scratch<UInt8>
    private let ring: Scratch<Float>
    private let chosen: Scratch<UnsafePointer<Float>?>

    init(columns: consuming Taps, width: Int, ringRows: Int) throws(JobFailure) {
        self.source = try Scratch(count: width * Self.channels)
        self.weighed = try Scratch(count: (width + columns.padding) * Self.channels)
        self.straight = try Scratch(count: columns.count * Self.channels)
        self.ring = try Scratch(count: ringRows * columns.count * Self.channels)
        self.chosen = try Scratch(count: ringRows)
        self.columns = columns
    }

    private var rowFloats: Int { self.columns.count * Self.channels }

    var input: UnsafeMutablePointer<UInt8> { self.source.start }

    func takeInput(to ringRow: Int) {
        let needed = self.columns.needed
        cr_premultiply(
            CR_BEST, self.source.start, Int32(needed.lowerBound), Int32(needed.upperBound), self.weighed.start)
        cr_horizontal_alpha(CR_BEST, self.weighed.start, self.columns.table, self.straight.start)
        cr_premultiply(
            CR_BEST, self.straight.start, 0, Int32(self.columns.count), self.ring.start + ringRow * self.rowFloats)
    }

    /// Every row is resampled when it comes.
    static let batch = 1
    var isFull: Bool { true }
    func finishInputs() {}

    func choose(_ ringRow: Int, at index: Int) {
        self.chosen.start[index] = UnsafePointer(self.ring.start + ringRow * self.rowFloats)
    }

    func combine(_ count: Int, _ weights: UnsafePointer<Int16>, into out: UnsafeMutablePointer<UInt8>) {
        cr_vertical_alpha(CR_BEST, self.chosen.start, weights, Int32(count), Int32(self.columns.count), out)
    }
}
