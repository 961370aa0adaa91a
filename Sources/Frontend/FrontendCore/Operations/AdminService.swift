// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// The operator's own listener: state, metrics and readiness. Nothing here is for clients.
@LoopActor
final class AdminService {
    private let report: StatusReport
    private let metrics: Metrics

    init(report: StatusReport, metrics: Metrics) {
        self.report = report
        self.metrics = metrics
    }

    func answer(_ request: HTTPRequest) async -> HTTPResponse {
        switch request.target {
        case "/metrics": return Self.metricsPage(self.metrics)
        case "/status": return Responder.text(self.report.json().text + "\n", type: "application/json")
        case "/ready": return Self.readiness(self.report)
        case "/", "/health-check": return Responder.text("OK")
        default: return HTTPResponse(status: 404, headers: [], body: .bytes(Array("not found\n".utf8)))
        }
    }

    /// Prometheus' text format.
    static func metricsPage(_ metrics: Metrics) -> HTTPResponse {
        Responder.text(metrics.text(), type: "text/plain; version=0.0.4; charset=utf-8; escaping=underscores")
    }

    /// 200 while this front should be given requests, else 503 with the reason.
    static func readiness(_ report: StatusReport) -> HTTPResponse {
        guard let reason = report.unreadiness else { return Responder.text("OK") }
        return HTTPResponse(
            status: 503, headers: [("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", "1")],
            body: .bytes(Array((reason + "\n").utf8)))
    }
}
