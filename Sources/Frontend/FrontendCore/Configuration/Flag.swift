// SPDX-License-Identifier: Apache-2.0

/// One command-line flag, which is also one environment variable.
///
/// The list of flags (`Flag.all`) is the only place that knows them: parsing, `-help` and the documentation read it.
struct Flag: Sendable {
    enum Group: String, CaseIterable {
        case listening = "Listening"
        case access = "Access"
        case origins = "Origins"
        case pictures = "Pictures"
        case cache = "Cache"
        case workers = "Workers"
        case other = "Other"
    }

    /// How a flag's text becomes configuration, and whether it may stand more than once.
    enum Kind {
        case boolean(@Sendable (inout Configuration, Bool) -> Void)
        case value(@Sendable (inout Configuration, String) throws(FlagError) -> Void)
        case repeatable(@Sendable (inout Configuration, String) throws(FlagError) -> Void)
    }

    let name: String
    let group: Group
    /// What the value is called in `-help`; empty for booleans.
    let valueName: String
    /// As `-help` prints it; empty = nothing to print.
    let defaultText: String
    let help: String
    /// The value is never shown, not even to say that it is wrong.
    var isSecret = false
    let kind: Kind

    /// The environment variable that means the same: `IMAGEPROXY_` and the name in capitals.
    var environmentName: String {
        "IMAGEPROXY_" + String(self.name.map { $0 == "-" ? "_" : Character($0.uppercased()) })
    }

    var isBoolean: Bool {
        if case .boolean = self.kind { true } else { false }
    }
}

/// Why a flag cannot take a value.
struct FlagError: Error {
    /// What would have been right.
    var expected = ""
    /// Set when the value is right and the machine is not: a file that cannot be read.
    var failure: String?

    init(expected: String) { self.expected = expected }

    init(failure: String) { self.failure = failure }
}

/// Why the program does not start: one line for the terminal.
public struct UsageError: Error, CustomStringConvertible {
    public let description: String
    /// 2 for a command line or environment that is wrong, 1 for a machine that is.
    public var exitStatus: Int32 = 2
}
