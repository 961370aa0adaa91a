// SPDX-License-Identifier: Apache-2.0

/// A remote URL in one of the forms in which a request may write it: plain, percent-encoded as a whole, or in base64.
struct WrittenURL {
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    let reference: URLReference
    /// It was percent-encoded or in base64, so that its query is inside.
    let isEncoded: Bool

    init(_ text: ArraySlice<UInt8>, hasBase: Bool) throws(Malformed) {
        try self.init(Spelling(text, hasBase: hasBase))
    }

    init(_ spelling: Spelling) throws(Malformed) {
        let url = spelling.url
        self.isEncoded = spelling.isEncoded
        do throws(URLSyntaxError) {
            self.reference = try URLReference(parsing: url)
        } catch {
            let shown = if case .fragment = error { url[...] } else { url[...].cut(at: UInt8(ascii: "#")).head }
            throw Malformed(description: "parse \(GoQuoting.quote(shown)): \(error.message)")
        }
    }
}

extension WrittenURL {
    /// The URL's plain text, before it is read as one.
    struct Spelling {
        let url: [UInt8]
        let isEncoded: Bool

        /// - Parameter hasBase: relative URLs are wanted, so that base64 may hold one of those, too.
        init(_ text: ArraySlice<UInt8>, hasBase: Bool) {
            var url = Array(text)
            var isEncoded = false
            if let decoded = Base64.decodeUnpadded(text), WrittenURL.isURL(decoded, hasBase: hasBase) {
                url = decoded
                isEncoded = true
            }
            // Only when colon and slash are both escaped: `http%3A//host` is nothing.
            if WrittenURL.begins(url, "http%3a%2f") || WrittenURL.begins(url, "https%3a%2f"),
                let decoded = try? URLComponent.path.unescape(url[...])
            {
                url = decoded
                isEncoded = true
            }
            self.url = WrittenURL.repaired(url)
            self.isEncoded = isEncoded
        }
    }

    /// Whether what base64 held is a URL; most words are base64, too.
    private static func isURL(_ decoded: [UInt8], hasBase: Bool) -> Bool {
        if decoded.starts(with: "http://".utf8) || decoded.starts(with: "https://".utf8) { return true }
        guard hasBase, let text = String(validating: decoded, as: UTF8.self) else { return false }
        return !text.unicodeScalars.contains("\u{FFFD}")
    }

    /// Gives back the second slash that proxies take out of `http://`, and takes out a third.
    private static func repaired(_ url: [UInt8]) -> [UInt8] {
        for scheme in ["http:", "https:"] where url.starts(with: scheme.utf8) {
            let rest = url.dropFirst(scheme.utf8.count)
            let host = rest.drop { $0 == UInt8(ascii: "/") }
            guard !host.isEmpty, host.count < rest.count else { return url }
            return Array(scheme.utf8) + Array("//".utf8) + host
        }
        return url
    }

    /// - Parameter prefix: in lower case; the text may be in any.
    private static func begins(_ text: [UInt8], _ prefix: String) -> Bool {
        text.count >= prefix.utf8.count && zip(text, prefix.utf8).allSatisfy { RequestHead.lowercased($0) == $1 }
    }
}
