// SPDX-License-Identifier: Apache-2.0

/// What a client says about how its request may be answered from a cache (RFC 9111 section 5.2.1).
///
/// A picture's readers cannot be allowed to decide how often its origin is asked, so this counts only where the operator
/// passes the client's Cache-Control on, as with the original program.
struct RequestDirectives: Sendable, Equatable {
    var noCache = false
    var noStore = false
    var onlyIfCached = false
    var maxAge: Int64?
    /// Seconds; nil = nothing stale is wanted.
    var maxStale: Int64?
    var minFresh: Int64 = 0

    static let none = RequestDirectives()

    init() {}

    init(_ headers: HTTPFields) {
        let control = CacheControl(headers)
        let pragma = headers.values(named: "Pragma").flatMap(ListField.items).map { $0.lowercased() }
        self.noCache = control.contains("no-cache") || headers["Cache-Control"] == nil && pragma.contains("no-cache")
        self.noStore = control.contains("no-store")
        self.onlyIfCached = control.contains("only-if-cached")
        self.maxAge = control.seconds("max-age")
        self.minFresh = control.seconds("min-fresh") ?? 0
        if control.contains("max-stale") {
            // Without a number any age will do.
            let seconds = control.seconds("max-stale") ?? 0
            self.maxStale = seconds > 0 ? seconds : control.isBare("max-stale") ? DeltaSeconds.longest : 0
        }
    }
}
