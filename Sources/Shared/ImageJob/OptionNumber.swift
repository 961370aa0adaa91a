// SPDX-License-Identifier: Apache-2.0

/// Numbers as the options segment spells them: what Go's `strconv` reads and what its `%v` prints.
///
/// Signatures and cache keys are made from the printed form, so both directions have to agree with Go to the digit.
enum OptionNumber {
    /// What a text said, read as a float.
    enum Float: Equatable {
        case value(Double)
        /// Infinite, not a number, or too large to be converted to whole pixels: no size that can be meant.
        case absurd
        case malformed
    }

    /// Reads an optional sign and decimal digits, nothing else; nil if there is more or less than that.
    ///
    /// What does not fit 64 bits becomes the nearest value that does, as in Go, where the error beside it is ignored.
    static func integer(_ text: some Collection<UInt8>) -> Int64? {
        var digits = text[...]
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
        guard !digits.isEmpty, digits.allSatisfy(Self.isDecimal) else { return nil }

        let bound = isNegative ? Int64.min : Int64.max
        var value: Int64 = 0
        for byte in digits {
            let digit = Int64(byte - UInt8(ascii: "0"))
            let (shifted, shiftOverflows) = value.multipliedReportingOverflow(by: 10)
            let (sum, sumOverflows) = shifted.addingReportingOverflow(isNegative ? -digit : digit)
            if shiftOverflows || sumOverflows { return bound }
            value = sum
        }
        return value
    }

    /// Reads a Go floating-point literal with an optional sign, or the words for infinity and not-a-number.
    static func float(_ text: some Collection<UInt8>) -> Float {
        if let number = Self.wholeNumber(text) { return .value(number) }
        let bytes = Array(text)
        if Self.isNonFiniteWord(bytes) { return .absurd }
        guard Self.isFloatLiteral(bytes), Self.hasValidUnderscores(bytes) else { return .malformed }
        let plain = String(decoding: bytes.lazy.filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
        guard let value = Double(plain) else { return .malformed }
        return abs(value) < Self.firstAbsurd ? .value(value) : .absurd
    }

    /// What nearly every number is: a few digits.
    private static func wholeNumber(_ text: some Collection<UInt8>) -> Double? {
        var (value, count) = (0, 0)
        for byte in text {
            count += 1
            guard count <= 9, Self.isDecimal(byte) else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return count > 0 ? Double(value) : nil
    }

    /// The first float that no 64-bit integer holds; at it, Go's conversion to pixels returns rubbish.
    private static let firstAbsurd = 0x1p63

    /// Prints the fewest digits that read back as `value`, with an exponent when the decimal exponent is below -4 or
    /// above 5. `value` is finite: reading lets nothing else in, and the rest prints as zero.
    static func text(_ value: Double) -> String {
        let sign = value.sign == .minus ? "-" : ""
        guard value.isFinite, value != 0 else { return sign + "0" }
        // Whole numbers up to there are printed as they are.
        if value.magnitude < 1e6, value == value.rounded(.towardZero) { return String(Int(value)) }
        // Swift's own description has the right digits in its own shape: digits, a point, an exponent.
        let parts = value.magnitude.description.utf8.split(separator: UInt8(ascii: "e"))
        let mantissa = parts[0].split(separator: UInt8(ascii: "."))
        let exponent = parts.count > 1 ? Int(Self.integer(parts[1]) ?? 0) : 0
        let all = mantissa.joined()
        let leadingZeros = all.prefix { $0 == UInt8(ascii: "0") }.count
        var digits = Array(all.dropFirst(leadingZeros))
        while digits.last == UInt8(ascii: "0") { digits.removeLast() }
        // The value is 0.d1d2d3… times ten to `point`.
        let point = mantissa[0].count + exponent - leadingZeros

        if point < -3 || point > 6 {
            let fraction = digits.count > 1 ? "." + Self.string(digits.dropFirst()) : ""
            let power = abs(point - 1)
            return sign + Self.string(digits.prefix(1)) + fraction + (point < 1 ? "e-" : "e+")
                + (power < 10 ? "0" : "") + String(power)
        }
        if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + Self.string(digits[...]) }
        if digits.count <= point {
            return sign + Self.string(digits[...]) + String(repeating: "0", count: point - digits.count)
        }
        return sign + Self.string(digits.prefix(point)) + "." + Self.string(digits.dropFirst(point))
    }

    private static func string(_ digits: ArraySlice<UInt8>) -> String { String(decoding: digits, as: UTF8.self) }

    private static func isDecimal(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// ASCII letters in lower case; other bytes may change too, but never into something that is looked for.
    private static func lower(_ byte: UInt8) -> UInt8 { byte | 0x20 }

    /// `inf` and `infinity` with an optional sign, `nan` without, in any case.
    private static func isNonFiniteWord(_ bytes: [UInt8]) -> Bool {
        func matches(_ word: String, _ text: ArraySlice<UInt8>) -> Bool {
            text.count == word.utf8.count && text.map(Self.lower).elementsEqual(word.utf8)
        }
        let hasSign = bytes.first == UInt8(ascii: "-") || bytes.first == UInt8(ascii: "+")
        let unsigned = hasSign ? bytes.dropFirst() : bytes[...]
        return matches("inf", unsigned) || matches("infinity", unsigned) || (!hasSign && matches("nan", unsigned))
    }

    /// Whether the text is a float literal, with underscores anywhere among its digits.
    private static func isFloatLiteral(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        let isHex =
            rest.count > 2 && rest.starts(with: [UInt8(ascii: "0")])
            && Self.lower(rest[rest.startIndex + 1]) == UInt8(ascii: "x")
        if isHex { rest = rest.dropFirst(2) }

        var hasDigits = false
        var hasPoint = false
        while let byte = rest.first {
            if Self.isDecimal(byte) || (isHex && Self.isHexLetter(byte)) {
                hasDigits = true
            } else if byte == UInt8(ascii: "."), !hasPoint {
                hasPoint = true
            } else if byte != UInt8(ascii: "_") {
                break
            }
            rest = rest.dropFirst()
        }
        guard hasDigits else { return false }

        guard let mark = rest.first else { return !isHex }  // a hexadecimal literal must have an exponent
        guard Self.lower(mark) == UInt8(ascii: isHex ? "p" : "e") else { return false }
        rest = rest.dropFirst()
        if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        guard let first = rest.first, Self.isDecimal(first) else { return false }
        return rest.allSatisfy { Self.isDecimal($0) || $0 == UInt8(ascii: "_") }
    }

    private static func isHexLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(Self.lower(byte))
    }

    /// Whether every underscore stands between two digits, the base prefix counting as one.
    private static func hasValidUnderscores(_ bytes: [UInt8]) -> Bool {
        guard bytes.contains(UInt8(ascii: "_")) else { return true }
        enum Last { case start, digit, underscore, other }
        var rest = bytes[...]
        if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        var last = Last.start
        let isHex =
            rest.count > 1 && rest.starts(with: [UInt8(ascii: "0")])
            && Self.lower(rest[rest.startIndex + 1]) == UInt8(ascii: "x")
        if isHex {
            rest = rest.dropFirst(2)
            last = .digit
        }
        for byte in rest {
            if Self.isDecimal(byte) || (isHex && Self.isHexLetter(byte)) {
                last = .digit
            } else if byte == UInt8(ascii: "_") {
                guard last == .digit else { return false }
                last = .underscore
            } else {
                guard last != .underscore else { return false }
                last = .other
            }
        }
        return last != .underscore
    }
}
