// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Glibc
internal import Telemetry

/// What the access log says of one request. Made on the loop, formatted by whoever writes it.
struct AccessLine: Sendable {
    private let time = Log.now()
    /// nil = nobody knows.
    private let client: IPAddress?
    private let method: String
    private let target: String
    private let status: Int
    private let bytes: Int
    private let duration: Duration
    private let outcome: Metrics.Outcome
    private let failure: RequestError.Kind?
    private let stages: [(stage: Metrics.Stage, milliseconds: Double)]
    private let trace: RequestTrace

    @LoopActor
    init(
        client: IPAddress?, method: String, target: String, status: Int, bytes: Int, duration: Duration,
        outcome: Metrics.Outcome, failure: RequestError.Kind?, trace: RequestTrace
    ) {
        self.client = client
        self.method = method
        self.target = target
        self.status = status
        self.bytes = bytes
        self.duration = duration
        self.outcome = outcome
        self.failure = failure
        self.stages = trace.times
        self.trace = trace
    }

    /// With its end.
    var text: String {
        guard !Log.isJSON else { return Log.stamped([("message", .string("access"))] + self.members, at: self.time) }
        // A target has no spaces in it.
        let words = self.members.map { name, value in "\(name)=\(value.string ?? value.text)" }
        return Log.stamped("access " + words.joined(separator: " "), at: self.time)
    }

    private var members: [(String, JSON)] {
        var members: [(String, JSON)] = []
        if let client { members.append(("client", .string(client.description))) }
        members += [
            ("method", .string(self.method)), ("target", .string(Redaction.line(self.target))),
            ("status", .integer(self.status)), ("bytes", .integer(self.bytes)),
            ("ms", .number(RequestTrace.thousandths(self.duration / .milliseconds(1)))),
            ("outcome", .string(self.outcome.rawValue)),
        ]
        if let failure { members.append(("reason", .string(failure.metricLabel))) }
        members += self.stages.map { stage, time in (stage.rawValue, .number(RequestTrace.thousandths(time))) }
        members.append(("request", .string(self.trace.id)))
        return members
    }
}
