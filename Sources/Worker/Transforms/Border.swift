// SPDX-License-Identifier: Apache-2.0

internal import CResample
public import ImageJob

/// Finds the border of one colour around an animation: what no frame ever draws on.
public struct Border {
    private let size: ImageSize
    private var colour: [UInt8]?
    private var columns: Range<Int>?
    private var rows: Range<Int>?

    private static let channels = 4

    /// - Parameter size: of the canvas.
    public init(of size: ImageSize) {
        self.size = size
    }

    /// - Parameters:
    ///   - canvas: RGBA, rows without gaps.
    ///   - corner: where the border's colour is taken from, at the first frame.
    ///   - changed: all that differs from the frame before lies in it.
    public mutating func add(_ canvas: UnsafePointer<UInt8>, corner: PixelRect, changed: PixelRect) {
        let stride = self.size.width * Self.channels
        let colour =
            self.colour
            ?? Array(
                UnsafeBufferPointer(
                    start: canvas + corner.y * stride + corner.x * Self.channels, count: Self.channels))
        self.colour = colour
        for y in changed.y..<changed.y + changed.height {
            var first: Int32 = 0
            var last: Int32 = 0
            let start = canvas + y * stride + changed.x * Self.channels
            guard cr_differing(start, Int32(Self.channels), Int32(changed.width), colour, &first, &last) != 0 else {
                continue
            }
            let found = changed.x + Int(first)..<changed.x + Int(last) + 1
            self.columns = Self.union(self.columns, found)
            self.rows = Self.union(self.rows, y..<y + 1)
        }
    }

    /// What is inside; all of it when that would be less than two rows or columns.
    public var remainder: PixelRect {
        guard let columns, let rows, columns.count > 1, rows.count > 1 else { return PixelRect(self.size) }
        return PixelRect(x: columns.lowerBound, y: rows.lowerBound, width: columns.count, height: rows.count)
    }

    private static func union(_ a: Range<Int>?, _ b: Range<Int>) -> Range<Int> {
        guard let a else { return b }
        return min(a.lowerBound, b.lowerBound)..<max(a.upperBound, b.upperBound)
    }
}
