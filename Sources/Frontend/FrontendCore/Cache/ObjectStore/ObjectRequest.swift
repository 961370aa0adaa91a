// SPDX-License-Identifier: Apache-2.0

/// What is done with an object.
enum ObjectAction: Sendable {
    case read
    /// The object's bytes, one part after the other.
    case write([Blob])
    case remove

    /// What the log says cannot be done.
    var word: String { if case .read = self { "read" } else { "written" } }

    var parts: [Blob] { if case .write(let parts) = self { parts } else { [] } }
}

/// One request to an object store, or to whoever gives out credentials for it.
struct ObjectRequest: Sendable {
    var method = "GET"
    /// Percent-encoded, and sent as it is.
    var url: String
    var fields = HTTPFields()
    /// nil = no body.
    var body: [Blob]?
}

/// What was answered, whatever its status.
struct ObjectAnswer: Sendable {
    let status: Int
    let fields: HTTPFields
    let body: Blob

    /// The service's own word for what is wrong, such as `NoSuchBucket`; nil when it gives none that can be shown.
    var errorCode: String? {
        if let code = self.fields["x-ms-error-code"] { return Self.isWord(code[...]) ? code : nil }
        let text = String(decoding: self.body.copied(atMost: 2048), as: UTF8.self)
        guard let start = text.firstRange(of: "<Code>"),
            let end = text[start.upperBound...].firstRange(of: "</Code>")
        else { return nil }
        let code = text[start.upperBound..<end.lowerBound]
        return Self.isWord(code) ? String(code) : nil
    }

    private static func isWord(_ text: Substring) -> Bool {
        (1...64).contains(text.utf8.count) && text.utf8.allSatisfy { ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A }
    }
}

/// Why an object store could not do what it was asked for: words for the log, without secrets.
struct ObjectFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
