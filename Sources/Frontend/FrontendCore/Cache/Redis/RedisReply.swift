// SPDX-License-Identifier: Apache-2.0

/// What a server answered. It comes from outside: a reply of another kind than the command has is no answer.
enum RedisReply: Sendable {
    case bytes(Blob)
    case status(String)
    case error(RedisServerError)
    case integer(Int64)
    case null
    case array([RedisReply])

    /// `+OK`, what a command says that has nothing to say.
    var isOK: Bool {
        if case .status("OK") = self { true } else { false }
    }

    /// A short text: a name, an address, a number. Nil for anything else, and for bytes that are no UTF-8.
    var text: String? {
        switch self {
        case .bytes(let blob) where blob.count <= Self.longestText:
            blob.withBytes { String(validating: $0, as: UTF8.self) }
        case .status(let text): text
        default: nil
        }
    }

    private static let longestText = 4096
}

/// A server's refusal.
///
/// Its text may repeat what was sent, a password included, so that only the code is fit for a log.
struct RedisServerError: Equatable, Sendable {
    let message: String

    /// The first word in capitals: `MOVED`, `READONLY`, `OOM`; empty when there is none.
    var code: String {
        let word = self.message.prefix { $0 != " " }
        return word.count <= 20 && word.allSatisfy { $0.isASCII && ($0.isUppercase || $0 == "_") } ? String(word) : ""
    }

    /// The code, fit for a log.
    var loggedName: String { self.code.isEmpty ? "an error" : self.code }
}
