// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Platform

/// Has a cache key filled once by all fronts that share a Redis.
///
/// The first front takes a lease and fills; the others wait for its announcement, ask for the lease now and then in case
/// the announcement is lost or the front has died, and fill by themselves when their patience ends. Without Redis
/// everybody fills at once.
@LoopActor
final class FleetFill {
    /// How long a lease outlives the front that held it. It is renewed three times in that time.
    private let leaseTime: Duration
    /// How often a front that waits asks for the lease itself.
    private let pollInterval: Duration
    private let client: RedisClient
    private let channel: String
    private let keyPrefix: String
    /// By digest: who waits for an announcement.
    private var waiters: [String: [ObjectIdentifier: Waiter]] = [:]

    /// - Parameter fleet: fronts with the same name and the same Redis fill for each other.
    init(
        _ client: RedisClient, fleet: String = "imageproxy", leaseTime: Duration = .seconds(3),
        pollInterval: Duration = .milliseconds(150)
    ) {
        self.client = client
        self.leaseTime = leaseTime
        self.pollInterval = pollInterval
        self.channel = "\(fleet):fills"
        self.keyPrefix = "\(fleet):fill:"
        client.subscribe(to: self.channel) { [weak self] in self?.received($0) }
    }

    /// The value of a key that this front has just missed. One call for a key at a time.
    ///
    /// - Parameters:
    ///   - patience: how long to wait for another front.
    ///   - look: loads the value from where all fronts store it. Whoever had the lease before may have filled the key
    ///     after it was missed.
    ///   - fill: makes the value, and ends the lease once it is stored there.
    /// - Throws: what `fill` throws; `CancellationError`.
    func value<Value: Sendable>(
        for key: String, patience: Duration, look: @LoopActor () async -> Value?,
        fill: @LoopActor (FleetLease) async throws -> Value
    ) async throws -> Value {
        let digest = Digest.hex(Digest.sha256(key))
        let random = CurrentProcess.randomBits()
        let token = String(random.high, radix: 16) + String(random.low, radix: 16)
        let waiter = Waiter(until: ContinuousClock().now + patience)
        self.waiters[digest, default: [:]][ObjectIdentifier(waiter)] = waiter
        defer { self.leave(digest, waiter) }

        var machine = FleetFillMachine()
        var action = FleetFillMachine.Action.askForLease
        var found: Value?
        while true {
            switch action {
            case .askForLease:
                // Both are under way at once, so that a fill costs one round trip and not two.
                async let look = look()
                let answer = await self.client.takeLease(self.keyPrefix + digest, token: token, for: self.leaseTime)
                found = await look
                if let heard = waiter.takeAnnouncement() { _ = machine.announced(heard) }
                action = machine.leaseAnswered(answer, found: found != nil)
                // Had the lease, and need not have asked for it.
                if found != nil { self.release(digest, token) }
            case .wait:
                switch await waiter.next(within: self.pollInterval) {
                case .announced(let announcement): action = machine.announced(announcement)
                case .pollIsDue: action = machine.pollIsDue()
                case .patienceEnded: action = machine.patienceEnded()
                case .cancelled: throw CancellationError()
                }
            case .look:
                found = await look()
                action = machine.looked(found: found != nil)
            case .answer:
                if let found { return found }
                preconditionFailure("the machine answers with what was found")
            case .fill:
                return try await fill(self.lease(digest, token))
            case .none:
                preconditionFailure("the machine is told only of what it waits for")
            }
        }
    }

    /// Also for a front that could not get it: Redis may have given it, and only the answer was lost.
    private func lease(_ digest: String, _ token: String) -> FleetLease {
        let (client, key, time) = (self.client, self.keyPrefix + digest, self.leaseTime)
        return FleetLease(every: time / 3) {
            spawn { await client.extendLease(key, token: token, for: time) }
        } finish: { announcement in
            self.finish(digest, token, announcement)
        }
    }

    private func finish(_ digest: String, _ token: String, _ announcement: FleetAnnouncement) {
        let (client, channel, key) = (self.client, self.channel, self.keyPrefix + digest)
        spawn {
            await client.publish("\(digest) \(announcement.rawValue)", to: channel)
            await client.releaseLease(key, token: token)
        }
    }

    private func release(_ digest: String, _ token: String) {
        let (client, key) = (self.client, self.keyPrefix + digest)
        spawn { await client.releaseLease(key, token: token) }
    }

    // MARK: Announcements

    /// `digest outcome`, from any front, this one included.
    private func received(_ message: String) {
        let words = message.split(separator: " ")
        guard words.count == 2, words[1].count == 1, let announcement = words[1].first.flatMap(FleetAnnouncement.init)
        else { return }
        for waiter in (self.waiters[String(words[0])] ?? [:]).values { waiter.hear(announcement) }
    }

    private func leave(_ digest: String, _ waiter: Waiter) {
        self.waiters[digest]?[ObjectIdentifier(waiter)] = nil
        if self.waiters[digest]?.isEmpty == true { self.waiters[digest] = nil }
    }
}

/// Waits for the next thing to happen to one fill.
@LoopActor
private final class Waiter {
    enum Event {
        case announced(FleetAnnouncement)
        case pollIsDue
        case patienceEnded
        case cancelled
    }

    private let deadline: ContinuousClock.Instant
    private var heard: FleetAnnouncement?
    private var continuation: UnsafeContinuation<Event, Never>?
    private var timer: LoopTimer?

    init(until deadline: ContinuousClock.Instant) {
        self.deadline = deadline
    }

    func hear(_ announcement: FleetAnnouncement) {
        if self.continuation != nil { return self.resume(.announced(announcement)) }
        self.heard = announcement
    }

    func takeAnnouncement() -> FleetAnnouncement? {
        defer { self.heard = nil }
        return self.heard
    }

    func next(within interval: Duration) async -> Event {
        if let heard = self.takeAnnouncement() { return .announced(heard) }
        let left = ContinuousClock().now.duration(to: self.deadline)
        guard left > .zero else { return .patienceEnded }
        return await withTaskCancellationHandler {
            guard !Task.isCancelled else { return .cancelled }
            return await withUnsafeContinuation { continuation in
                self.continuation = continuation
                // Fronts that wait for the same key are not to ask all at once.
                let poll = interval * Double.random(in: 0.75..<1.25)
                self.timer = LoopTimer(after: min(left, poll)) {
                    self.resume(left <= poll ? .patienceEnded : .pollIsDue)
                }
            }
        } onCancel: {
            spawn { self.resume(.cancelled) }
        }
    }

    private func resume(_ event: Event) {
        self.timer?.stop()
        self.timer = nil
        let continuation = self.continuation
        self.continuation = nil
        continuation?.resume(returning: event)
    }
}
