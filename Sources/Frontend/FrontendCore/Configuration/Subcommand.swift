// SPDX-License-Identifier: Apache-2.0

/// A word that may stand first on the command line and asks for something else than the service.
///
/// As `Flag.all` for flags, this list is what `-help`, the man page and the completions of shells are made of.
struct Subcommand: Sendable {
    let name: String
    /// What may follow it.
    let arguments: String
    let help: String

    static let all: [Subcommand] = [
        Subcommand(name: "check", arguments: "[flags]", help: "says what it would do, and ends"),
        Subcommand(
            name: "status", arguments: "[-adminAddr address] [-watch [seconds]] [-json]",
            help: "says how the fronts of this machine are doing"),
        Subcommand(
            name: "workers", arguments: "[-adminAddr address] [number]",
            help: "says how many workers there are, or changes it"),
        Subcommand(name: "sign", arguments: "[-key key|@file] [-url] URL", help: "signs a URL"),
        Subcommand(
            name: "help", arguments: "[--markdown | --man | --completion bash|zsh|fish]",
            help: "the flags, as text, as a page of the documentation, as a man page, for a shell"),
        Subcommand(name: "version", arguments: "", help: "prints the version"),
    ]

    /// The command as it is typed.
    var synopsis: String { "imageproxy " + self.name + (self.arguments.isEmpty ? "" : " " + self.arguments) }
}
