// SPDX-License-Identifier: Apache-2.0

public import ImageJob

/// A picture that is in memory already, read like one that is being decoded.
public struct MemoryRows: RowSource, ~Copyable {
    public let size: ImageSize
    public let channels: Int
    private var next: UnsafePointer<UInt8>

    /// - Parameter pixels: rows without gaps, that stay as they are for as long as they are read.
    public init(_ pixels: UnsafePointer<UInt8>, size: ImageSize, channels: Int) {
        self.size = size
        self.channels = channels
        self.next = pixels
    }

    public mutating func readRow(into row: UnsafeMutablePointer<UInt8>) throws(JobFailure) {
        let count = self.size.width * self.channels
        row.update(from: self.next, count: count)
        self.next += count
    }
}
