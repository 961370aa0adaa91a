// SPDX-License-Identifier: Apache-2.0

internal import ImageJob
internal import Pixels

/// How much samples matter by their place in a window: most at the thirds, less than nothing at the edges.
struct Importance: ~Copyable {
    private let columns: Int
    private let rows: Int
    /// Of samples within, as far as it differs from that of samples without.
    private let values: Scratch<Double>
    private let step: Int

    private static let outside = -0.5
    /// The part of a window, from its centre, beyond which samples lose.
    private static let edgeRadius = 0.4
    private static let edgeWeight = -20.0

    init(width: Int, height: Int, step: Int) throws(JobFailure) {
        self.step = step
        self.columns = (width + step - 1) / step
        self.rows = (height + step - 1) / step
        self.values = try Scratch(count: self.columns * self.rows)
        for row in 0..<self.rows {
            for column in 0..<self.columns {
                self.values.start[row * self.columns + column] =
                    Self.inside(
                        Double(column * step) / Double(width), Double(row * step) / Double(height)) - Self.outside
            }
        }
    }

    /// - Parameter window: of the size that this was made for, at multiples of `step`.
    func score(of interest: borrowing Interest, from window: PixelRect) -> Double {
        let (left, top) = (window.x / self.step, window.y / self.step)
        let columns = max(0, min(self.columns, interest.columns - left))
        // A sum of sums: one alone would wait for each addition before it begins the next.
        var sums = SIMD4<Double>.zero
        var sum = Self.outside * interest.sum
        for row in 0..<min(self.rows, interest.rows - top) {
            let seen = interest.values.start + (top + row) * interest.columns + left
            let weights = self.values.start + row * self.columns
            let whole = columns & ~3
            for column in stride(from: 0, to: whole, by: 4) {
                sums += Self.four(seen + column) * Self.four(weights + column)
            }
            for column in whole..<columns { sum += seen[column] * weights[column] }
        }
        return sum + sums.sum()
    }

    private static func four(_ values: UnsafePointer<Double>) -> SIMD4<Double> {
        UnsafeRawPointer(values).loadUnaligned(as: SIMD4<Double>.self)
    }

    /// - Parameters: the place, from 0 to 1.
    private static func inside(_ x: Double, _ y: Double) -> Double {
        let fromCentreX = abs(0.5 - x) * 2
        let fromCentreY = abs(0.5 - y) * 2
        let beyondX = max(fromCentreX - 1 + Self.edgeRadius, 0)
        let beyondY = max(fromCentreY - 1 + Self.edgeRadius, 0)
        let edge = (beyondX * beyondX + beyondY * beyondY) * Self.edgeWeight
        let centre = 1.41 - (fromCentreX * fromCentreX + fromCentreY * fromCentreY).squareRoot()
        let thirds = max(0, centre + edge + 0.5) * 1.2 * (Self.third(fromCentreX) + Self.third(fromCentreY))
        return centre + thirds + edge
    }

    /// 1 at a third of the way from the centre to the edge, which is a third of the window, and 0 a little beside it.
    private static func third(_ distance: Double) -> Double {
        let away = (distance - 1.0 / 3) * 8
        return max(1 - away * away, 0)
    }
}
