// SPDX-License-Identifier: Apache-2.0

/// Why a request's target names no picture.
public enum RequestURLError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A percent sign without two digits, or a control character: the request itself is malformed.
    case badRequest
    /// - Parameters:
    ///   - quoted: the request's target as the original prints it, in quotes.
    ///   - message: what is wrong with it.
    case malformedURL(quoted: String, message: String)

    /// The answer's body. Only the one that stands for a malformed request ends without a new line.
    var publicMessage: String { self == .badRequest ? self.description : self.description + "\n" }

    /// For the log: what the client is told, unless there could be a password in it. Nobody can say where one ends in
    /// a text that is no URL, so nothing of such a text is shown.
    var logText: String {
        guard case .malformedURL(let quoted, let message) = self, Self.mayHoldPassword(quoted) else {
            return self.description
        }
        return "invalid request URL: malformed URL, not shown because of the @ in it: " + message.prefix { $0 != ":" }
    }

    private static func mayHoldPassword(_ target: String) -> Bool {
        if target.contains("@") || target.contains("%40") { return true }
        return target.utf8.split(whereSeparator: { "/\"?=".utf8.contains($0) }).contains { part in
            Base64.decodeUnpadded(part)?.contains(UInt8(ascii: "@")) == true
        }
    }

    /// The original's words, byte for byte.
    public var description: String {
        switch self {
        case .badRequest: "400 Bad Request"
        case .malformedURL(let quoted, let message): "invalid request URL: malformed URL \(quoted): \(message)"
        }
    }
}
