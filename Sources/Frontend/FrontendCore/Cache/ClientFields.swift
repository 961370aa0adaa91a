// SPDX-License-Identifier: Apache-2.0

/// The fields that a request to an origin carries, as far as an answer can depend on them.
struct ClientFields: Sendable {
    /// The client's own fields that are passed on, in its order.
    let passed: HTTPFields
    /// What the client wishes of the cache, where that counts.
    let directives: RequestDirectives
    private let shape: OriginRequestShape

    init(_ shape: OriginRequestShape, passed: HTTPFields = HTTPFields()) {
        self.shape = shape
        self.passed = passed
        self.directives = shape.passes("cache-control") ? RequestDirectives(passed) : .none
    }

    /// The client's credentials go to the origin, so the answer may be meant for this client alone.
    var areCredentials: Bool {
        self.passed.contains { field in Self.credentials.contains { $0.equalsIgnoringCase(field.name) } }
    }

    private static let credentials = ["Authorization", "Cookie", "Proxy-Authorization"]

    /// Requests that are the same by this are answered by one question to the origin: before the answer is here,
    /// nobody knows which of the passed fields it depends on.
    func fillKey(_ key: String) -> String {
        self.passed.reduce(into: key) { $0 += "\n\($1.name.lowercased()):\($1.value)" }
    }

    /// Those of the names whose value the client decides.
    func passable(_ names: [String]) -> [String] { names.filter(self.shape.passes) }

    /// The value under which the origin sees a field, several joined as one; nil when it sees none.
    func value(_ name: String) -> String? {
        if let constant = self.shape.constants[name] { return constant }
        let values = self.passed.values(named: name)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    /// What tells requests apart to an answer that depends on these fields: their names, and a digest of their values,
    /// which may be secrets.
    func selection(_ names: [String]) -> String {
        let values = names.map { name in self.value(name).map { "\(name):\(Self.normalized($0, of: name))" } ?? name }
        return names.joined(separator: ",") + " " + Digest.hex(Digest.sha256(values.joined(separator: "\n")))
    }

    /// The same list written in another way selects the same answer.
    private static func normalized(_ value: String, of name: String) -> String {
        let items = ListField.items(of: value)
        guard name == "accept" || name.hasPrefix("accept-") else { return items.joined(separator: ",") }
        // The order means nothing where weights decide, nor does the case of what is named.
        return items.map { $0.lowercased().filter { $0 != " " } }.sorted().joined(separator: ",")
    }
}

/// What all requests to origins have in common.
final class OriginRequestShape: Sendable {
    /// Names of client fields that are passed on, in lower case.
    private let passedNames: Set<String>
    /// Fields that are the same in every request.
    let constants: [String: String]

    init(passedNames: [String], userAgent: String, accept: String) {
        self.passedNames = Set(passedNames.map { $0.lowercased() })
        var constants: [String: String] = [:]
        if !self.passedNames.contains("user-agent"), !userAgent.isEmpty { constants["user-agent"] = userAgent }
        if !self.passedNames.contains("accept"), !accept.isEmpty { constants["accept"] = accept }
        self.constants = constants
    }

    convenience init(_ configuration: Configuration) {
        self.init(
            passedNames: configuration.passRequestHeaders, userAgent: configuration.userAgent,
            accept: configuration.contentTypes.joined(separator: ", "))
    }

    func passes(_ name: String) -> Bool { self.passedNames.contains(name) }
}
