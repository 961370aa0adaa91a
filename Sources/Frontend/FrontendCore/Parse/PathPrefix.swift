// SPDX-License-Identifier: Apache-2.0

/// Where in a site's paths this service is, for front ends that pass paths on as they are.
public struct PathPrefix: Sendable, Equatable {
    /// Without a slash at its end; empty = the whole site is this service's.
    public let text: String

    public init() { self.text = "" }

    /// - Returns: nil for what is not the start of a path.
    init?(_ text: String) {
        var text = text[...]
        while text.hasSuffix("/") { text.removeLast() }
        guard text.isEmpty || text.hasPrefix("/"), !text.hasPrefix("//") else { return nil }
        guard text.utf8.allSatisfy({ URLComponent.path.contains($0) || $0 == UInt8(ascii: "%") }) else { return nil }
        self.text = String(text)
    }

    /// A request's target without the prefix; nil when it is outside of it.
    func strip(_ target: String) -> String? {
        guard !self.text.isEmpty else { return target }
        guard target.hasPrefix(self.text) else { return nil }
        let rest = target.dropFirst(self.text.count)
        switch rest.first {
        case "/": return String(rest)
        case "?", nil: return "/" + rest
        default: return nil
        }
    }
}
