// SPDX-License-Identifier: Apache-2.0

internal import WorkerProtocol

extension CommandLineReader {
    /// The man page in roff, for section 1.
    static var manPage: String {
        var lines = [
            ".TH IMAGEPROXY 1 \"\" \"imageproxy \(Version.text)\" \"User Commands\"",
            ".SH NAME", "imageproxy \\- resize, crop and convert pictures from the web, on request",
            ".SH SYNOPSIS", ".B imageproxy", "[\\fIflags\\fR]",
        ]
        for command in Subcommand.all {
            let arguments = command.arguments.isEmpty ? "" : " " + Self.roff(command.arguments)
            lines += [".br", "\\fBimageproxy \(command.name)\\fR\(arguments)"]
        }
        lines += [".br", "\\fBimageproxy\\-sign\\fR [\\-key key|@file] [\\-url] URL"]
        lines += [
            ".SH DESCRIPTION",
            "Answers HTTP requests for \\fI/{options}/{remote_url}\\fR with the picture at that URL, resized, cropped, "
                + "turned and re\\-encoded. Every picture is decoded in a sandboxed process of its own, see",
            ".BR imageproxy\\-worker (8).", ".PP",
            "Every flag takes one dash or two, and \\fB\\-flag value\\fR or \\fB\\-flag=value\\fR. Each is also an "
                + "environment variable, named with it below, and a line of the file that \\fB\\-config\\fR names. What "
                + "comes later wins: the file, then the environment, then the command line.",
            ".SH COMMANDS",
        ]
        for command in Subcommand.all {
            lines += [".TP", "\\fB\(command.name)\\fR \(Self.roff(command.words))", Self.roff(command.help)]
            if !command.notes.isEmpty {
                lines += [".IP", Self.roff(command.notes.split(separator: "\n").joined(separator: " "))]
            }
            guard !command.options.isEmpty else { continue }
            lines.append(".RS")
            for option in command.options {
                let value = option.valueName.isEmpty ? "" : " \\fI\(Self.roff(option.valueName))\\fR"
                lines += [".TP", "\\fB\\-\(option.name)\\fR\(value)", Self.roff(option.help)]
            }
            lines.append(".RE")
        }
        lines += [".SH OPTIONS"]
        for group in Flag.Group.allCases {
            lines.append(".SS \(group.rawValue)")
            for flag in Flag.all where flag.group == group {
                let value = flag.valueName.isEmpty ? "" : " \\fI\(Self.roff(flag.valueName))\\fR"
                let standard = flag.defaultText.isEmpty ? "" : " (default \(flag.defaultText))"
                lines += [
                    ".TP", "\\fB\\-\(Self.roff(flag.name))\\fR\(value)", Self.roff(flag.help + standard), ".br",
                    Self.roff(flag.environmentName),
                ]
            }
        }
        lines += [
            ".SH SIGNALS",
            "SIGTERM and SIGINT: what was accepted is finished, then the program ends. A second one ends it at once.",
            ".SH EXIT STATUS",
            "0 after a signal to end; 1 for what the machine lacks, a file or an address; 2 for a mistake on the command "
                + "line, in the environment or in the settings.",
            ".SH FILES",
            ".TP", ".I /etc/imageproxy/imageproxy.conf",
            "Settings of the units for systemd: one on a line, its name without the dash, then its value.",
            ".TP", ".I /etc/imageproxy/environment", "Environment variables of the same units, if it exists.",
            ".SH SEE ALSO", ".BR imageproxy\\-worker (8),", ".BR systemctl (1)",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    /// Plain text as roff means it: no backslash, hyphen or leading dot has a meaning of its own.
    private static func roff(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "\\": escaped += "\\e"
            case "-": escaped += "\\-"
            case "…": escaped += "..."
            default: escaped.append(character)
            }
        }
        return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" + escaped : escaped
    }
}
