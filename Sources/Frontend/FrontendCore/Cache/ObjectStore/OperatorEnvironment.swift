// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The environment variables that clouds' programs take their settings from.
struct OperatorEnvironment: Sendable {
    private let look: @Sendable (String) -> String?

    /// This process's own.
    static let process = OperatorEnvironment { name in getenv(name).map { String(cString: $0) } }

    init(_ look: @escaping @Sendable (String) -> String?) { self.look = look }

    init(_ values: [String: String]) { self.init { values[$0] } }

    /// nil when it is not set, or empty.
    subscript(name: String) -> String? {
        guard let value = self.look(name), !value.isEmpty else { return nil }
        return value
    }

    /// As Go's `strconv.ParseBool` has it, which the original asks.
    func isTrue(_ name: String) -> Bool {
        ["1", "t", "T", "TRUE", "true", "True"].contains(self[name] ?? "")
    }
}
