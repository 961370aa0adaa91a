// SPDX-License-Identifier: Apache-2.0

internal import Platform
internal import WorkerProtocol

/// Which workers get jobs, by what they say of themselves, and what is said of those that get none.
struct WorkerVetting {
    enum Verdict {
        case accepted
        case rejected
        /// It has said nothing that makes sense.
        case silent
    }

    private let requirement: SandboxRequirement
    /// What the last worker that said hello has said.
    private(set) var sandbox: SandboxLayers?
    private(set) var seen = SeenVersions()
    private var foreignVersions: Set<UInt8> = []
    private var refusedSandboxes: Set<SandboxLayers> = []
    /// Why workers get no jobs, and since when none has; nil when the last one got one.
    private var rejection: (why: String, since: ContinuousClock.Instant)?

    /// Among workers of two kinds the next one may be of the other.
    private static let patience = Duration.seconds(2)

    init(requirement: SandboxRequirement) {
        self.requirement = requirement
    }

    /// Whether the last worker that has come was sent away.
    var rejectsAll: Bool { self.rejection != nil }

    /// Why all workers that have come lately were sent away; nil when one was not.
    func rejection(at now: ContinuousClock.Instant) -> String? {
        guard let rejection, now - rejection.since > Self.patience else { return nil }
        return rejection.why
    }

    mutating func verdict(on offer: WorkerConnection.Offer, at now: ContinuousClock.Instant) -> Verdict {
        switch offer {
        case .hello(let hello):
            self.seen.note(hello.versions, at: now)
            guard self.accepts(hello) else {
                self.note(lacking: hello.sandbox, at: now)
                return .rejected
            }
            self.rejection = nil
            return .accepted
        case .foreign(let version):
            self.note(foreign: version, at: now)
            return .rejected
        case .none: return .silent
        }
    }

    private mutating func accepts(_ hello: Hello) -> Bool {
        if self.sandbox != hello.sandbox {
            self.sandbox = hello.sandbox
            Log.line("workers run with sandbox layers: \(hello.sandbox)")
        }
        switch self.requirement {
        case .off: return true
        case .standard: return hello.sandbox.contains(.seccomp)
        case .strict: return hello.sandbox == .all
        }
    }

    /// A line for each version, not for each ticket.
    private mutating func note(foreign version: UInt8, at now: ContinuousClock.Instant) {
        self.note("workers speak version \(version) of the worker protocol, this front \(protocolVersion)", at: now)
        guard self.foreignVersions.insert(version).inserted else { return }
        Log.line(
            "refused a worker that speaks version \(version) of the worker protocol, this front speaks \(protocolVersion): "
                + "install the same release of imageproxy and imageproxy-worker, and restart both")
    }

    /// A line for each set of layers.
    private mutating func note(lacking present: SandboxLayers, at now: ContinuousClock.Instant) {
        let what = self.requirement == .strict ? "every layer" : "the filter of system calls"
        self.note("workers lack layers of the sandbox; -requireSandbox \(self.requirement) asks for \(what)", at: now)
        guard self.refusedSandboxes.insert(present.intersection(.all)).inserted else { return }
        Log.line(
            "refused a worker whose sandbox has \(present): -requireSandbox \(self.requirement) asks for \(what)")
    }

    private mutating func note(_ why: String, at now: ContinuousClock.Instant) {
        self.rejection = (why, self.rejection?.since ?? now)
    }
}
