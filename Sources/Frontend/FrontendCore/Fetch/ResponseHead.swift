// SPDX-License-Identifier: Apache-2.0

/// An answer's status and header fields, in the order they came.
struct ResponseHead: Sendable {
    var status = 0
    /// Names as sent, values without the spaces around them.
    var headers: [(name: String, value: String)] = []

    /// The values of a field, whatever the case of its name.
    func values(of name: String) -> [String] {
        self.headers.filter { Self.isEqual($0.name, name) }.map(\.value)
    }

    /// Compares field names, which are ASCII.
    static func isEqual(_ one: String, _ other: String) -> Bool {
        one.utf8.count == other.utf8.count
            && zip(one.utf8, other.utf8).allSatisfy { Self.lowercased($0) == Self.lowercased($1) }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
