// SPDX-License-Identifier: Apache-2.0

/// Scripts by which shells complete the command line, made of the lists of flags and subcommands.
enum ShellCompletion: String, CaseIterable {
    case bash, zsh, fish

    var script: String {
        switch self {
        case .bash: Self.bashScript
        case .zsh: Self.zshScript
        case .fish: Self.fishScript
        }
    }

    /// What may follow a flag, as far as a shell can know it.
    private enum Value {
        case none, unknown, file
        case choice([String])
    }

    private static func value(of flag: Flag) -> Value {
        if flag.isBoolean { return .none }
        let words = flag.valueName.split(separator: "|").map { String($0) }
        if words.contains(where: { ["file", "@file", "path"].contains($0) }) { return .file }
        return words.count > 1 ? .choice(words) : .unknown
    }

    private static var bashScript: String {
        let flags = Flag.all.map { "-" + $0.name }.joined(separator: " ")
        let commands = Subcommand.all.map(\.name).joined(separator: " ")
        var files: [String] = []
        var unknown: [String] = []
        var cases = ""
        for flag in Flag.all {
            switch Self.value(of: flag) {
            case .none: break
            case .unknown: unknown.append("-" + flag.name)
            case .file: files.append("-" + flag.name)
            case .choice(let words):
                cases +=
                    "        -\(flag.name)) COMPREPLY=($(compgen -W '\(words.joined(separator: " "))' -- \"$word\")) ;;\n"
            }
        }
        return """
            # bash completion for imageproxy: made by "imageproxy help --completion bash"
            _imageproxy() {
                local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
                COMPREPLY=()
                # Two dashes mean the same as one.
                case ${previous/#--/-} in
            \(cases)        \(files.joined(separator: " | "))) COMPREPLY=($(compgen -f -- "$word")) ;;
                    \(unknown.joined(separator: " | "))) ;;
                    *)
                        if [[ $word == -* ]]; then
                            COMPREPLY=($(compgen -W '\(flags)' -- "${word/#--/-}"))
                        elif [[ $COMP_CWORD == 1 ]]; then
                            COMPREPLY=($(compgen -W '\(commands)' -- "$word"))
                        fi
                        ;;
                esac
            }
            complete -o filenames -F _imageproxy imageproxy

            """
    }

    private static var zshScript: String {
        var lines = [
            "#compdef imageproxy", "# made by \"imageproxy help --completion zsh\"", "_arguments \\",
            "    '1:: :(("
                + Subcommand.all.map { "\($0.name)\\:\(Self.inDoubleQuotes($0.help))" }.joined(separator: " ")
                + "))' \\",
        ]
        for flag in Flag.all {
            // A colon, a bracket and a quote would end the description.
            let help = flag.help.reduce(into: "") { text, character in
                switch character {
                case "[", "]", ":", "\\": text += "\\\(character)"
                case "'": text += "'\\''"
                default: text.append(character)
                }
            }
            let action: String
            switch Self.value(of: flag) {
            case .none: action = ""
            case .unknown: action = ": :"
            case .file: action = ": :_files"
            case .choice(let words): action = ": :(\(words.joined(separator: " ")))"
            }
            lines.append("    '*-\(flag.name)[\(help)]\(action)' \\")
        }
        return lines.joined(separator: "\n").dropLast(2) + "\n"
    }

    private static func inDoubleQuotes(_ text: String) -> String {
        "\"" + text.reduce(into: "") { $0 += $1 == "'" ? "'\\''" : String($1) } + "\""
    }

    private static var fishScript: String {
        func quote(_ text: String) -> String {
            "'" + text.reduce(into: "") { $0 += $1 == "'" || $1 == "\\" ? "\\\($1)" : String($1) } + "'"
        }
        var lines = ["# fish completion for imageproxy: made by \"imageproxy help --completion fish\""]
        lines.append("complete -c imageproxy -f")
        for command in Subcommand.all {
            lines.append(
                "complete -c imageproxy -n __fish_is_first_arg -a \(command.name) -d \(quote(command.help))")
        }
        for flag in Flag.all {
            let action: String
            switch Self.value(of: flag) {
            case .none: action = ""
            case .unknown: action = " -x"
            case .file: action = " -r -F"
            case .choice(let words): action = " -x -a \(quote(words.joined(separator: " ")))"
            }
            lines.append("complete -c imageproxy -o \(flag.name)\(action) -d \(quote(flag.help))")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
