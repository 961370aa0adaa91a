// SPDX-License-Identifier: Apache-2.0

/// What an entry is found under.
struct CacheKey: Hashable, Sendable {
    /// The URL of an original, or that with `#` and the canonical options of a variant.
    let primary: String
    /// The same, and for one of several answers what tells it from the others. A line feed keeps the two apart: no URL
    /// has one.
    let text: String

    init(_ primary: String) {
        self.primary = primary
        self.text = primary
    }

    init(_ primary: String, selection: String) {
        self.primary = primary
        self.text = primary + "\n" + selection
    }
}
