// SPDX-License-Identifier: Apache-2.0

/// Limits on what a server may cost us.
struct RedisSettings: Sendable {
    /// The time for everything that a request waits for.
    var loadLimit = Duration.milliseconds(50)
    /// The time for storing, which no request waits for.
    var storeLimit = Duration.milliseconds(500)
    /// The time from dialling to the first command.
    var connectLimit = Duration.seconds(1)
    /// Larger entries are neither stored nor loaded.
    var maximumEntryBytes = 8 << 20
    /// Bytes on their way to one server; what would go beyond is dropped.
    var maximumQueuedBytes = 32 << 20
    /// Commands without an answer, of one connection.
    var maximumQueuedCommands = 4096
    /// To one server. Two, so that a picture being stored does not hold up those being loaded.
    var connections = 2
    /// Gets a line for every change of state.
    var log: @Sendable (String) -> Void = { Log.line($0) }
}
