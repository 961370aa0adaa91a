// SPDX-License-Identifier: Apache-2.0

/// Which fields of an origin's answer are kept, and which end with the exchange they belong to.
enum OriginHeaders {
    /// Fields that belong to one connection or to the framing of one message, and those that are written anew.
    private static let dropped = [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authentication-info", "proxy-authorization",
        "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "content-length", "content-type",
        "content-encoding",
    ]

    /// - Parameter now: when the answer arrived; it is dated so where its origin has not dated it.
    static func kept(_ headers: HTTPFields, now: Int64) -> HTTPFields {
        let named = Set(headers.values(named: "Connection").flatMap(ListField.items).map { $0.lowercased() })
        var kept = headers
        kept.removeAll { field in
            Self.dropped.contains { $0.equalsIgnoringCase(field.name) } || StoredMessage.isOurs(field.name)
                || !named.isEmpty && named.contains(field.name.lowercased())
        }
        let date = kept["Date"].flatMap(HTTPDate.parse) ?? now
        kept.removeAll { $0.name.equalsIgnoringCase("Date") }
        kept.append("Date", HTTPDate.format(date))
        return kept
    }
}
