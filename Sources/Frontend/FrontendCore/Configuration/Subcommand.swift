// SPDX-License-Identifier: Apache-2.0

/// A word that may stand first on the command line and asks for something else than the service.
///
/// As `Flag.all` for flags, this list is what help, the documentation, the man page and the completions of shells are
/// made of.
struct Subcommand: Sendable {
    /// A flag of a subcommand.
    struct Option: Sendable {
        let name: String
        /// As it is typed; in brackets when it may be left out, empty when there is none.
        var valueName = ""
        let help: String
    }

    let name: String
    let help: String
    var options: [Option] = []
    /// What may follow beside flags.
    var words = ""
    /// What else its own help says, ready to print.
    var notes = ""
    /// Whether it takes all flags of the service.
    var takesFlagsOfService = false

    static let all: [Subcommand] = [.check, .status, .workers, .purge, .sign, .help, .version]

    static let check = Subcommand(
        name: "check", help: "says what it would do, and ends", words: "[flags]", takesFlagsOfService: true)
    static let status = Subcommand(
        name: "status", help: "says how the fronts of this machine are doing",
        options: [
            Self.address,
            Option(
                name: "watch", valueName: "[seconds]",
                help: "look again and again, every 2 seconds; Ctrl-C ends it"),
            Option(name: "json", help: "what the fronts say, as a JSON array, an element each"),
        ], notes: "The status is 0 when every front is ready, 1 when one is not or cannot be asked.\n")
    static let workers = Subcommand(
        name: "workers", help: "says how many workers there are, or changes it", options: [Self.address, Self.token],
        words: "[number]",
        notes: """
            Without a number: the workers of this machine. With one: starts or stops as many as it takes. Where they are
            units of systemd (imageproxy-worker@1 and so on) it is these, else the front that starts its own workers is
            told, until it is restarted. Workers that are stopped finish their picture first.

            """)
    static let purge = Subcommand(
        name: "purge", help: "forgets pictures, and all that was made from them, in all caches and fronts",
        options: [Self.address, Self.token], words: "URL…",
        notes: """
            Each URL is that of an original; what was made from it is forgotten as well. Fronts that share a Redis tell
            each other. Without -adminAddr all fronts of this machine are told whose sockets are in the usual place.

            """)
    static let sign = Subcommand(
        name: "sign", help: "signs a URL",
        options: [
            Option(name: "key", valueName: "key|@file", help: "the key (default @/etc/imageproxy.key)"),
            Option(name: "url", help: "sign the URL alone, for any options"),
        ], words: "URL")
    static let help = Subcommand(
        name: "help", help: "the flags, as text, as a page of the documentation, as a man page, for a shell",
        options: [
            Option(name: "markdown", help: "a page of the documentation"), Option(name: "man", help: "a man page"),
            Option(name: "completion", valueName: "bash|zsh|fish", help: "a completion of that shell"),
        ])
    static let version = Subcommand(name: "version", help: "prints the version")

    private static let address = Option(
        name: "adminAddr", valueName: "address",
        help: "of a front, as it was given to it; may stand several times (default \(AdminClient.standardPlaces))")
    private static let token = Option(
        name: "adminToken", valueName: "secret|@file", help: "as it was given to the front; for a change that needs it")

    /// What may follow it.
    var arguments: String {
        let options = self.options.map { "[-\($0.head)]" }
        return (options + (self.words.isEmpty ? [] : [self.words])).joined(separator: " ")
    }

    /// The command as it is typed.
    var synopsis: String { "imageproxy " + self.name + (self.arguments.isEmpty ? "" : " " + self.arguments) }

    /// Its own help.
    var usage: String {
        let options = self.options.map { "  -\($0.head)\n        \($0.help)\n" }.joined()
        return "Usage: \(self.synopsis)\n" + (options.isEmpty ? "" : "\n" + options)
            + (self.notes.isEmpty ? "" : "\n" + self.notes)
    }
}

extension Subcommand.Option {
    /// The flag as it is typed, without its dash.
    var head: String { self.name + (self.valueName.isEmpty ? "" : " " + self.valueName) }
}
