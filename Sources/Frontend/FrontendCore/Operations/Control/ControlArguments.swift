// SPDX-License-Identifier: Apache-2.0

/// The words after `imageproxy status`, `imageproxy workers` and `imageproxy purge`.
struct ControlArguments {
    var addresses: [String] = []
    private var token: String?
    var wantsJSON = false
    var wantsHelp = false
    /// Seconds between two looks; nil = one look.
    var watchInterval: Double?
    /// What is no flag.
    var words: [String] = []

    init(
        _ arguments: [String], of command: Subcommand, environment: [(name: String, value: String)]
    ) throws(UsageError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard let (name, inline) = CommandLineReader.split(argument) else {
                self.words.append(argument)
                continue
            }
            guard ["h", "help"].contains(name) || command.options.contains(where: { $0.name == name }) else {
                let known = command.options.map { "-\($0.name), " }.joined()
                throw UsageError(description: "unknown flag -\(name); imageproxy \(command.name) takes \(known)-help")
            }
            switch name {
            case "adminAddr":
                guard let address = inline ?? rest.popFirst() else {
                    throw UsageError(description: "flag -adminAddr needs a value: -adminAddr host:port or unix:/path")
                }
                self.addresses.append(address)
            case "adminToken":
                guard let text = inline ?? rest.popFirst() else {
                    throw UsageError(description: "flag -adminToken needs a value: -adminToken secret or @file")
                }
                self.token = try Self.token(text)
            case "json": self.wantsJSON = true
            case "watch":
                var text = inline
                if text == nil, let next = rest.first, Double(next) != nil { text = rest.popFirst() }
                guard let seconds = Double(text ?? "2"), seconds >= 0.1, seconds <= 3600 else {
                    throw UsageError(description: "invalid value for -watch: expected seconds from 0.1 to 3600")
                }
                self.watchInterval = seconds
            default: self.wantsHelp = true
            }
        }
        if self.token == nil, let text = environment.first(where: { $0.name == "IMAGEPROXY_ADMINTOKEN" })?.value,
            !text.isEmpty
        {
            self.token = try Self.token(text)
        }
        if self.addresses.isEmpty, let named = environment.first(where: { $0.name == "IMAGEPROXY_ADMINADDR" })?.value {
            self.addresses = named.split(separator: " ").map(String.init)
        }
    }

    /// - Throws: when no front can be found.
    func clients() throws(UsageError) -> [AdminClient] {
        let addresses = AdminClient.addresses(named: self.addresses)
        guard !addresses.isEmpty else {
            throw UsageError(
                description: "no front found at \(AdminClient.standardPlaces): start one with -adminAddr, and name that"
                    + " address here in the same way", exitStatus: 1)
        }
        return addresses.map { AdminClient(address: $0, token: self.token) }
    }

    /// It becomes a line of a request, so it must be one.
    private static func token(_ text: String) throws(UsageError) -> String {
        let secret: [UInt8]
        do throws(FlagError) {
            secret = try Flag.secret(text)
        } catch {
            throw UsageError(
                description: "-adminToken: \(error.failure ?? "expected " + error.expected)", exitStatus: 1)
        }
        guard let token = String(validating: secret, as: UTF8.self), !token.utf8.contains(where: { $0 < 0x20 }) else {
            throw UsageError(description: "-adminToken: expected text without control characters")
        }
        return token
    }
}
