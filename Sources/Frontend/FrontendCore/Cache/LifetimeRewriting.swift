// SPDX-License-Identifier: Apache-2.0

/// What becomes of an origin's fields about caching, before they are stored and passed on: by `-minCacheDuration`, by
/// `-forceCache`, and because what is `private` is told not to be stored by anybody, as the original does.
struct LifetimeRewriting: Sendable, Equatable {
    /// Seconds that every answer may be reused at least; 0 = what its origin says.
    var minimum: Int64 = 0
    /// `private` and `no-store` of origins are not heard.
    var forces = false

    func apply(to headers: inout HTTPFields) {
        var directives = Self.directives(headers)
        if self.forces {
            directives["private"] = nil
            directives["no-store"] = nil
        } else if directives["private"] != nil {
            directives["no-store"] = ""
            return Self.write(directives, to: &headers)
        } else if self.minimum == 0 || directives["no-store"] != nil {
            return
        }
        if self.minimum > 0 {
            let own = directives["max-age"].flatMap(DeltaSeconds.parse) ?? 0
            directives["max-age"] = "\(max(self.minimum, own, Self.expiry(headers)))"
            headers.removeAll { $0.name.equalsIgnoringCase("Expires") }
        }
        Self.write(directives, to: &headers)
    }

    private static func directives(_ headers: HTTPFields) -> [String: String] {
        var directives: [String: String] = [:]
        for item in headers.values(named: "Cache-Control").flatMap(ListField.items) {
            let pair = item.split(separator: "=", maxSplits: 1)
            guard let name = pair.first.map({ String($0).trimmed.lowercased() }), directives[name] == nil else {
                continue
            }
            directives[name] = pair.count == 2 ? String(pair[1]).trimmed : ""
        }
        return directives
    }

    private static func expiry(_ headers: HTTPFields) -> Int64 {
        guard let expires = headers["Expires"].flatMap(HTTPDate.parse),
            let date = headers["Date"].flatMap(HTTPDate.parse)
        else { return 0 }
        return expires - date
    }

    /// In the original's form: sorted by name, and there even when it is empty.
    private static func write(_ directives: [String: String], to headers: inout HTTPFields) {
        let text = directives.sorted { $0.key < $1.key }.map { $1.isEmpty ? $0 : "\($0)=\($1)" }.joined(separator: ", ")
        headers.removeAll { $0.name.equalsIgnoringCase("Cache-Control") }
        headers.append("Cache-Control", text)
    }
}
