// SPDX-License-Identifier: Apache-2.0

/// The words after `imageproxy status` and `imageproxy workers`.
struct ControlArguments {
    var addresses: [String] = []
    var wantsJSON = false
    var wantsHelp = false
    /// Seconds between two looks; nil = one look.
    var watchInterval: Double?
    /// What is no flag.
    var words: [String] = []

    init(_ arguments: [String], environment: [(name: String, value: String)]) throws(UsageError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard let (name, inline) = CommandLineReader.split(argument) else {
                self.words.append(argument)
                continue
            }
            switch name {
            case "adminAddr":
                guard let address = inline ?? rest.popFirst() else {
                    throw UsageError(description: "flag -adminAddr needs a value: -adminAddr host:port or unix:/path")
                }
                self.addresses.append(address)
            case "json": self.wantsJSON = true
            case "watch":
                var text = inline
                if text == nil, let next = rest.first, Double(next) != nil { text = rest.popFirst() }
                guard let seconds = Double(text ?? "2"), seconds >= 0.1, seconds <= 3600 else {
                    throw UsageError(description: "invalid value for -watch: expected seconds from 0.1 to 3600")
                }
                self.watchInterval = seconds
            case "h", "help": self.wantsHelp = true
            default:
                throw UsageError(
                    description: "unknown flag -\(name); this command takes -adminAddr, -json, -watch and -help")
            }
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
        return addresses.map(AdminClient.init)
    }
}
