// SPDX-License-Identifier: Apache-2.0

/// Why somebody is told to come back, and when.
struct Busy: Equatable, Sendable {
    /// As metrics name them.
    enum Reason: String, CaseIterable, Sendable {
        /// As many jobs wait for a worker as may.
        case queue
        /// The wait for a worker would be too long.
        case wait
        /// No worker took the job in time.
        case worker
        /// Too many ask the same origin.
        case origin
        /// The same client asks too much at a time, behind a proxy.
        case client
        /// The same for its connections, which are closed without a word.
        case clientConnections = "client_connections"
        /// More connections than this service takes.
        case connections
        /// No memory, no descriptor.
        case resources
    }

    let reason: Reason
    let detail: String
    /// How long it will be until there is less to do, as far as that is known.
    var wait = Duration.zero

    /// No wait is so certain that it should keep somebody away for longer.
    private static let longest: Int64 = 60

    /// Whole seconds.
    var retryAfter: Int64 { min(max(1, Int64((self.wait.roundedUpMilliseconds + 999) / 1000)), Self.longest) }
}
