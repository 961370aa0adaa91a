// SPDX-License-Identifier: Apache-2.0

internal import CResample
internal import ImageJob

/// Gray and RGB, in fixed point.
final class OpaquePasses: ResamplingPasses {
    private let columns: Taps
    private let channels: Int
    private let source: Scratch<UInt8>
    /// The input by channel, in 16 bits.
    private let wide: Scratch<Int16>
    private let planes: Scratch<UnsafeMutablePointer<Int16>?>
    /// Rows of the result's width, by channel.
    private let ring: Scratch<UInt8>
    private let chosen: Scratch<UnsafePointer<UInt8>?>
    private let sums: Scratch<Int16>

    init(columns: consuming Taps, width: Int, channels: Int, ringRows: Int) throws(JobFailure) {
        let wideWidth = width + columns.padding
        self.source = try Scratch(count: width * channels)
        self.wide = try Scratch(count: wideWidth * channels)
        self.planes = try Scratch(count: channels)
        self.ring = try Scratch(count: ringRows * columns.count * channels)
        self.chosen = try Scratch(count: ringRows)
        self.sums = try Scratch(count: columns.count * channels)
        for channel in 0..<channels { self.planes.start[channel] = self.wide.start + channel * wideWidth }
        self.columns = columns
        self.channels = channels
    }

    private var rowBytes: Int { self.columns.count * self.channels }

    var input: UnsafeMutablePointer<UInt8> { self.source.start }

    func takeInput(to ringRow: Int) {
        let needed = self.columns.needed
        cr_widen(
            CR_BEST, self.source.start, Int32(self.channels), Int32(needed.lowerBound), Int32(needed.upperBound),
            self.planes.start)
        for channel in 0..<self.channels {
            cr_horizontal(
                CR_BEST, self.planes.start[channel], self.columns.table,
                self.ring.start + ringRow * self.rowBytes + channel * self.columns.count)
        }
    }

    func choose(_ ringRow: Int, at index: Int) {
        self.chosen.start[index] = UnsafePointer(self.ring.start + ringRow * self.rowBytes)
    }

    func combine(_ count: Int, _ weights: UnsafePointer<Int16>, into out: UnsafeMutablePointer<UInt8>) {
        cr_vertical(
            CR_BEST, self.chosen.start, weights, Int32(count), 0, Int32(self.rowBytes), self.sums.start)
        cr_narrow(self.sums.start, Int32(self.channels), Int32(self.columns.count), out)
    }
}
