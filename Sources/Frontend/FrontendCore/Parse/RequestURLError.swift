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

    /// What the log says, byte for byte the original's.
    public var description: String {
        switch self {
        case .badRequest: "400 Bad Request"
        case .malformedURL(let quoted, let message): "invalid request URL: malformed URL \(quoted): \(message)"
        }
    }
}
