// SPDX-License-Identifier: Apache-2.0

extension CommandLineReader {
    static var helpText: String {
        var text = """
            imageproxy: answers /{options}/{remote_url} with the picture at that URL, transformed.

            Usage: imageproxy [flags]

            """
        for command in Subcommand.all { text += "       \(command.synopsis)\n           \(command.help)\n" }
        for group in Flag.Group.allCases {
            text += "\n\(group.rawValue)\n"
            for flag in Flag.all where flag.group == group {
                let head = "  -" + flag.name + (flag.valueName.isEmpty ? "" : " " + flag.valueName)
                let note = flag.defaultText.isEmpty ? "" : " (default \(flag.defaultText))"
                text += head + "\n        " + flag.help + note + " [\(flag.environmentName)]\n"
            }
        }
        return text + "\nEvery flag takes one dash or two, and -flag value or -flag=value.\n"
    }

    /// What `imageproxy help` and these arguments print.
    static func help(_ arguments: [String]) throws(UsageError) -> String {
        switch arguments.first.map({ Self.split($0)?.name ?? "" }) {
        case nil: return Self.helpText
        case "markdown" where arguments.count == 1: return Self.markdown
        case "man" where arguments.count == 1: return Self.manPage
        case "completion" where arguments.count == 2:
            if let shell = ShellCompletion(rawValue: arguments[1]) { return shell.script }
            fallthrough
        default:
            throw UsageError(description: "no such help; expected: \(Subcommand.help.synopsis)")
        }
    }

    /// `docs/configuration.md`, written by `scripts/update-docs`.
    static var markdown: String {
        var text = """
            # Configuration

            <!-- Written by scripts/update-docs from the program's own list of flags: change that, not this. -->

            Each setting is a flag, an environment variable, and a line of the file that `-config` names. What comes later
            wins: the file, then the environment, then the command line. Settings that may stand several times (`-cache`,
            `-signatureKey`) add up in that order.

            | where | how |
            |---|---|
            | command line | `-addr :8080`, `-addr=:8080`, `--addr :8080`; a boolean's name alone means true |
            | environment | `IMAGEPROXY_` and the name in capitals: `IMAGEPROXY_ADDR=:8080`; an empty variable counts as unset |
            | file | `addr :8080`, one setting on a line; lines that start with `#` are comments, and nothing is quoted |

            A name or value that is not understood ends the program with one line that says what is wrong, status 2; what the
            machine lacks (a file, an address to listen on) with status 1. `imageproxy check` and the same flags tries a
            configuration and says in plain words what it means.

            Every user of the machine can read a running program's command line. Keys and passwords belong into a file that
            only the service can read: `-signatureKey @/etc/imageproxy/key`, `-cacheSecret @/etc/imageproxy/secret`, a `cache
            redis://:password@host` line in the file that `-config` names; or into the environment (`REDIS_PASSWORD`).

            Lists are separated by commas; spaces around their items do not count. Durations are written as `300ms`, `5s`,
            `1h30m`. Hosts on lists are names, `*.example.com` (that name and all below it), addresses, and blocks such as
            `10.0.0.0/8`; neither case nor a dot at the end matters, and every spelling of an address counts.

            """
        text += "\n## Commands\n\nInstead of the service:\n\n| command | flags | meaning |\n|---|---|---|\n"
        for command in Subcommand.all {
            let head = "imageproxy \(command.name)" + (command.words.isEmpty ? "" : " \(command.words)")
            let options = command.options.map { "`-\($0.head)`: \($0.help)".replacing("|", with: "\\|") }
            text += "| `\(head)` | \(options.joined(separator: "<br>")) | \(command.help) |\n"
        }
        for group in Flag.Group.allCases {
            text += "\n## \(group.rawValue)\n\n| flag | default | meaning |\n|---|---|---|\n"
            for flag in Flag.all where flag.group == group {
                let value = flag.valueName.isEmpty ? "" : " \(flag.valueName)"
                let head = "`-\(flag.name)\(value)`".replacing("|", with: "\\|")
                let standard = flag.defaultText.isEmpty ? "" : "`\(flag.defaultText)`"
                text += "| \(head) | \(standard) | \(flag.help) |\n"
            }
        }
        return text
    }
}

extension String {
    fileprivate func replacing(_ character: Character, with text: String) -> String {
        self.reduce(into: "") { $0 += $1 == character ? text : String($1) }
    }
}
