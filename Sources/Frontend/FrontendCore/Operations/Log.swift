// SPDX-License-Identifier: Apache-2.0

import Glibc
// Whichever of these two a compiler process loads first owns the members of `timespec`.
import SwiftOverlayShims
import Synchronization
internal import Telemetry

/// The log: one line each on standard error, in the original's form, `2026/11/23 18:22:48 message`, or as JSON,
/// `{"time":"2026-11-23T18:22:48Z","message":"…"}`.
///
/// Lines are written with one `write`, so that lines of several processes never mix.
public enum Log {
    private static let verbose = Atomic<Bool>(false)
    private static let json = Atomic<Bool>(false)
    private static let namesRequests = Atomic<Bool>(false)

    /// Whether `detail` prints; set once at start.
    public static func setVerbose(_ isVerbose: Bool) { Self.verbose.store(isVerbose, ordering: .relaxed) }

    /// Set at start, and when settings are read anew.
    ///
    /// - Parameter namesRequests: whether lines of text end with the id of their request. Without an access log there is
    ///   nothing to find by it, and lines stay what programs that read the original's expect.
    public static func setFormat(_ format: LogFormat, namesRequests: Bool) {
        Self.json.store(format == .json, ordering: .relaxed)
        Self.namesRequests.store(namesRequests, ordering: .relaxed)
    }

    static var isJSON: Bool { Self.json.load(ordering: .relaxed) }

    public static func line(_ message: String) { Self.line(message, for: nil) }

    /// - Parameter trace: the request that it is about.
    static func line(_ message: String, for trace: RequestTrace?) {
        guard Self.isJSON else {
            let name = Self.namesRequests.load(ordering: .relaxed) ? trace.map { " request=\($0.id)" } : nil
            return Self.put(Redaction.line(message) + (name ?? ""))
        }
        var members = [("message", JSON.string(Redaction.line(message)))]
        if let trace { members.append(("request", .string(trace.id))) }
        Self.put(members)
    }

    /// A line of printable text.
    static func put(_ text: String) { Self.write(Self.stamped(text, at: Self.now())) }

    /// The same as an object; the time is put first.
    static func put(_ members: [(String, JSON)]) { Self.write(Self.stamped(members, at: Self.now())) }

    static func stamped(_ text: String, at time: Instant) -> String { Self.timestamp(time) + " " + text + "\n" }

    static func stamped(_ members: [(String, JSON)], at time: Instant) -> String {
        JSON.object([("time", .string(Self.isoTimestamp(time)))] + members).text + "\n"
    }

    /// A point of the Unix clock.
    struct Instant: Sendable {
        let seconds: Int
        /// Of that second.
        let milliseconds: Int
    }

    static func now() -> Instant {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Instant(seconds: now.tv_sec, milliseconds: now.tv_nsec / 1_000_000)
    }

    private static func write(_ line: String) {
        var line = line
        line.withUTF8 { bytes in
            // A log that cannot be written has nobody left to tell.
            _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
        }
    }

    /// A line that only `-verbose` prints; the text is not built otherwise.
    public static func detail(_ message: @autoclosure () -> String) {
        if Self.verbose.load(ordering: .relaxed) { Self.line(message()) }
    }

    private static func isoTimestamp(_ time: Instant) -> String {
        var now = time.seconds
        var parts = tm()
        gmtime_r(&now, &parts)
        let milliseconds = Int32(time.milliseconds)
        let fraction = milliseconds < 100 ? "0" + Self.two(milliseconds) : "\(milliseconds)"
        return "\(1900 + parts.tm_year)-\(Self.two(parts.tm_mon + 1))-\(Self.two(parts.tm_mday))T"
            + "\(Self.two(parts.tm_hour)):\(Self.two(parts.tm_min)):\(Self.two(parts.tm_sec)).\(fraction)Z"
    }

    private static func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }

    private static func timestamp(_ time: Instant) -> String {
        var now = time.seconds
        var parts = tm()
        localtime_r(&now, &parts)
        let day = "\(1900 + parts.tm_year)/\(Self.two(parts.tm_mon + 1))/\(Self.two(parts.tm_mday))"
        return day + " \(Self.two(parts.tm_hour)):\(Self.two(parts.tm_min)):\(Self.two(parts.tm_sec))"
    }
}
