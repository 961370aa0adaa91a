// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// A file of settings: one on a line, its name and then its value, which may have spaces in it. Empty lines and those
/// that start with `#` say nothing.
enum SettingsFile {
    static func read(_ path: String) throws(UsageError) -> [Setting] {
        let content: [UInt8]
        do throws(FileError) {
            content = try FileContent.read(path)
        } catch {
            throw UsageError(description: "cannot read settings: \(error)", exitStatus: 1)
        }
        return try Self.settings(in: String(decoding: content, as: UTF8.self), path)
    }

    private static func settings(in text: String, _ path: String) throws(UsageError) -> [Setting] {
        var settings: [Setting] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let line = String(line).trimmed
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            let place = "line \(index + 1) of \(path)"
            let word = line.prefix { $0 != " " && $0 != "\t" && $0 != "=" }
            let name = String(word.drop { $0 == "-" })
            var value = String(line.dropFirst(word.count)).trimmed
            if value.hasPrefix("=") { value = String(value.dropFirst()).trimmed }
            guard let flag = Flag.all.first(where: { $0.name == name }), name != "config" else {
                let suggestion = CommandLineReader.suggestion(for: name)
                throw UsageError(description: "\(place): unknown setting \(Redaction.setting(name))\(suggestion)")
            }
            let isBare = flag.isBoolean && value.isEmpty
            settings.append(Setting(flag: flag, value: isBare ? nil : value, name: "\(name) (\(place))"))
        }
        return settings
    }
}
