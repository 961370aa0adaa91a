// SPDX-License-Identifier: Apache-2.0

/// Who we are to a server. It has no description, so that it cannot get into a log by being printed.
struct RedisLogin: Sendable, CustomStringConvertible, CustomReflectable {
    /// Nil = the server's default user.
    var user: String?
    /// Nil = no AUTH.
    var password: String?
    var database = 0

    var description: String { "RedisLogin" }
    var customMirror: Mirror { Mirror(self, children: []) }
}
