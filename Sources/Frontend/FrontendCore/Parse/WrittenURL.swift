// SPDX-License-Identifier: Apache-2.0

/// A remote URL in one of the forms in which a request may write it: plain, percent-encoded as a whole, or in base64.
struct WrittenURL {
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    let reference: URLReference
    /// It was percent-encoded or in base64, so that its query is inside.
    let isEncoded: Bool

    /// - Parameter hasBase: relative URLs are wanted, so that base64 may hold one of those, too.
    init(_ text: ArraySlice<UInt8>, hasBase: Bool) throws(Malformed) {
        var url = Array(text)
        var isEncoded = false
        if let decoded = Base64.decodeUnpadded(text), Self.isURL(decoded, hasBase: hasBase) {
            url = decoded
            isEncoded = true
        }
        // Only when colon and slash are both escaped: `http%3A//host` is nothing.
        if Self.lowercased(url.prefix(12)).starts(with: "http%3a%2f".utf8)
            || Self.lowercased(url.prefix(12)).starts(with: "https%3a%2f".utf8),
            let decoded = try? URLComponent.path.unescape(url[...])
        {
            url = decoded
            isEncoded = true
        }
        url = Self.repaired(url)
        self.isEncoded = isEncoded
        do throws(URLSyntaxError) {
            self.reference = try URLReference(parsing: url)
        } catch {
            let shown = if case .fragment = error { url[...] } else { url[...].cut(at: UInt8(ascii: "#")).head }
            throw Malformed(description: "parse \(GoQuoting.quote(shown)): \(error.message)")
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

    private static func lowercased(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        bytes.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    }
}
