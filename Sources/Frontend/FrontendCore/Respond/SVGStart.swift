// SPDX-License-Identifier: Apache-2.0

/// Tells a drawing by the way it begins.
enum SVGStart {
    /// Bytes. A licence in a comment is a page or two.
    private static let maxPrologue = 65_536

    /// Whether there is an XML prolog, a document type of `svg`, or an `<svg` root, after white space, a byte order mark and
    /// comments.
    static func matches(_ bytes: Span<UInt8>) -> Bool {
        let end = min(bytes.count, Self.maxPrologue)
        var at = bytes.count >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF ? 3 : 0
        while true {
            while at < end, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[at]) { at += 1 }
            guard Self.starts(bytes, "<!--", at: at) else { break }
            at += 4
            while at < end, !Self.starts(bytes, "-->", at: at) { at += 1 }
            guard at < end else { return false }
            at += 3
        }
        return Self.starts(bytes, "<?xml", at: at) || Self.starts(bytes, "<svg", at: at)
            || Self.starts(bytes, "<!DOCTYPE svg", at: at)
    }

    private static func starts(_ bytes: Span<UInt8>, _ text: StaticString, at offset: Int) -> Bool {
        guard bytes.count - offset >= text.utf8CodeUnitCount else { return false }
        for index in 0..<text.utf8CodeUnitCount where bytes[offset + index] != text.utf8Start[index] { return false }
        return true
    }
}
