// SPDX-License-Identifier: Apache-2.0

internal import CResample
internal import ImageJob
internal import Pixels

/// Rows that become columns of a picture, several at a time: each of their pixels goes to another row, far from the one
/// before it, and so is fetched from memory once for all.
struct ColumnStore: ~Copyable {
    /// As many pixels of three bytes are most of what memory is fetched in.
    private static let most = 16

    private let waiting: Scratch<UInt8>
    private let width: Int
    private let channels: Int
    /// Of the rows that wait: they follow each other, in either direction, and none is beyond a multiple of `most`.
    private var indices = 0..<0

    /// - Parameter width: of the rows.
    init(width: Int, channels: Int) throws(JobFailure) {
        self.waiting = try Scratch(count: Self.most * width * channels)
        self.width = width
        self.channels = channels
    }

    /// Where to put the row that becomes this column. Those that wait go to the target if it is none of theirs.
    mutating func slot(_ index: Int, _ target: borrowing PixelBuffer) -> UnsafeMutablePointer<UInt8> {
        if self.indices.isEmpty || index / Self.most != self.indices.lowerBound / Self.most {
            self.finish(target)
            self.indices = index..<index + 1
        } else {
            self.indices = min(index, self.indices.lowerBound)..<max(index + 1, self.indices.upperBound)
        }
        return self.place(index)
    }

    /// After the last row.
    mutating func finish(_ target: borrowing PixelBuffer) {
        cr_store_columns(
            self.place(self.indices.lowerBound), self.width * self.channels, Int32(self.indices.count),
            Int32(self.channels), Int32(self.width), target.start + self.indices.lowerBound * self.channels,
            target.stride)
        self.indices = 0..<0
    }

    private func place(_ index: Int) -> UnsafeMutablePointer<UInt8> {
        self.waiting.start + index % Self.most * self.width * self.channels
    }
}
