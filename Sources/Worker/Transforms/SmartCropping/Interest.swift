// SPDX-License-Identifier: Apache-2.0

internal import ImageJob
internal import Pixels

/// What there is to see at samples of a picture.
struct Interest: ~Copyable {
    let columns: Int
    let rows: Int
    let values: Scratch<Double>
    private(set) var sum = 0.0

    private static let detailWeight = 0.2
    private static let skinWeight = 1.8
    private static let saturationWeight = 0.3
    /// Skin and colour count for a little where there is no detail.
    private static let skinBias = 0.01
    private static let saturationBias = 0.2

    /// - Parameters:
    ///   - step: from one sample to the next.
    ///   - first: the place of the first one, in both directions. At the border there is no detail.
    init(of picture: borrowing PixelBuffer, step: Int, first: Int = 0) throws(JobFailure) {
        self.columns = picture.size.width / step
        self.rows = picture.size.height / step
        self.values = try Scratch(count: self.columns * self.rows)
        for row in 0..<self.rows {
            for column in 0..<self.columns {
                let value = Self.value(
                    of: picture, column * step + first, row * step + first, isAtBorder: column == 0 || row == 0)
                self.values.start[row * self.columns + column] = value
                self.sum += value
            }
        }
    }

    private static func value(of picture: borrowing PixelBuffer, _ x: Int, _ y: Int, isAtBorder: Bool) -> Double {
        let colour = Colour(picture, x, y)
        let detail = isAtBorder ? 0 : Self.detail(of: picture, x, y, colour) / 255
        let skin = colour.skin / 255 * (detail + Self.skinBias)
        let saturation = colour.saturation / 255 * (detail + Self.saturationBias)
        return detail * Self.detailWeight + skin * Self.skinWeight + saturation * Self.saturationWeight
    }

    /// How much lighter a pixel is than its neighbours, in whole steps of 255.
    private static func detail(of picture: borrowing PixelBuffer, _ x: Int, _ y: Int, _ colour: Colour) -> Double {
        let edge =
            colour.lightness * 4 - Colour(picture, x, y - 1).lightness - Colour(picture, x - 1, y).lightness
            - Colour(picture, x + 1, y).lightness - Colour(picture, x, y + 1).lightness
        return min(max(edge, 0), 255).rounded(.down)
    }
}
