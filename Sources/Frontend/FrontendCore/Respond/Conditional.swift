// SPDX-License-Identifier: Apache-2.0

/// Whether a client already has what it asks for (RFC 9110 section 13).
enum Conditional {
    /// - Parameters:
    ///   - ifNoneMatch: the client's field, which takes precedence when there is one.
    ///   - etag, lastModified: of the answer that would be sent.
    static func isNotModified(
        ifNoneMatch: String?, ifModifiedSince: String?, etag: String?, lastModified: String?
    ) -> Bool {
        if let ifNoneMatch {
            if ifNoneMatch.trimmed == "*" { return true }
            guard let etag else { return false }
            return Self.tags(ifNoneMatch).contains(Self.opaque(etag))
        }
        guard let since = ifModifiedSince.flatMap(HTTPDate.parse), let modified = lastModified.flatMap(HTTPDate.parse)
        else { return false }
        return modified <= since
    }

    /// The opaque parts of a list of tags; commas inside quotes belong to the tag.
    private static func tags(_ list: String) -> [String] {
        var tags: [String] = []
        var current = ""
        var isQuoted = false
        for character in list {
            if character == "\"" { isQuoted.toggle() }
            if character == ",", !isQuoted {
                tags.append(Self.opaque(current))
                current = ""
            } else {
                current.append(character)
            }
        }
        return tags + [Self.opaque(current)]
    }

    /// Weak comparison: the prefix `W/` does not count.
    private static func opaque(_ tag: String) -> String {
        let text = tag.trimmed
        return text.hasPrefix("W/") ? String(text.dropFirst(2)) : text
    }
}
