// SPDX-License-Identifier: Apache-2.0

extension JSON {
    /// Reads a whole text, strictly.
    ///
    /// - Returns: nil when it is not JSON, or nested deeper than anything that is meant to be read here.
    init?(parsing bytes: [UInt8]) {
        var reader = Reader(rest: bytes[...])
        guard let value = reader.value(depth: 0) else { return nil }
        reader.skipBlanks()
        guard reader.rest.isEmpty else { return nil }
        self = value
    }

    /// A member of an object; the first of that name.
    subscript(name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.0 == name }?.1
    }

    var members: [(String, JSON)] { if case .object(let members) = self { members } else { [] } }

    var elements: [JSON] { if case .array(let elements) = self { elements } else { [] } }

    var double: Double? { if case .number(let number) = self { number } else { nil } }

    var string: String? { if case .string(let text) = self { text } else { nil } }

    var isTrue: Bool { if case .bool(true) = self { true } else { false } }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        private static let deepest = 64

        mutating func skipBlanks() { self.rest = self.rest.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) } }

        private mutating func take(_ byte: Character) -> Bool {
            self.skipBlanks()
            guard self.rest.first == byte.asciiValue else { return false }
            self.rest.removeFirst()
            return true
        }

        private mutating func take(word: String) -> Bool {
            guard self.rest.starts(with: word.utf8) else { return false }
            self.rest.removeFirst(word.utf8.count)
            return true
        }

        mutating func value(depth: Int) -> JSON? {
            guard depth < Self.deepest else { return nil }
            if self.take("{") { return self.object(depth: depth) }
            if self.take("[") { return self.array(depth: depth) }
            if self.take("\"") { return self.text().map { .string($0) } }
            if self.take(word: "true") { return .bool(true) }
            if self.take(word: "false") { return .bool(false) }
            if self.take(word: "null") { return .null }
            return self.number()
        }

        private mutating func object(depth: Int) -> JSON? {
            var members: [(String, JSON)] = []
            if self.take("}") { return .object([]) }
            repeat {
                guard self.take("\""), let name = self.text(), self.take(":"), let value = self.value(depth: depth + 1)
                else { return nil }
                members.append((name, value))
            } while self.take(",")
            return self.take("}") ? .object(members) : nil
        }

        private mutating func array(depth: Int) -> JSON? {
            var elements: [JSON] = []
            if self.take("]") { return .array([]) }
            repeat {
                guard let value = self.value(depth: depth + 1) else { return nil }
                elements.append(value)
            } while self.take(",")
            return self.take("]") ? .array(elements) : nil
        }

        private mutating func number() -> JSON? {
            let text = self.rest.prefix { "+-.0123456789eE".utf8.contains($0) }
            // What Swift reads and JSON has not: a sign or a point in front, a point at the end, zeros in front.
            let digits = text.drop { $0 == UInt8(ascii: "-") }
            let whole = digits.prefix { (0x30...0x39).contains($0) }
            guard digits.count >= text.count - 1, !whole.isEmpty, whole.count == 1 || whole.first != 0x30,
                let number = Double(String(decoding: text, as: UTF8.self)), number.isFinite
            else { return nil }
            self.rest = self.rest.dropFirst(text.count)
            return .number(number)
        }

        /// What follows an opening quote.
        private mutating func text() -> String? {
            var bytes: [UInt8] = []
            while let byte = self.rest.popFirst() {
                switch byte {
                case UInt8(ascii: "\""): return String(validating: bytes, as: UTF8.self)
                case UInt8(ascii: "\\"):
                    guard let scalar = self.escaped() else { return nil }
                    bytes += String(Character(scalar)).utf8
                case ..<0x20: return nil
                default: bytes.append(byte)
                }
            }
            return nil
        }

        private mutating func escaped() -> Unicode.Scalar? {
            guard let letter = self.rest.popFirst() else { return nil }
            switch letter {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
            case UInt8(ascii: "b"): return "\u{8}"
            case UInt8(ascii: "f"): return "\u{C}"
            case UInt8(ascii: "n"): return "\n"
            case UInt8(ascii: "r"): return "\r"
            case UInt8(ascii: "t"): return "\t"
            case UInt8(ascii: "u"): return self.scalar()
            default: return nil
            }
        }

        private mutating func scalar() -> Unicode.Scalar? {
            guard let first = self.unit() else { return nil }
            guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) }
            guard self.take(word: "\\u"), let second = self.unit(), (0xDC00..<0xE000).contains(second) else {
                return nil
            }
            return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        }

        private mutating func unit() -> UInt32? {
            let digits = self.rest.prefix(4)
            guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
            self.rest = self.rest.dropFirst(4)
            return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        }
    }
}
