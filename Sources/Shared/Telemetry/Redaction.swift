// SPDX-License-Identifier: Apache-2.0

/// Makes text from outside fit for a log line: one line, printable, bounded, and without secrets.
public enum Redaction {
    /// The longest text that goes into one log line, in bytes.
    public static let maximumLength = 1024

    /// Replaces control and non-ASCII bytes by `\xNN`, and cuts what is too long.
    public static func printable(_ text: String) -> String {
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

    /// A URL for the log: printable, with user name and password taken out.
    public static func url(_ url: String) -> String {
        guard let scheme = url.firstRange(of: "://") else { return Self.printable(url) }
        let authorityEnd = url[scheme.upperBound...].firstIndex { "/?#".contains($0) } ?? url.endIndex
        guard let at = url[scheme.upperBound..<authorityEnd].lastIndex(of: "@") else { return Self.printable(url) }
        return Self.printable(url[..<scheme.upperBound] + "…" + url[at...])
    }

    private static func hex(_ nibble: UInt8) -> String { String(nibble, radix: 16) }
}
