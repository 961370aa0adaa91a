// SPDX-License-Identifier: Apache-2.0

public import ImageJob

/// The horizontal pass first, as the original service has it: for pictures that are stored upright, or mirrored.
///
/// Each source row is resampled horizontally, a batch of them at once, rounded to 8 bits as the original service does, and
/// kept in a ring for as long as rows of the result need it: the ring is as narrow as the result.
public final class Resampler: RowResampler {
    private let rows: Taps
    private let isReversed: Bool
    private let passes: any ResamplingPasses
    private let ringRows: Int
    private var read = 0
    /// Of those read, the ones that are in the ring as far as any output needs them.
    private var there = 0
    private var made = 0

    public init(
        columns: AxisSpan, rows: AxisSpan, source: ImageSize, channels: Int, scale: DecodedScale
    ) throws(JobFailure) {
        let columnTaps = try Taps(columns, samples: source.width, scale: scale, isFirst: true)
        let rowTaps = try Taps(rows, samples: source.height, scale: scale)
        self.isReversed = rows.isMirrored
        // Nothing that an output needs begins before what the one before it needs, so its span is all that is kept beside
        // a batch.
        if channels == 4 {
            self.ringRows = rowTaps.span + AlphaPasses.batch
            self.passes = try AlphaPasses(columns: columnTaps, width: source.width, ringRows: self.ringRows)
        } else {
            self.ringRows = rowTaps.span + OpaquePasses.batch
            self.passes = try OpaquePasses(
                columns: columnTaps, width: source.width, channels: channels, ringRows: self.ringRows,
                bias: rowTaps.bias)
        }
        self.rows = rowTaps
    }

    public var slot: UnsafeMutablePointer<UInt8> { self.passes.input }

    public func rowIsThere() {
        let isNeeded = self.rows.needed.contains(self.read)
        if isNeeded { self.passes.takeInput(to: self.read % self.ringRows) }
        self.read += 1
        guard isNeeded, self.passes.isFull || self.read == self.rows.needed.upperBound else { return }
        self.passes.finishInputs()
        self.there = self.read
    }

    public var isDone: Bool { self.made == self.rows.count }

    public var ready: Int? {
        guard !self.isDone else { return nil }
        let row = self.row(self.made)
        return self.rows.inputs(of: row).upperBound <= self.there ? row : nil
    }

    public func make(into out: UnsafeMutablePointer<UInt8>) {
        let row = self.row(self.made)
        self.made += 1
        let inputs = self.rows.inputs(of: row)
        for (at, input) in inputs.enumerated() { self.passes.choose(input % self.ringRows, at: at) }
        self.passes.combine(inputs.count, self.rows.weights(of: row), into: out)
    }

    private func row(_ step: Int) -> Int { self.isReversed ? self.rows.count - 1 - step : step }
}

/// The two passes over rows of one kind of pixel, and the ring between them.
protocol ResamplingPasses: AnyObject {
    /// One row of the source.
    var input: UnsafeMutablePointer<UInt8> { get }
    /// Takes it for a row of the ring, where it will be when the batch is finished.
    func takeInput(to ringRow: Int)
    var isFull: Bool { get }
    func finishInputs()
    /// Says which row of the ring is number `at` of those that are combined next.
    func choose(_ ringRow: Int, at: Int)
    func combine(_ count: Int, _ weights: UnsafePointer<Int16>, into out: UnsafeMutablePointer<UInt8>)
}
