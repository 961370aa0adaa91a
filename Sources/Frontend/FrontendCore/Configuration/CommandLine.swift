// SPDX-License-Identifier: Apache-2.0

internal import Telemetry
internal import WorkerProtocol

/// The command line, the environment and a file of settings, read as Go's `flag` package reads flags, and strictly.
///
/// What comes later wins: the file, then the environment, then the command line. What may stand several times adds up in
/// that order.
public enum CommandLineReader {
    public enum Outcome: Sendable {
        case run(Configuration)
        /// All was done that was asked for.
        case answered(String, exitStatus: Int32)
    }

    /// - Parameters:
    ///   - arguments: without the program's name.
    ///   - program: that name; as `imageproxy-sign` the program is the original's tool of that name.
    ///   - environment: all of it; only `IMAGEPROXY_*` is looked at, and an empty variable counts as unset.
    public static func read(
        _ arguments: [String], program: String = "imageproxy", environment: [(name: String, value: String)]
    ) throws(UsageError) -> Outcome {
        if program.split(separator: "/").last == "imageproxy-sign" { return try SignCommand.run(arguments) }
        let rest = Array(arguments.dropFirst())
        switch arguments.first {
        case "sign": return try SignCommand.run(rest)
        case "status": return try StatusCommand.run(rest, environment: environment)
        case "workers": return try WorkersCommand.run(rest, environment: environment)
        case "purge": return try PurgeCommand.run(rest, environment: environment)
        case "help": return .answered(try Self.help(rest), exitStatus: 0)
        case "version":
            guard rest.isEmpty else { throw UsageError(description: "unexpected argument \(quoted(rest[0]))") }
            return .answered("imageproxy \(Version.text)\n", exitStatus: 0)
        case "check":
            guard let configuration = try Self.configuration(rest, environment) else {
                return .answered(Self.helpText, exitStatus: 0)
            }
            return .answered(try ConfigurationReport.text(configuration), exitStatus: 0)
        default:
            guard let configuration = try Self.configuration(arguments, environment) else {
                return .answered(Self.helpText, exitStatus: 0)
            }
            return .run(configuration)
        }
    }

    /// - Returns: nil when help is wanted instead.
    private static func configuration(
        _ arguments: [String], _ environment: [(name: String, value: String)]
    ) throws(UsageError) -> Configuration? {
        guard let flags = try Self.settings(in: arguments) else { return nil }
        var settings = try Self.settings(in: environment) + flags
        if let file = settings.last(where: { $0.flag.name == "config" })?.value {
            settings = try SettingsFile.read(file) + settings
        }
        return try Self.configuration(of: settings)
    }

    /// What settings mean, in the order in which they count.
    static func configuration(of settings: [Setting]) throws(UsageError) -> Configuration {
        var configuration = Configuration()
        configuration.settings = settings
        for setting in settings { try setting.apply(to: &configuration) }
        if configuration.includeReferer,
            !configuration.passRequestHeaders.contains(where: { $0.equalsIgnoringCase("Referer") })
        {
            configuration.passRequestHeaders.append("Referer")
        }
        return configuration
    }

    /// - Returns: nil when help is wanted instead.
    private static func settings(in arguments: [String]) throws(UsageError) -> [Setting]? {
        var settings: [Setting] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard let (name, inlineValue) = Self.split(argument) else {
                let nearest = Self.nearest(to: argument, among: Subcommand.all.map(\.name))
                throw UsageError(
                    description: "unexpected argument \(quoted(Redaction.setting(argument)))"
                        + (nearest.map { "; did you mean imageproxy \($0)?" } ?? "; flags start with a dash"))
            }
            if name == "help" || name == "h" { return nil }
            guard let flag = Flag.all.first(where: { $0.name == name }) else {
                throw UsageError(
                    description: "unknown flag -\(name)" + Self.suggestion(for: "-" + name) + "; see imageproxy -help")
            }
            var value = inlineValue
            if flag.isBoolean {
                // The original's own README prints "-scaleUp true"; there it ended flag parsing without a word.
                if value == nil, let next = rest.first, Setting.boolean(next) != nil { value = rest.popFirst() }
            } else if value == nil {
                guard let next = rest.popFirst() else {
                    throw UsageError(description: "flag -\(name) needs a value: -\(name) \(flag.valueName)")
                }
                value = next
            }
            settings.append(Setting(flag: flag, value: value, name: "-" + name))
        }
        return settings
    }

    private static func settings(
        in environment: [(name: String, value: String)]
    ) throws(UsageError) -> [Setting] {
        var settings: [Setting] = []
        for (name, value) in environment where name.hasPrefix("IMAGEPROXY_") && !value.isEmpty {
            guard let flag = Flag.all.first(where: { $0.environmentName == name }) else {
                let nearest = Self.nearest(to: name, among: Flag.all.map(\.environmentName))
                let suggestion = nearest.map { "; did you mean \($0)?" } ?? ""
                throw UsageError(description: "unknown environment variable \(name)\(suggestion)")
            }
            settings.append(Setting(flag: flag, value: value, name: name))
        }
        return settings
    }

    /// `-name`, `--name`, `-name=value`; nil for what is no flag.
    static func split(_ argument: String) -> (name: String, value: String?)? {
        guard argument.hasPrefix("-") else { return nil }
        let body = argument.drop(while: { $0 == "-" })
        guard argument.count - body.count <= 2, !body.isEmpty, !body.hasPrefix("=") else { return nil }
        guard let equals = body.firstIndex(of: "=") else { return (String(body), nil) }
        return (String(body[..<equals]), String(body[body.index(after: equals)...]))
    }

    /// - Parameter name: with the dash, if that is how the flag was written.
    static func suggestion(for name: String) -> String {
        let dash = name.prefix { $0 == "-" }
        let nearest = Self.nearest(to: String(name.dropFirst(dash.count)), among: Flag.all.map(\.name))
        return nearest.map { "; did you mean \(dash)\($0)?" } ?? ""
    }

    /// The candidate with the smallest edit distance, if it is near enough to be meant.
    private static func nearest(to word: String, among candidates: [String]) -> String? {
        let ranked = candidates.map { (Self.distance($0.lowercased(), word.lowercased()), $0) }
        guard let best = ranked.min(by: { $0.0 < $1.0 }), best.0 <= max(2, word.count / 3) else { return nil }
        return best.1
    }

    /// Levenshtein's edit distance.
    private static func distance(_ first: String, _ second: String) -> Int {
        let target = Array(second)
        var row = Array(0...target.count)
        for (i, character) in first.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in target.enumerated() {
                let substituted = diagonal + (character == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[target.count]
    }
}

func quoted(_ text: String) -> String { "\"\(text)\"" }
