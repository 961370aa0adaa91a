// SPDX-License-Identifier: Apache-2.0

/// How long an answer may be reused without asking its origin, by the rules for a shared cache (RFC 9111), and what may
/// be done with it after that.
///
/// Times are whole seconds of the Unix clock.
public struct Freshness: Sendable, Equatable {
    /// When the answer was made, as seen by this cache: arrival less the age it arrived with.
    public var generatedAt: Int64
    /// Seconds from `generatedAt`.
    public var lifetime: Int64
    /// The answer may be kept at all.
    public var isStorable: Bool
    /// The answer may be given to others than the one who asked for it.
    public var isShareable: Bool
    /// Reuse always needs a question to the origin (`no-cache`).
    public var alwaysRevalidate: Bool
    /// Nothing stale may be served when the origin cannot be asked.
    public var mustRevalidate: Bool
    /// Seconds after the lifetime in which the answer may be served while it is asked about.
    public var staleWhileRevalidate: Int64
    /// Seconds after the lifetime in which the answer may be served instead of the origin's error.
    public var staleIfError: Int64
    /// The origin could not be asked: until then nobody tries again, and what is stale is served. Never stored.
    public var graceUntil: Int64 = 0

    /// Ten per cent of the time since the last change, at most a day: RFC 9111 section 4.2.2.
    private static let heuristicCeiling: Int64 = 86_400
    /// How long after its lifetime an answer stands in for an origin that cannot be reached, where nothing is said.
    static let longestDisconnected: Int64 = 86_400
    /// A clock that is further behind than this when an entry is read than it was when the entry was written is no
    /// clock to trust a lifetime to.
    static let longestJump: Int64 = 86_400

    /// Statuses that may be stored without explicit freshness: RFC 9110 section 15.1, less 206.
    private static let heuristicStatuses: Set<Int> = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]
    /// Statuses whose meaning for a cache is known here (`must-understand`, RFC 9111 section 5.2.2.3).
    private static let understoodStatuses: Set<Int> = heuristicStatuses.union([
        201, 202, 205, 302, 303, 307, 400, 401, 402, 403, 406, 407, 408, 409, 411, 412, 413, 415, 416, 417, 421, 422,
        426, 500, 502, 503, 504, 505,
    ])

    /// - Parameters:
    ///   - headers: the origin's.
    ///   - requestedAt, receivedAt: when the origin was asked, and when its answer was complete.
    ///   - isPersonal: the request carried the client's credentials.
    public init(
        status: Int, headers: HTTPFields, requestedAt: Int64, receivedAt: Int64, policy: CachePolicy = CachePolicy(),
        isPersonal: Bool = false
    ) {
        let control = CacheControl(headers)
        let date = headers["Date"].flatMap(HTTPDate.parse) ?? receivedAt

        // The larger of what the Age field and the way took, and what the clocks say; a Date in the future counts as
        // now (RFC 9111 section 4.2.3).
        let corrected = Self.age(headers) + max(0, receivedAt - requestedAt)
        self.generatedAt = receivedAt - min(max(receivedAt - date, corrected, 0), max(0, receivedAt))

        let sharedAge = control.seconds("s-maxage")
        let explicit = sharedAge ?? control.seconds("max-age") ?? Self.expiry(headers, date: date)
        let mayGuess = Self.heuristicStatuses.contains(status) || control.contains("public")
        let guessed = mayGuess ? Self.guess(status, headers, date: date, policy: policy) : nil
        self.lifetime = Self.bounded(explicit ?? guessed ?? 0, status, policy)

        self.isShareable = Self.mayBeShared(status, headers, control, isPersonal: isPersonal)
        self.isStorable = self.isShareable && (explicit != nil || mayGuess)
        self.alwaysRevalidate = control.contains("no-cache")
        let forbidsStale =
            self.alwaysRevalidate || control.contains("must-revalidate") || control.contains("proxy-revalidate")
        // s-maxage implies proxy-revalidate, but an origin that also allows a stale answer in so many words means it.
        self.mustRevalidate = forbidsStale || sharedAge != nil
        self.staleWhileRevalidate = forbidsStale ? 0 : control.seconds("stale-while-revalidate") ?? 0
        self.staleIfError = forbidsStale ? 0 : control.seconds("stale-if-error") ?? 0
    }

    /// For an answer that took no time to arrive.
    public init(status: Int, headers: HTTPFields, now: Int64, policy: CachePolicy = CachePolicy()) {
        self.init(status: status, headers: headers, requestedAt: now, receivedAt: now, policy: policy)
    }

    /// The first member of the first Age field; what is no number is ignored (RFC 9111 section 5.1).
    private static func age(_ headers: HTTPFields) -> Int64 {
        headers["Age"].flatMap { ListField.items(of: $0).first }.flatMap(DeltaSeconds.parse) ?? 0
    }

    /// An Expires that cannot be read means "already expired".
    private static func expiry(_ headers: HTTPFields, date: Int64) -> Int64? {
        headers["Expires"].map { text in HTTPDate.parse(text).map { max(0, $0 - date) } ?? 0 }
    }

    private static func guess(_ status: Int, _ headers: HTTPFields, date: Int64, policy: CachePolicy) -> Int64? {
        // An error that does not say how long it lasts is remembered briefly, however old what it is about may be.
        if status >= 400 { return policy.negativeLifetime }
        guard let modified = headers["Last-Modified"].flatMap(HTTPDate.parse) else {
            return policy.defaultLifetime > 0 ? policy.defaultLifetime : nil
        }
        return min(max(0, date - modified) / 10, Self.heuristicCeiling)
    }

    private static func bounded(_ lifetime: Int64, _ status: Int, _ policy: CachePolicy) -> Int64 {
        let lifetime = policy.maximumLifetime > 0 ? min(lifetime, policy.maximumLifetime) : lifetime
        return status >= 400 ? min(lifetime, policy.negativeLifetime) : lifetime
    }

    private static func mayBeShared(
        _ status: Int, _ headers: HTTPFields, _ control: CacheControl, isPersonal: Bool
    ) -> Bool {
        // A part of a picture is no picture, and 304 is an answer to a question only this cache asked.
        guard (200...599).contains(status), status != 206, status != 304 else { return false }
        let isUnderstood = Self.understoodStatuses.contains(status)
        if control.contains("must-understand") {
            guard isUnderstood else { return false }
        } else if control.contains("no-store") {
            return false
        }
        if control.contains("private") || VaryFields(headers) == .everything { return false }
        // RFC 9111 section 3.5.
        guard isPersonal else { return true }
        return ["public", "must-revalidate", "s-maxage"].contains { control.contains($0) }
    }
}
