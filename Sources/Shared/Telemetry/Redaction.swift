// SPDX-License-Identifier: Apache-2.0

/// Makes text from outside fit for a log line: one line, printable, bounded, and without secrets.
public enum Redaction {
    /// The longest text that goes into one log line, in bytes.
    public static let maximumLength = 1024

    /// Replaces control and non-ASCII bytes by `\xNN`, and cuts what is too long.
    public static func printable(_ text: String) -> String {
        if text.utf8.count <= Self.maximumLength, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text }
        var line = ""
        for byte in text.utf8 {
            guard line.utf8.count < Self.maximumLength else { return line + "…" }
            if byte >= 0x20, byte < 0x7F {
                line.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                line += "\\x" + Self.hex(byte >> 4) + Self.hex(byte & 15)
            }
        }
        return line
    }

    /// A line of the log: printable, and without user names and passwords, whichever URLs are in it.
    public static func line(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "@")) else { return Self.printable(text) }
        var line = ""
        var rest = text[...]
        while let scheme = rest.firstRange(of: "://") {
            line += rest[..<scheme.upperBound]
            rest = Self.withoutUserinfo(rest[scheme.upperBound...], mark: &line)
        }
        return Self.printable(line + rest)
    }

    /// A URL for the log: printable, with user name and password taken out.
    ///
    /// What has a scheme and no two slashes after it is no URL with a host, and was meant for one all the same.
    public static func url(_ url: String) -> String {
        if url.contains("://") { return Self.line(url) }
        guard let colon = url.firstIndex(of: ":") else { return Self.line(url) }
        var line = String(url[...colon])
        let rest = Self.withoutUserinfo(url[url.index(after: colon)...], mark: &line)
        return Self.printable(line + rest)
    }

    /// A setting that was not understood, for whoever has made it: what could be a password is taken out.
    public static func setting(_ text: String) -> String {
        guard let scheme = text.firstRange(of: "://") else {
            // `user:password@host`; `@/file` is what files are named by.
            guard let at = text.lastIndex(of: "@"), at > text.startIndex else { return text }
            return Self.mark + text[at...]
        }
        switch text[..<scheme.lowerBound].lowercased() {
        case "http", "https": return Self.url(text)
        case "file": return text
        // The address of a store: where its password begins and ends is what was not understood.
        default: return text[..<scheme.upperBound] + Self.mark
        }
    }

    /// What follows the user name and the password of an authority, which may have more slashes before it than two.
    private static func withoutUserinfo(_ rest: Substring, mark line: inout String) -> Substring {
        let authority = rest.drop { $0 == "/" }
        let end = authority.firstIndex { "/?#".contains($0) } ?? authority.endIndex
        guard let at = authority[..<end].lastIndex(of: "@") else { return rest }
        line += Self.mark
        return authority[at...]
    }

    /// Stands where something was taken out.
    private static let mark = "***"

    private static func hex(_ nibble: UInt8) -> String { String(nibble, radix: 16) }
}
