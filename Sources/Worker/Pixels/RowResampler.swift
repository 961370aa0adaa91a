// SPDX-License-Identifier: Apache-2.0

/// Makes rows of a resampled picture from rows of a source, as soon as all that a row needs has come. Rows come out in
/// the order in which their inputs come in: last to first when the vertical axis is mirrored on the whole.
public protocol RowResampler: AnyObject {
    /// Where the next row of the source is to be written, before `rowIsThere()`. Nothing may come while a row is ready.
    var slot: UnsafeMutablePointer<UInt8> { get }
    func rowIsThere()

    /// The row of the result that can be made now; nil when more of the source is needed, or nothing is left to make.
    var ready: Int? { get }
    /// Makes the row `ready` and goes on to the next.
    func make(into out: UnsafeMutablePointer<UInt8>)

    var isDone: Bool { get }
}
