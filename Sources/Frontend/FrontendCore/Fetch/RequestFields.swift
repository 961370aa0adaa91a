// SPDX-License-Identifier: Apache-2.0

import CCurl

/// The header fields of a request to an origin, and which of them follow it where.
struct RequestFields: Sendable {
    private var fields: [HTTPFields.Field] = []

    /// Fields that frame the message or belong to this side's connection, and codings that nobody here undoes.
    private static let never: Set<String> = [
        "host", "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
        "content-length", "expect", "accept-encoding",
    ]
    /// Fields meant for one origin: they say who asks, or where from.
    private static let personal: Set<String> = [
        "authorization", "cookie", "cookie2", "proxy-authorization", "www-authenticate", "referer",
    ]
    private static let conditions: Set<String> = [
        "if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range",
    ]

    /// - Throws: ``FetchError/internalFailure(_:)`` for a field that would be more than one line.
    init(_ settings: FetchSettings, caller: HTTPFields) throws(FetchError) {
        // The first of several counts, as in the original, where the flag's value stands before a client's.
        if !settings.userAgent.isEmpty || caller["User-Agent"] == nil {
            self.append("User-Agent", settings.userAgent.isEmpty ? "Go-http-client/1.1" : settings.userAgent)
        }
        if !settings.accept.isEmpty { self.append("Accept", settings.accept) }
        self.append("Accept-Encoding", "identity")
        for field in caller {
            let name = field.name.lowercased()
            guard !Self.never.contains(name), name != "user-agent" || settings.userAgent.isEmpty else { continue }
            self.append(field.name, field.value)
        }
        for field in self.fields {
            guard !field.name.isEmpty, field.name.utf8.allSatisfy(ResponseHeadParser.isTokenByte),
                field.value.hasOnlyFieldBytes
            else { throw .internalFailure("a request header that cannot be sent") }
        }
    }

    private mutating func append(_ name: String, _ value: String) {
        self.fields.append(HTTPFields.Field(name: name, value: value))
    }

    /// For another origin than the one they were meant for.
    mutating func dropPersonal() {
        self.fields.removeAll { Self.personal.contains($0.name.lowercased()) }
    }

    /// For another URL than the one whose stored answer they speak of.
    func withoutConditions() -> RequestFields {
        var copy = self
        copy.fields.removeAll { Self.conditions.contains($0.name.lowercased()) }
        return copy
    }

    /// Whether "not modified" would be an answer.
    var isConditional: Bool {
        self.fields.contains { Self.conditions.contains($0.name.lowercased()) }
    }

    /// libcurl's form: one line each. The caller frees the list.
    func makeList() -> UnsafeMutablePointer<curl_slist>? {
        var list: UnsafeMutablePointer<curl_slist>?
        // libcurl's own defaults, which are sent unless they are taken away; `Expect` costs a round trip or a second.
        let lines = self.fields.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" } + ["Expect:"]
        let hasAccept = self.fields.contains { $0.name.equalsIgnoringCase("Accept") }
        for line in hasAccept ? lines : lines + ["Accept:"] {
            guard let longer = curl_slist_append(list, line) else {
                curl_slist_free_all(list)
                return nil
            }
            list = longer
        }
        return list
    }
}
