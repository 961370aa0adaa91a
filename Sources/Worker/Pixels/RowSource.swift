// SPDX-License-Identifier: Apache-2.0

public import ImageJob

/// A picture that comes row by row, top to bottom, in the order in which it is stored.
public protocol RowSource: ~Copyable {
    var size: ImageSize { get }
    /// 1 (gray), 3 (RGB) or 4 (RGBA, straight alpha), of one byte each.
    var channels: Int { get }

    /// Writes the next row, `size.width * channels` bytes. Nothing may be read after the last row, or after a failure.
    mutating func readRow(into row: UnsafeMutablePointer<UInt8>) throws(JobFailure)
}
