// SPDX-License-Identifier: Apache-2.0

internal import CResample
internal import ImageJob

/// Gray and RGB, in fixed point.
final class OpaquePasses: ResamplingPasses {
    private let columns: Taps
    private let channels: Int
    private let source: Scratch<UInt8>
    /// Rows of the input that are resampled together: by channel, in 16 bits.
    private let wide: Scratch<Int16>
    private let wideWidth: Int
    private let planes: Scratch<UnsafeMutablePointer<Int16>?>
    private var waiting = 0
    private let rows: Scratch<UnsafePointer<Int16>?>
    private let targets: Scratch<UnsafeMutablePointer<UInt8>?>
    private let working: Scratch<UInt8>
    /// Rows of the result's width, by channel.
    private let ring: Scratch<UInt8>
    private let chosen: Scratch<UnsafePointer<UInt8>?>
    /// A row of the result, by channel.
    private let made: Scratch<UInt8>
    private let madePlanes: Scratch<UnsafePointer<UInt8>?>
    /// The rows' taps'.
    private let bias: Int32

    /// - Parameter bias: of the rows' table.
    init(columns: consuming Taps, width: Int, channels: Int, ringRows: Int, bias: Int32) throws(JobFailure) {
        self.wideWidth = width + columns.padding
        self.source = try Scratch(count: width * channels)
        self.wide = try Scratch(count: self.wideWidth * channels * Self.batch)
        self.planes = try Scratch(count: channels)
        self.rows = try Scratch(count: Self.batch)
        self.targets = try Scratch(count: Self.batch)
        self.working = try Scratch(count: cr_rows_scratch(columns.table))
        self.ring = try Scratch(count: ringRows * columns.count * channels)
        self.chosen = try Scratch(count: ringRows)
        self.made = try Scratch(count: columns.count * channels)
        self.madePlanes = try Scratch(count: channels)
        for channel in 0..<channels {
            self.madePlanes.start[channel] = UnsafePointer(self.made.start + channel * columns.count)
        }
        self.bias = bias
        self.columns = columns
        self.channels = channels
    }

    static let batch = Int(CR_ROWS)

    private var rowBytes: Int { self.columns.count * self.channels }

    var input: UnsafeMutablePointer<UInt8> { self.source.start }

    func takeInput(to ringRow: Int) {
        let needed = self.columns.needed
        for channel in 0..<self.channels { self.planes.start[channel] = self.wideRow(self.waiting, channel) }
        cr_widen(
            CR_BEST, self.source.start, Int32(self.channels), Int32(needed.lowerBound), Int32(needed.upperBound),
            self.planes.start)
        self.targets.start[self.waiting] = self.ring.start + ringRow * self.rowBytes
        self.waiting += 1
    }

    var isFull: Bool { self.waiting == Self.batch }

    func finishInputs() {
        for channel in 0..<self.channels {
            for row in 0..<self.waiting { self.rows.start[row] = UnsafePointer(self.wideRow(row, channel)) }
            cr_horizontal_rows(
                CR_BEST, self.rows.start, Int32(self.waiting), self.columns.table, self.working.start,
                self.targets.start)
            for row in 0..<self.waiting { self.targets.start[row]? += self.columns.count }
        }
        self.waiting = 0
    }

    private func wideRow(_ row: Int, _ channel: Int) -> UnsafeMutablePointer<Int16> {
        self.wide.start + (row * self.channels + channel) * self.wideWidth
    }

    func choose(_ ringRow: Int, at index: Int) {
        self.chosen.start[index] = UnsafePointer(self.ring.start + ringRow * self.rowBytes)
    }

    func combine(_ count: Int, _ weights: UnsafePointer<Int16>, into out: UnsafeMutablePointer<UInt8>) {
        cr_down(
            CR_BEST, self.chosen.start, weights, Int32(count), 0, Int32(self.rowBytes), self.bias, CR_WHOLE, nil,
            self.made.start)
        cr_join(CR_BEST, self.madePlanes.start, Int32(self.columns.count), Int32(self.channels), out)
    }
}
