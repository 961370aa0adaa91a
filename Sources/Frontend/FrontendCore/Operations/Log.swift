// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization
internal import Telemetry

/// The log: one line each on standard error, in the original's form, `2026/11/23 18:22:48 message`.
///
/// Lines are written with one `write`, so that lines of several processes never mix.
public enum Log {
    private static let verbose = Atomic<Bool>(false)

    /// Whether `detail` prints; set once at start.
    public static func setVerbose(_ isVerbose: Bool) { Self.verbose.store(isVerbose, ordering: .relaxed) }

    public static func line(_ message: String) {
        var text = Self.timestamp() + " " + Redaction.line(message) + "\n"
        text.withUTF8 { bytes in
            // A log that cannot be written has nobody left to tell.
            _ = write(STDERR_FILENO, bytes.baseAddress, bytes.count)
        }
    }

    /// A line that only `-verbose` prints; the text is not built otherwise.
    public static func detail(_ message: @autoclosure () -> String) {
        if Self.verbose.load(ordering: .relaxed) { Self.line(message()) }
    }

    private static func timestamp() -> String {
        var now = time(nil)
        var parts = tm()
        localtime_r(&now, &parts)
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let day = "\(1900 + parts.tm_year)/\(two(parts.tm_mon + 1))/\(two(parts.tm_mday))"
        return day + " \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
    }
}
