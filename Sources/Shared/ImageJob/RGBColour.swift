// SPDX-License-Identifier: Apache-2.0

/// An opaque colour of sRGB.
public struct RGBColour: Hashable, Sendable {
    public var red: UInt8
    public var green: UInt8
    public var blue: UInt8

    public init(red: UInt8, green: UInt8, blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    /// Reads three or six hexadecimal digits, as in style sheets but without their `#`, which no path can hold.
    init?(hexadecimal digits: Substring.UTF8View) {
        guard digits.count == 3 || digits.count == 6 else { return nil }
        var values: [UInt8] = []
        for digit in digits {
            guard let value = Character(UnicodeScalar(digit)).hexDigitValue else { return nil }
            values.append(UInt8(value))
        }
        let pairs = values.count == 3 ? values.flatMap { [$0, $0] } : values
        self.init(red: pairs[0] << 4 | pairs[1], green: pairs[2] << 4 | pairs[3], blue: pairs[4] << 4 | pairs[5])
    }

    /// Six digits, lower-case.
    var hexadecimal: String {
        [self.red, self.green, self.blue].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
