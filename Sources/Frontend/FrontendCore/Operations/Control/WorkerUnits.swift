// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Workers that systemd runs, as `imageproxy-worker@1.service` and so on.
enum WorkerUnits {
    /// Numbers of the instances that run or are about to; nil when this machine has no such units.
    static func running() -> [Int]? {
        // Made by systemd when it is what has booted the machine (sd_booted(3)).
        guard access("/run/systemd/system", F_OK) == 0,
            let known = Self.output(
                "systemctl list-unit-files --no-legend --plain 'imageproxy-worker@.service' 2>/dev/null"),
            !known.isEmpty,
            let list = Self.output(
                "systemctl list-units --no-legend --plain --state=active,activating,reloading"
                    + " 'imageproxy-worker@*.service' 2>/dev/null")
        else { return nil }
        return list.split(separator: "\n").compactMap(Self.number).sorted()
    }

    private static func number(_ line: Substring) -> Int? {
        guard let at = line.firstIndex(of: "@") else { return nil }
        return Int(line[line.index(after: at)...].prefix { $0.isNumber })
    }

    /// Starts or stops units until there are so many; those with the highest numbers go first.
    ///
    /// - Returns: the command that failed, if one has.
    static func set(_ wanted: Int, running: [Int]) -> String? {
        if running.count > wanted {
            let surplus = running.suffix(running.count - wanted)
            // In one command, so that systemd stops them at the same time: each finishes its picture.
            return Self.run("systemctl stop " + Self.names(surplus))
        }
        let free = (1...).lazy.filter { !running.contains($0) }
        let missing = Array(free.prefix(wanted - running.count))
        return missing.isEmpty ? nil : Self.run("systemctl start " + Self.names(missing))
    }

    private static func names(_ numbers: some Sequence<Int>) -> String {
        numbers.map { "imageproxy-worker@\($0).service" }.joined(separator: " ")
    }

    private static func run(_ command: String) -> String? { system(command) == 0 ? nil : command }

    private static func output(_ command: String) -> String? {
        guard let stream = popen(command, "re") else { return nil }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = fread(&part, 1, part.count, stream)
            guard count > 0 else { break }
            bytes += part[..<count]
        }
        return pclose(stream) == 0 ? String(decoding: bytes, as: UTF8.self) : nil
    }
}
