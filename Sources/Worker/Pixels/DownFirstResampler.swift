// SPDX-License-Identifier: Apache-2.0

internal import CResample
public import ImageJob

/// The vertical pass first: for a picture that is stored on its side, so that it is resampled as if it were upright.
///
/// Rows of the source come by batches. Each is added to the sums of what it is part of, so that no row is kept for
/// longer than its batch, however much the picture shrinks: what is kept are sums of those rows that have begun and not
/// ended. Those that have ended go through the horizontal pass, a batch of them at once.
public final class DownFirstResampler: RowResampler {
    private let rows: Taps
    private let isReversed: Bool
    private let passes: any DownFirstPasses
    /// Rows of the source that have come, and those of them whose batch has been begun.
    private var read = 0
    private var begun = 0
    private var there = 0
    /// Rows of the result whose inputs have all been added, those that can be taken, and those that have been.
    private var ended = 0
    private var finished = 0
    private var made = 0

    public init(
        columns: AxisSpan, rows: AxisSpan, source: ImageSize, channels: Int, scale: DecodedScale
    ) throws(JobFailure) {
        let columnTaps = try Taps(columns, samples: source.width, scale: scale)
        let rowTaps = try Taps(rows, samples: source.height, scale: scale, isFirst: true)
        self.isReversed = rows.isMirrored
        let kept = Self.mostKept(rowTaps, isReversed: self.isReversed, batch: Self.batch)
        self.passes =
            channels == 4
            ? try AlphaDownFirst(columns: columnTaps, width: source.width, sums: kept, batch: Self.batch)
            : try OpaqueDownFirst(
                columns: columnTaps, width: source.width, channels: channels, sums: kept, bias: rowTaps.bias,
                batch: Self.batch)
        self.rows = rowTaps
    }

    /// Of rows, in both passes.
    private static let batch = Int(CR_ROWS)

    /// How many rows of the result have begun and not ended, after whichever batch.
    static func mostKept(_ rows: borrowing Taps, isReversed: Bool, batch: Int) -> Int {
        var most = 0
        // Both only ever go up.
        var begun = 0
        var ended = 0
        for end in stride(from: rows.needed.lowerBound + batch, to: rows.needed.upperBound, by: batch) {
            func inputs(_ step: Int) -> Range<Int> { rows.inputs(of: isReversed ? rows.count - 1 - step : step) }
            while begun < rows.count, inputs(begun).lowerBound < end { begun += 1 }
            while ended < rows.count, inputs(ended).upperBound <= end { ended += 1 }
            most = max(most, begun - ended)
        }
        return most
    }

    public var slot: UnsafeMutablePointer<UInt8> { self.passes.input }

    public func rowIsThere() {
        let isNeeded = self.rows.needed.contains(self.read)
        if isNeeded {
            if self.read == self.rows.needed.lowerBound { self.begun = self.read }
            self.passes.takeInput()
        }
        self.read += 1
        guard isNeeded, self.read - self.begun == Self.batch || self.read == self.rows.needed.upperBound else { return }
        self.there = self.read
        self.goOn()
    }

    public var isDone: Bool { self.made == self.rows.count }

    public var ready: Int? { self.made < self.finished ? self.row(self.made) : nil }

    public func make(into out: UnsafeMutablePointer<UInt8>) {
        self.passes.take(self.made - (self.finished - 1) / Self.batch * Self.batch, into: out)
        self.made += 1
        if self.made == self.finished { self.goOn() }
    }

    /// Adds the batch to all that it is part of, unless that ends a batch of the result, which has to be taken first.
    private func goOn() {
        guard self.begun < self.there else { return }
        while self.ended < self.rows.count, self.inputs(self.ended).upperBound <= self.there {
            self.add(to: self.ended, ends: true)
            self.ended += 1
            if self.ended % Self.batch == 0 || self.ended == self.rows.count {
                self.passes.finish((self.ended - 1) % Self.batch + 1)
                self.finished = self.ended
                if self.ended < self.rows.count { return }
            }
        }
        var next = self.ended
        while next < self.rows.count, self.inputs(next).lowerBound < self.there {
            self.add(to: next, ends: false)
            next += 1
        }
        self.begun = self.there
        self.passes.forgetInputs()
    }

    private func add(to step: Int, ends: Bool) {
        let inputs = self.inputs(step)
        let part = inputs.clamped(to: self.begun..<self.there)
        let weights = self.rows.weights(of: self.row(step)) + (part.lowerBound - inputs.lowerBound)
        self.passes.add(
            part.lowerBound - self.begun..<part.upperBound - self.begun, weights,
            begins: part.lowerBound == inputs.lowerBound, to: step, endsAt: ends ? step % Self.batch : nil)
    }

    private func inputs(_ step: Int) -> Range<Int> { self.rows.inputs(of: self.row(step)) }

    private func row(_ step: Int) -> Int { self.isReversed ? self.rows.count - 1 - step : step }
}

/// The two passes over one kind of pixel, and what is kept between batches.
protocol DownFirstPasses: AnyObject {
    /// One row of the source.
    var input: UnsafeMutablePointer<UInt8> { get }
    /// Takes it for the next one of its batch.
    func takeInput()
    /// The batch is over.
    func forgetInputs()
    /// Adds rows of the batch to number `step` of the result. What ends there becomes row number `endsAt` of those that
    /// the horizontal pass will take.
    func add(_ inputs: Range<Int>, _ weights: UnsafePointer<Int16>, begins: Bool, to step: Int, endsAt row: Int?)
    /// The horizontal pass, over so many rows.
    func finish(_ count: Int)
    /// One of those that are finished.
    func take(_ row: Int, into out: UnsafeMutablePointer<UInt8>)
}

extension cr_part {
    init(begins: Bool, ends: Bool) {
        self = begins ? (ends ? CR_WHOLE : CR_BEGINS) : (ends ? CR_ENDS : CR_MIDDLE)
    }
}
