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

    /// A flag as a shell sees it.
    private struct Completed {
        /// What may follow, as far as a shell can know it.
        enum Value {
            case none, unknown, file
            case choice([String])
        }

        let name: String
        let help: String
        let value: Value

        init(name: String, valueName: String, help: String) {
            self.name = name
            self.help = help
            let words = valueName.split(separator: "|").map { String($0) }
            self.value =
                if words.isEmpty || valueName.hasPrefix("[") {
                    .none
                } else if words.contains(where: {
                    ["file", "@file", "path"].contains($0)
                }) { .file } else if words.count > 1 { .choice(words) } else { .unknown }
        }

        /// Those of the service.
        static let ofService = Flag.all.map {
            Completed(name: $0.name, valueName: $0.isBoolean ? "" : $0.valueName, help: $0.help)
        }

        static func of(_ command: Subcommand) -> [Completed] {
            command.takesFlagsOfService
                ? Self.ofService
                : command.options.map { Completed(name: $0.name, valueName: $0.valueName, help: $0.help) }
        }
    }

    private static var bashScript: String {
        func words(_ flags: [Completed]) -> String { flags.map { "-" + $0.name }.joined(separator: " ") }
        // A flag of several commands means the same in each.
        var seen: Set<String> = []
        let all = (Completed.ofService + Subcommand.all.flatMap { Completed.of($0) }).filter {
            seen.insert($0.name).inserted
        }
        var files: [String] = []
        var unknown: [String] = []
        var cases = ""
        for flag in all {
            switch flag.value {
            case .none: break
            case .unknown: unknown.append("-" + flag.name)
            case .file: files.append("-" + flag.name)
            case .choice(let words):
                cases +=
                    "        -\(flag.name)) COMPREPLY=($(compgen -W '\(words.joined(separator: " "))' -- \"$word\")) ;;\n"
            }
        }
        let commands = Subcommand.all.filter { !$0.takesFlagsOfService }.map {
            "        \($0.name)) flags='\(words(Completed.of($0)))' ;;\n"
        }.joined()
        return """
            # bash completion for imageproxy: made by "imageproxy help --completion bash"
            _imageproxy() {
                local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command= flags
                COMPREPLY=()
                [[ $COMP_CWORD == 1 ]] || command=${COMP_WORDS[1]}
                [[ ${COMP_WORDS[0]##*/} != imageproxy-sign ]] || command=sign
                case $command in
            \(commands)        *) flags='\(words(Completed.ofService))' ;;
                esac
                # Two dashes mean the same as one.
                case ${previous/#--/-} in
            \(cases)        \(files.joined(separator: " | "))) COMPREPLY=($(compgen -f -- "$word")) ;;
                    \(unknown.joined(separator: " | "))) ;;
                    *)
                        if [[ $word == -* ]]; then
                            COMPREPLY=($(compgen -W "$flags" -- "${word/#--/-}"))
                        elif [[ -z $command ]]; then
                            COMPREPLY=($(compgen -W '\(Subcommand.all.map(\.name).joined(separator: " "))' -- "$word"))
                        fi
                        ;;
                esac
            }
            complete -o filenames -F _imageproxy imageproxy imageproxy-sign

            """
    }

    private static var zshScript: String {
        func arguments(_ first: String, _ flags: [Completed]) -> String {
            (["'\(first)'"] + flags.map(Self.zshSpecification)).joined(separator: " \\\n            ")
        }
        let names = Subcommand.all.map { "\($0.name)\\:\(Self.inDoubleQuotes($0.help))" }.joined(separator: " ")
        let commands = Subcommand.all.filter { !$0.takesFlagsOfService }.map {
            "    \($0.name)) _arguments \(arguments("*: :", Completed.of($0))) ;;\n"
        }.joined()
        return """
            #compdef imageproxy imageproxy-sign
            # made by "imageproxy help --completion zsh"
            local command=
            (( CURRENT == 2 )) || command=$words[2]
            [[ $service != imageproxy-sign ]] || command=sign
            case $command in
            \(commands)    *) _arguments \(arguments("1:: :((\(names)))", Completed.ofService)) ;;
            esac

            """
    }

    private static func zshSpecification(_ flag: Completed) -> String {
        // A colon, a bracket and a quote would end the description.
        let help = flag.help.reduce(into: "") { text, character in
            switch character {
            case "[", "]", ":", "\\": text += "\\\(character)"
            case "'": text += "'\\''"
            default: text.append(character)
            }
        }
        let action =
            switch flag.value {
            case .none: ""
            case .unknown: ": :"
            case .file: ": :_files"
            case .choice(let words): ": :(\(words.joined(separator: " ")))"
            }
        return "'*-\(flag.name)[\(help)]\(action)'"
    }

    private static func inDoubleQuotes(_ text: String) -> String {
        "\"" + text.reduce(into: "") { $0 += $1 == "'" ? "'\\''" : String($1) } + "\""
    }

    private static var fishScript: String {
        func quote(_ text: String) -> String {
            "'" + text.reduce(into: "") { $0 += $1 == "'" || $1 == "\\" ? "\\\($1)" : String($1) } + "'"
        }
        func line(_ program: String, _ condition: String, _ flag: Completed) -> String {
            let action =
                switch flag.value {
                case .none: ""
                case .unknown: " -x"
                case .file: " -r -F"
                case .choice(let words): " -x -a \(quote(words.joined(separator: " ")))"
                }
            return "complete -c \(program)\(condition) -o \(flag.name)\(action) -d \(quote(flag.help))"
        }
        var lines = [
            "# fish completion for imageproxy: made by \"imageproxy help --completion fish\"",
            "complete -c imageproxy -f", "complete -c imageproxy-sign -f",
        ]
        for command in Subcommand.all {
            lines.append(
                "complete -c imageproxy -n __fish_is_first_arg -a \(command.name) -d \(quote(command.help))")
        }
        let others = Subcommand.all.filter { !$0.takesFlagsOfService }
        let names = others.map(\.name).joined(separator: " ")
        for flag in Completed.ofService {
            lines.append(line("imageproxy", " -n 'not __fish_seen_subcommand_from \(names)'", flag))
        }
        for command in others {
            for flag in Completed.of(command) {
                lines.append(line("imageproxy", " -n '__fish_seen_subcommand_from \(command.name)'", flag))
            }
        }
        for flag in Completed.of(.sign) { lines.append(line("imageproxy-sign", "", flag)) }
        return lines.joined(separator: "\n") + "\n"
    }
}
