// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Tells whether an ICC profile describes sRGB, by what it contains: names are spelt in too many ways.
enum ColourProfile {
    /// The primaries, adapted to D50 as profiles want them.
    private static let primaries: [(tag: StaticString, value: [Double])] = [
        ("rXYZ", [0.4361, 0.2225, 0.0139]), ("gXYZ", [0.3851, 0.7169, 0.0971]), ("bXYZ", [0.1431, 0.0606, 0.7141]),
    ]
    /// Profiles of different makers differ by less.
    private static let primaryTolerance = 0.003
    /// Of what is shown, not of light, in which dark steps are tiny: a gamma of 2.2 is off by nine steps of 255 there.
    /// The smallest profiles that pass for sRGB, with tables of 20 points, differ from it by half a step.
    private static let curveTolerance = 1.5 / 255

    /// Whether pixels under this profile can be taken for sRGB (or, if it is for gray, for sRGB's gray).
    static func isStandard(_ profile: Span<UInt8>) -> Bool {
        guard profile.has("acsp", at: 36) else { return false }
        if profile.has("GRAY", at: 16) { return Self.hasStandardCurve(profile, "kTRC") }
        guard profile.has("RGB ", at: 16) else { return false }
        for primary in Self.primaries {
            guard let tag = Self.tag(primary.tag, in: profile), tag.length >= 20, profile.has("XYZ ", at: tag.offset)
            else { return false }
            for (index, expected) in primary.value.enumerated() {
                guard let value = Self.fixed(profile, tag.offset + 8 + 4 * index),
                    abs(value - expected) <= Self.primaryTolerance
                else { return false }
            }
        }
        return Self.hasStandardCurve(profile, "rTRC") && Self.hasStandardCurve(profile, "gTRC")
            && Self.hasStandardCurve(profile, "bTRC")
    }

    private static func tag(_ name: StaticString, in profile: Span<UInt8>) -> (offset: Int, length: Int)? {
        // Profiles have about ten.
        guard let count = profile.word(128), count <= 100 else { return nil }
        for index in 0..<count {
            let entry = 132 + 12 * index
            guard profile.has(name, at: entry) else { continue }
            guard let offset = profile.word(entry + 4), let length = profile.word(entry + 8),
                offset <= profile.count, length <= profile.count - offset
            else { return nil }
            return (offset, length)
        }
        return nil
    }

    private static func fixed(_ bytes: Span<UInt8>, _ at: Int) -> Double? {
        guard let word = bytes.word(at) else { return nil }
        return Double(Int32(truncatingIfNeeded: word)) / 65536
    }

    private static func hasStandardCurve(_ profile: Span<UInt8>, _ name: StaticString) -> Bool {
        guard let tag = Self.tag(name, in: profile) else { return false }
        let curve = profile.extracting(profile.range(tag.offset, tag.length))
        return [0.03, 0.06, 0.1, 0.25, 0.5, 0.75, 0.9].allSatisfy { encoded in
            guard let value = Self.evaluate(curve, encoded) else { return false }
            return abs(Self.encoded(value) - encoded) <= Self.curveTolerance
        }
    }

    /// sRGB's sample for an amount of light.
    private static func encoded(_ light: Double) -> Double {
        light <= 0.0031308 ? 12.92 * light : 1.055 * pow(light, 1 / 2.4) - 0.055
    }

    private static func evaluate(_ curve: Span<UInt8>, _ x: Double) -> Double? {
        if curve.has("curv", at: 0) {
            guard let count = curve.word(8) else { return nil }
            if count == 0 { return x }
            if count == 1 { return curve.half(12).map { pow(x, Double($0) / 256) } }
            let position = x * Double(count - 1)
            let index = Int(position)
            guard index < count - 1, let low = curve.half(12 + 2 * index), let high = curve.half(14 + 2 * index) else {
                return nil
            }
            return (Double(low) + (position - Double(index)) * Double(high - low)) / 65535
        }
        guard curve.has("para", at: 0), let kind = curve.half(8), kind <= 4, let gamma = Self.fixed(curve, 12) else {
            return nil
        }
        func parameter(_ index: Int) -> Double { Self.fixed(curve, 12 + 4 * index) ?? 0 }
        let (a, b) = (parameter(1), parameter(2))
        switch kind {
        case 0: return pow(x, gamma)
        case 3: return x >= parameter(4) ? pow(a * x + b, gamma) : parameter(3) * x
        case 4: return x >= parameter(4) ? pow(a * x + b, gamma) + parameter(5) : parameter(3) * x + parameter(6)
        default: return nil
        }
    }
}
