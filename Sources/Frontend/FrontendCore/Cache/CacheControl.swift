// SPDX-License-Identifier: Apache-2.0

/// The directives of all Cache-Control fields of a message (RFC 9111 section 5.2); names in lower case.
struct CacheControl: Sendable {
    private var directives: [(name: String, value: String)] = []

    init(_ headers: HTTPFields) {
        for field in headers.values(named: "Cache-Control") {
            for item in ListField.items(of: field) { self.append(item) }
        }
    }

    /// Of two that contradict each other, the first counts.
    private mutating func append(_ item: String) {
        let (space, quote) = (UInt8(ascii: " "), UInt8(ascii: "\""))
        let equals = item.utf8.firstIndex(of: UInt8(ascii: "="))
        let written = item[..<(equals ?? item.endIndex)]
        let name = String(written).trimmed.lowercased()
        guard !name.isEmpty, !self.contains(name) else { return }
        var value = equals.map { item.utf8[$0...].dropFirst() } ?? item.utf8[item.endIndex...]
        // Space around the sign is no grammar of ours: such a value is there, but cannot be read.
        if written.utf8.last == space || value.first == space { value = value.prefix(0) }
        if value.count >= 2, value.first == quote, value.last == quote { value = value.dropFirst().dropLast() }
        self.directives.append((name, String(Substring(value))))
    }

    /// The directive stands without a value.
    func isBare(_ name: String) -> Bool { self.directives.contains { $0.name == name && $0.value.isEmpty } }

    func contains(_ name: String) -> Bool { self.directives.contains { $0.name == name } }

    /// Seconds of a directive; what is no number means 0, so that the answer counts as stale (RFC 9111 section 4.2.1).
    func seconds(_ name: String) -> Int64? {
        self.directives.first { $0.name == name }.map { DeltaSeconds.parse($0.value) ?? 0 }
    }
}

/// Whole seconds as HTTP writes them (RFC 9111 section 1.2.2).
enum DeltaSeconds {
    /// More than this is as good as for ever.
    static let longest: Int64 = 1 << 31

    /// nil for what is not all digits; what is too large for a number is `longest`.
    static func parse(_ text: String) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return min(Int64(text) ?? Self.longest, Self.longest)
    }
}

/// Fields whose value is a list: `a, b="c, d", e`.
enum ListField {
    /// The items without the space around them; commas inside quotes belong to the item, and empty items are none.
    static func items(of value: String) -> [String] {
        guard value.utf8.contains(where: { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") }) else {
            let item = value.trimmed
            return item.isEmpty ? [] : [item]
        }
        var items: [String] = []
        var current: [UInt8] = []
        var isQuoted = false
        var isEscaped = false
        func finish() {
            let item = String(decoding: current, as: UTF8.self).trimmed
            if !item.isEmpty { items.append(item) }
            current = []
        }
        for byte in value.utf8 {
            if isQuoted {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isQuoted = false
                }
            } else if byte == UInt8(ascii: "\"") {
                isQuoted = true
            } else if byte == UInt8(ascii: ",") {
                finish()
                continue
            }
            current.append(byte)
        }
        finish()
        return items
    }
}
