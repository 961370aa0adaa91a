// SPDX-License-Identifier: Apache-2.0

internal import Pixels

/// A pixel, each channel in 0...255; what is transparent is dark.
struct Colour {
    let red: Double
    let green: Double
    let blue: Double

    private static let skinTone = (red: 0.78, green: 0.57, blue: 0.44)
    private static let skinThreshold = 0.8
    private static let saturationThreshold = 0.4

    init(_ picture: borrowing PixelBuffer, _ x: Int, _ y: Int) {
        let pixel = picture.row(y) + x * picture.channels
        let alpha = picture.channels == 4 ? Int(pixel[3]) : 255
        let isGray = picture.channels == 1
        func channel(_ index: Int) -> Double { Double(Int(pixel[isGray ? 0 : index]) * alpha / 255) }
        self.red = channel(0)
        self.green = channel(1)
        self.blue = channel(2)
    }

    /// Blue and red change places in these weights, and their sum is more than 1: so it is where the windows come from.
    var lightness: Double { 0.5126 * self.blue + 0.7152 * self.green + 0.0722 * self.red }

    /// 0...255 by how close the hue is to that of skin.
    var skin: Double {
        let length = (self.red * self.red + self.green * self.green + self.blue * self.blue).squareRoot()
        guard length > 0, (0.2...1).contains(self.lightness / 255) else { return 0 }
        let red = self.red / length - Self.skinTone.red
        let green = self.green / length - Self.skinTone.green
        let blue = self.blue / length - Self.skinTone.blue
        return Self.steps(1 - (red * red + green * green + blue * blue).squareRoot(), above: Self.skinThreshold)
    }

    /// 0...255, of strong colours that are neither very dark nor very light.
    var saturation: Double {
        let most = max(self.red, self.green, self.blue) / 255
        let least = min(self.red, self.green, self.blue) / 255
        guard most > least, (0.05...0.9).contains(self.lightness / 255) else { return 0 }
        let saturation = (most - least) / (most + least > 1 ? 2 - most - least : most + least)
        return Self.steps(saturation, above: Self.saturationThreshold)
    }

    private static func steps(_ value: Double, above threshold: Double) -> Double {
        guard value > threshold else { return 0 }
        return min(max((value - threshold) * (255 / (1 - threshold)), 0), 255).rounded(.down)
    }
}
