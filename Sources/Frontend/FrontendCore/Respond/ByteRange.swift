// SPDX-License-Identifier: Apache-2.0

/// The part of a body that a client asks for (RFC 9110 section 14). One part: who asks for several gets the whole, as
/// does who asks in a way that cannot be read.
enum ByteRange: Equatable {
    case whole
    case part(Range<Int>)
    /// There is nothing of what was asked for.
    case nothing

    /// - Parameters:
    ///   - field: the Range field.
    ///   - count: bytes of the body.
    init(_ field: String, count: Int) {
        self = .whole
        guard let equals = field.firstIndex(of: "="), String(field[..<equals]).equalsIgnoringCase("bytes") else {
            return
        }
        let ends = field[field.index(after: equals)...].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2 else { return }
        let (first, last) = (String(ends[0]).trimmed, String(ends[1]).trimmed)
        if first.isEmpty {
            guard let length = Self.number(last) else { return }
            self = length == 0 || count == 0 ? .nothing : .part(max(0, count - length)..<count)
        } else {
            guard let start = Self.number(first), let end = last.isEmpty ? Int.max : Self.number(last), start <= end
            else { return }
            self = start >= count ? .nothing : .part(start..<min(count - 1, end) + 1)
        }
    }

    /// Digits; what is too large for a number is as large as one can be.
    private static func number(_ text: String) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return Int(text) ?? Int.max
    }

    /// Whether an If-Range field names exactly what would be sent: a strong tag, or the date of the last change.
    static func isCurrent(_ field: String, etag: String?, lastModified: String?) -> Bool {
        let field = field.trimmed
        return field.hasPrefix("\"") ? field == etag : field == lastModified && HTTPDate.parse(field) != nil
    }
}
