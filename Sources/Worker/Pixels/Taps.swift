// SPDX-License-Identifier: Apache-2.0

internal import CResample
internal import ImageJob

/// The weights of a filter along one axis: for each sample of the result, which ones make it up.
///
/// Owns the table behind the pointer, which never moves.
struct Taps: ~Copyable {
    let table: UnsafeMutablePointer<cr_taps>

    /// - Parameters:
    ///   - samples: how many the source has along this axis.
    ///   - isFirst: whether it is the axis of the first pass.
    init(_ span: AxisSpan, samples: Int, scale: DecodedScale, isFirst: Bool = false) throws(JobFailure) {
        var cSpan = cr_span(span)
        var axis = cr_axis_make(&cSpan, scale.density, 1, Int32(samples), scale.sharpening)
        axis.is_cubic = span.isCubic ? 1 : 0
        self.table = .allocate(capacity: 1)
        self.table.initialize(to: cr_taps())
        guard cr_taps_make(self.table, &axis) == 0 else { throw .outOfMemory }
        if span.isCubic, isFirst { cr_taps_change(self.table, 1, -1) }
    }

    deinit {
        cr_taps_free(self.table)
        self.table.deallocate()
    }

    var count: Int { Int(self.table.pointee.count) }
    /// The samples that any output needs.
    var needed: Range<Int> { Int(self.table.pointee.low)..<Int(self.table.pointee.high) }
    /// The samples that one output can need, at most.
    var span: Int { Int(self.table.pointee.span) }
    var bias: Int32 { self.table.pointee.bias }
    /// Room for the zero weights that fill a group.
    var padding: Int { Int(self.table.pointee.groups + 1) * Int(CR_GROUP) }

    func inputs(of output: Int) -> Range<Int> {
        let first = Int(self.table.pointee.start[output])
        return first..<first + Int(self.table.pointee.length[output])
    }

    func weights(of output: Int) -> UnsafeMutablePointer<Int16> {
        self.table.pointee.weights + output * Int(self.table.pointee.groups) * Int(CR_GROUP)
    }
}
