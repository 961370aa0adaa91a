// SPDX-License-Identifier: Apache-2.0

extension JSON {
    /// Reads a small document: settings, credentials. Nothing on a picture's way is JSON.
    ///
    /// - Returns: nil for what is not exactly one value, or is nested deeper than anything meant here.
    init?(reading bytes: some Sequence<UInt8>) {
        var reader = Reader(bytes: Array(bytes))
        guard let value = reader.value(depth: 0), reader.isAtEnd() else { return nil }
        self = value
    }

    /// A member of an object; of several with one name the last, as most readers have it.
    subscript(name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.0 == name }?.1
    }

    /// The text, if it is one and is not empty.
    var words: String? {
        guard case .string(let text) = self, !text.isEmpty else { return nil }
        return text
    }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        private static let deepest = 32

        mutating func isAtEnd() -> Bool {
            self.skipSpace()
            return self.position == self.bytes.count
        }

        mutating func value(depth: Int) -> JSON? {
            guard depth < Self.deepest else { return nil }
            self.skipSpace()
            switch self.peek {
            case UInt8(ascii: "{"): return self.object(depth)
            case UInt8(ascii: "["): return self.array(depth)
            case UInt8(ascii: "\""): return self.string().map { .string($0) }
            case UInt8(ascii: "t"): return self.take("true") ? .bool(true) : nil
            case UInt8(ascii: "f"): return self.take("false") ? .bool(false) : nil
            case UInt8(ascii: "n"): return self.take("null") ? .null : nil
            default: return self.number()
            }
        }

        private var peek: UInt8? { self.position < self.bytes.count ? self.bytes[self.position] : nil }

        private mutating func skipSpace() {
            while let byte = self.peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
                self.position += 1
            }
        }

        private mutating func take(_ text: String) -> Bool {
            guard self.bytes[self.position...].starts(with: text.utf8) else { return false }
            self.position += text.utf8.count
            return true
        }

        private mutating func object(_ depth: Int) -> JSON? {
            var members: [(String, JSON)] = []
            self.position += 1
            self.skipSpace()
            if self.take("}") { return .object([]) }
            while true {
                self.skipSpace()
                guard self.peek == UInt8(ascii: "\""), let name = self.string() else { return nil }
                self.skipSpace()
                guard self.take(":"), let value = self.value(depth: depth + 1) else { return nil }
                members.append((name, value))
                self.skipSpace()
                if self.take("}") { return .object(members) }
                guard self.take(",") else { return nil }
            }
        }

        private mutating func array(_ depth: Int) -> JSON? {
            var values: [JSON] = []
            self.position += 1
            self.skipSpace()
            if self.take("]") { return .array([]) }
            while true {
                guard let value = self.value(depth: depth + 1) else { return nil }
                values.append(value)
                self.skipSpace()
                if self.take("]") { return .array(values) }
                guard self.take(",") else { return nil }
            }
        }

        private mutating func string() -> String? {
            var text: [UInt8] = []
            self.position += 1
            while let byte = self.peek {
                self.position += 1
                switch byte {
                case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self)
                case UInt8(ascii: "\\"):
                    guard let scalar = self.escape() else { return nil }
                    text += Array(String(scalar).utf8)
                case ..<0x20: return nil
                default: text.append(byte)
                }
            }
            return nil
        }

        private mutating func escape() -> Unicode.Scalar? {
            guard let letter = self.peek else { return nil }
            self.position += 1
            switch letter {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
            case UInt8(ascii: "b"): return "\u{8}"
            case UInt8(ascii: "f"): return "\u{C}"
            case UInt8(ascii: "n"): return "\n"
            case UInt8(ascii: "r"): return "\r"
            case UInt8(ascii: "t"): return "\t"
            case UInt8(ascii: "u"):
                guard let high = self.codeUnit() else { return nil }
                guard (0xD800..<0xDC00).contains(high) else { return Unicode.Scalar(high) }
                // The other half of a character beyond the first 65536.
                guard self.take("\\u"), let low = self.codeUnit(), (0xDC00..<0xE000).contains(low) else { return nil }
                return Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
            default: return nil
            }
        }

        private mutating func codeUnit() -> UInt32? {
            let digits = self.bytes[self.position...].prefix(4)
            guard digits.count == 4, digits.allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }) else {
                return nil
            }
            self.position += 4
            return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        }

        private mutating func number() -> JSON? {
            let text = self.bytes[self.position...].prefix {
                (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0)
            }
            guard let first = text.first, first == UInt8(ascii: "-") || (0x30...0x39).contains(first),
                let value = Double(String(decoding: text, as: UTF8.self))
            else { return nil }
            self.position += text.count
            return .number(value)
        }
    }
}
