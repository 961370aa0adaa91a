// SPDX-License-Identifier: Apache-2.0

internal import ImageJob

/// What a picture may be called. The origin's word counts only as far as the bytes agree with it.
enum ContentType {
    /// The type under which an origin's answer is served, or nil when its bytes are not the picture it is labelled as.
    ///
    /// - Parameters:
    ///   - announced: the Content-Type field, parameters and all; empty when there is none.
    ///   - bytes: the body; an empty one is believed.
    static func resolve(announced: String, bytes: Span<UInt8>) -> String? {
        let type = Self.withoutParameters(announced)
        let magic = ImageFormat(magic: bytes)?.contentType
        if Self.isUnknown(type) { return magic ?? Self.otherImage(bytes) ?? "application/octet-stream" }
        guard type.hasPrefix("image/"), !bytes.isEmpty else { return type }
        if let magic { return magic }
        if type == "image/svg+xml" { return SVGStart.matches(bytes) ? type : nil }
        guard let other = Self.otherImage(bytes) else { return nil }
        return Self.aliases(of: other).contains(type) ? type : nil
    }

    /// The same, as it is written in the answer: what is no picture keeps the parameters it came with, without which a
    /// text cannot be read.
    static func served(announced: String, bytes: Span<UInt8>) -> String? {
        guard let type = Self.resolve(announced: announced, bytes: bytes) else { return nil }
        let isPicture = type.hasPrefix("image/") && type != "image/svg+xml"
        return isPicture || type != Self.withoutParameters(announced) ? type : announced.trimmed
    }

    /// Lower case, without `; charset=…`.
    static func withoutParameters(_ type: String) -> String {
        let end = type.utf8.firstIndex(of: UInt8(ascii: ";")) ?? type.endIndex
        let plain = String(type[..<end]).trimmed
        // As it is nearly always: lowering makes another string.
        return plain.utf8.allSatisfy { $0 < 0x80 && !(0x41...0x5A).contains($0) } ? plain : plain.lowercased()
    }

    private static func isUnknown(_ type: String) -> Bool {
        type.isEmpty || type == "application/octet-stream" || type == "binary/octet-stream"
    }

    /// Pictures that are passed on but not decoded here.
    private static func otherImage(_ bytes: Span<UInt8>) -> String? {
        func starts(_ prefix: [UInt8], at offset: Int = 0) -> Bool {
            guard bytes.count >= offset + prefix.count else { return false }
            return prefix.indices.allSatisfy { bytes[offset + $0] == prefix[$0] }
        }
        if starts([0, 0, 1, 0]), bytes.count >= 22 { return "image/x-icon" }
        if starts(Array("ftyp".utf8), at: 4) {
            for brand in ["heic", "heix", "mif1", "msf1", "hevc"] where starts(Array(brand.utf8), at: 8) {
                return "image/heic"
            }
        }
        if starts([0xFF, 0x0A]) || starts([0, 0, 0, 12, 0x4A, 0x58, 0x4C, 0x20, 13, 10, 0x87, 10]) {
            return "image/jxl"
        }
        return nil
    }

    private static func aliases(of type: String) -> [String] {
        switch type {
        case "image/x-icon": [type, "image/vnd.microsoft.icon", "image/ico"]
        case "image/heic": [type, "image/heif", "image/heic-sequence", "image/heif-sequence"]
        default: [type]
        }
    }

    /// Whether a type matches one of the configured patterns; no patterns = every type.
    static func matches(_ type: String, patterns: [String]) -> Bool {
        guard !patterns.isEmpty else { return true }
        let text = Array(type.utf8)
        return patterns.contains { Glob.matches(text, pattern: Array($0.utf8)) }
    }
}

/// The patterns of Go's `path.Match`: `*` and `?` do not cross a slash, `[a-z]`, `[^a-z]`, and `\` takes the next
/// character as it is. A malformed pattern matches nothing.
enum Glob {
    static func matches(_ text: [UInt8], pattern: [UInt8]) -> Bool { Self.match(text[...], pattern[...]) ?? false }

    /// nil = malformed.
    private static func match(_ text: ArraySlice<UInt8>, _ pattern: ArraySlice<UInt8>) -> Bool? {
        var text = text
        var pattern = pattern
        // The last star seen and the text it was tried at: only the last one ever has to give way.
        var retry: (pattern: ArraySlice<UInt8>, text: ArraySlice<UInt8>)?
        while true {
            if let first = pattern.first, first == UInt8(ascii: "*") {
                pattern = pattern.dropFirst()
                retry = (pattern, text)
                continue
            }
            if pattern.isEmpty, text.isEmpty { return true }
            if let character = text.first, !pattern.isEmpty {
                guard let (isMatch, rest) = Self.single(character, pattern) else { return nil }
                if isMatch {
                    text = text.dropFirst()
                    pattern = rest
                    continue
                }
            }
            guard let last = retry, let skipped = last.text.first, skipped != UInt8(ascii: "/") else { return false }
            text = last.text.dropFirst()
            pattern = last.pattern
            retry = (last.pattern, text)
        }
    }

    /// Matches one character against the pattern's first element; nil = malformed.
    private static func single(
        _ character: UInt8, _ pattern: ArraySlice<UInt8>
    ) -> (isMatch: Bool, rest: ArraySlice<UInt8>)? {
        guard let first = pattern.first else { return nil }
        let rest = pattern.dropFirst()
        switch first {
        case UInt8(ascii: "?"): return (character != UInt8(ascii: "/"), rest)
        case UInt8(ascii: "["): return Self.range(character, rest)
        case UInt8(ascii: "\\"):
            guard let literal = rest.first else { return nil }
            return (character == literal, rest.dropFirst())
        default: return (character == first, rest)
        }
    }

    private static func range(
        _ character: UInt8, _ pattern: ArraySlice<UInt8>
    ) -> (isMatch: Bool, rest: ArraySlice<UInt8>)? {
        var rest = pattern
        let isNegated = rest.first == UInt8(ascii: "^")
        if isNegated { rest = rest.dropFirst() }
        var isMatch = false
        var count = 0
        while true {
            if rest.first == UInt8(ascii: "]"), count > 0 { return (isMatch != isNegated, rest.dropFirst()) }
            guard let low = Self.member(&rest) else { return nil }
            var high = low
            if rest.first == UInt8(ascii: "-") {
                rest = rest.dropFirst()
                guard let end = Self.member(&rest) else { return nil }
                high = end
            }
            if low <= character, character <= high { isMatch = true }
            count += 1
        }
    }

    private static func member(_ rest: inout ArraySlice<UInt8>) -> UInt8? {
        guard let first = rest.popFirst(), first != UInt8(ascii: "-"), first != UInt8(ascii: "]") else { return nil }
        guard first == UInt8(ascii: "\\") else { return rest.isEmpty ? nil : first }
        return rest.popFirst()
    }
}
