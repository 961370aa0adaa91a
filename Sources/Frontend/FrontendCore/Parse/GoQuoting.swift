// SPDX-License-Identifier: Apache-2.0

/// Quotes text as Go's `%q` does: the original's error texts have URLs in this form.
enum GoQuoting {
    static func quote(_ text: some Collection<UInt8>) -> String {
        var quoted = "\""
        var rest = Array(text)[...]
        while let first = rest.first {
            if let scalar = Self.scalar(at: rest) {
                quoted += Self.escape(scalar)
                rest = rest.dropFirst(UTF8.width(scalar))
            } else {
                quoted += "\\x" + Self.hex(UInt32(first), digits: 2)
                rest = rest.dropFirst()
            }
        }
        return quoted + "\""
    }

    /// The scalar that the bytes start with; nil when they start with none.
    private static func scalar(at bytes: ArraySlice<UInt8>) -> Unicode.Scalar? {
        var decoder = UTF8()
        var input = bytes.makeIterator()
        guard case .scalarValue(let scalar) = decoder.decode(&input) else { return nil }
        return scalar
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": "\\\""
        case "\\": "\\\\"
        case "\u{7}": "\\a"
        case "\u{8}": "\\b"
        case "\u{C}": "\\f"
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        case "\u{B}": "\\v"
        case _ where Self.isPrintable(scalar): String(Character(scalar))
        case _ where scalar.value < 0x80: "\\x" + Self.hex(scalar.value, digits: 2)
        case _ where scalar.value < 0x1_0000: "\\u" + Self.hex(scalar.value, digits: 4)
        default: "\\U" + Self.hex(scalar.value, digits: 8)
        }
    }

    /// Letters, marks, numbers, punctuation, symbols, and of all spaces the ASCII one.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        case .spaceSeparator: scalar == " "
        default: true
        }
    }

    private static func hex(_ value: UInt32, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: digits - text.count) + text
    }
}
