// SPDX-License-Identifier: Apache-2.0

extension Freshness {
    /// What may be done with a stored answer.
    enum Reuse: Equatable {
        case fresh
        /// Served, and asked about meanwhile.
        case staleWhileRevalidate
        /// The origin has to be asked first.
        case stale
    }

    /// Why the origin's answer cannot be had.
    enum OriginFailure {
        /// No answer came.
        case unreachable
        /// Status 500, 502, 503 or 504.
        case serverError
    }

    public func isFresh(at now: Int64) -> Bool {
        self.isStorable && !self.alwaysRevalidate && self.age(at: now) < self.lifetime
    }

    /// - Parameter wishes: the client's, where they count.
    func reuse(at now: Int64, _ wishes: RequestDirectives = .none) -> Reuse {
        guard self.isStorable, !wishes.noCache, !self.alwaysRevalidate else { return .stale }
        let age = self.age(at: now)
        if let maximum = wishes.maxAge, age > maximum { return .stale }
        let staleness = age - self.lifetime
        if staleness < 0 { return staleness + wishes.minFresh < 0 ? .fresh : .stale }
        if let maxStale = wishes.maxStale, !self.mustRevalidate, staleness <= maxStale { return .fresh }
        if now < self.graceUntil, wishes.minFresh == 0 { return .fresh }
        return staleness < self.staleWhileRevalidate ? .staleWhileRevalidate : .stale
    }

    /// Whether a stored answer may stand in for one that cannot be had (RFC 9111 section 4.2.4, RFC 5861 section 4).
    func mayServeStale(at now: Int64, because failure: OriginFailure) -> Bool {
        guard !self.alwaysRevalidate else { return false }
        let staleness = self.age(at: now) - self.lifetime
        if staleness < self.staleIfError { return true }
        return switch failure {
        case .serverError: false
        case .unreachable: !self.mustRevalidate && staleness < Self.longestDisconnected
        }
    }

    /// What an answer says of its age.
    func shownAge(at now: Int64) -> Int64 { max(0, now - self.generatedAt) }

    /// Seconds after which nobody wants the entry for its own sake: it is neither fresh nor may it be served stale.
    func usefulFor(at now: Int64) -> Int64 {
        let afterwards = max(
            self.staleWhileRevalidate, self.staleIfError, self.mustRevalidate ? 0 : Self.longestDisconnected)
        return max(0, self.lifetime - self.age(at: now) + afterwards)
    }

    /// An entry that claims to be made in the future is as good as new, unless it is a clock that has jumped.
    private func age(at now: Int64) -> Int64 {
        let age = now - self.generatedAt
        return age < -Self.longestJump ? .max / 2 : max(0, age)
    }
}
