// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Telemetry

/// What the access log says of one request.
@LoopActor
struct AccessLine {
    let request: HTTPRequest
    let status: Int
    let bytes: Int
    let duration: Duration
    let outcome: Metrics.Outcome
    let failure: RequestError.Kind?
    let trace: RequestTrace

    func write() {
        if Log.isJSON { Log.put(self.members) } else { Log.put(self.text) }
    }

    private var milliseconds: Double { RequestTrace.thousandths(self.duration / .milliseconds(1)) }

    /// `access method=GET target=/100x/… status=200 …`: a target has no spaces in it.
    private var text: String {
        "access "
            + self.members.dropFirst().map { name, value in "\(name)=\(value.string ?? value.text)" }
            .joined(separator: " ")
    }

    private var members: [(String, JSON)] {
        var members: [(String, JSON)] = [
            ("message", .string("access")), ("method", .string(self.request.method)),
            ("target", .string(Redaction.line(self.request.target))), ("status", .integer(self.status)),
            ("bytes", .integer(self.bytes)), ("ms", .number(self.milliseconds)),
            ("outcome", .string(self.outcome.rawValue)),
        ]
        if let failure { members.append(("reason", .string(failure.metricLabel))) }
        members += self.trace.times.map { stage, time in (stage.rawValue, .number(RequestTrace.thousandths(time))) }
        members.append(("request", .string(self.trace.id)))
        return members
    }
}
