// SPDX-License-Identifier: Apache-2.0

/// What one front does about one key while all fronts together are to fill it once.
///
///     asking ─taken→ filling (with the lease)      asking, looking ─found→ done
///        │ held                                    any ─unavailable, patience ended→ filling alone
///        ▼
///     waiting ─poll→ asking        waiting ─stored→ looking ─notFound→ filling alone
///                                  waiting ─not stored→ filling alone
enum FleetFillMachine: ~Copyable {
    /// Somebody's lease is asked for. An announcement may come before the answer does.
    case asking(heard: FleetAnnouncement?)
    /// Somebody else has the lease.
    case waiting
    /// Somebody has stored the value.
    case looking
    case ended

    enum Action: Equatable {
        /// And look at the same time: whoever has, or had, the lease may have filled the key after we missed it.
        case askForLease
        case wait
        case look
        /// Fill it here; without a lease nobody is kept from doing the same.
        case fill(holdsLease: Bool)
        /// The value has been found.
        case answer
        case none
    }

    init() {
        self = .asking(heard: nil)
    }

    mutating func leaseAnswered(_ answer: RedisClient.LeaseAnswer, found: Bool) -> Action {
        switch consume self {
        case .asking(let heard):
            guard !found else {
                self = .ended
                return .answer
            }
            switch answer {
            case .taken:
                self = .ended
                return .fill(holdsLease: true)
            case .held:
                self = .waiting
                return heard.map { self.announced($0) } ?? .wait
            case .unavailable:
                self = .ended
                return .fill(holdsLease: false)
            }
        case let other:
            self = other
            return .none
        }
    }

    mutating func announced(_ announcement: FleetAnnouncement) -> Action {
        switch consume self {
        case .asking:
            self = .asking(heard: announcement)
            return .none
        case .waiting:
            switch announcement {
            case .stored:
                self = .looking
                return .look
            case .notStored:
                self = .ended
                return .fill(holdsLease: false)
            }
        case let other:
            self = other
            return .none
        }
    }

    /// An announcement may have been lost, or whoever was to make it has died: then the lease is free, or will be.
    mutating func pollIsDue() -> Action {
        switch consume self {
        case .waiting:
            self = .asking(heard: nil)
            return .askForLease
        case let other:
            self = other
            return .none
        }
    }

    mutating func patienceEnded() -> Action {
        switch consume self {
        case .waiting:
            self = .ended
            return .fill(holdsLease: false)
        case let other:
            self = other
            return .none
        }
    }

    mutating func looked(found: Bool) -> Action {
        switch consume self {
        case .looking:
            self = .ended
            return found ? .answer : .fill(holdsLease: false)
        case let other:
            self = other
            return .none
        }
    }
}
