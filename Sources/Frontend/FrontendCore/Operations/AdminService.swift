// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// The operator's own listener: state, metrics, readiness and versions, the number of workers, and purging. Nothing here is
/// for clients.
@LoopActor
final class AdminService {
    private let report: StatusReport
    private let metrics: Metrics
    private let supervisor: WorkerSupervisor?
    private let purge: PurgeService
    private let access: AdminAccess
    private let versions: VersionReport

    nonisolated static let methods = ["GET", "HEAD", "OPTIONS"] + AdminService.changing
    /// No page of another site can send one of these without asking first, and nobody here says yes.
    private nonisolated static let changing = ["PUT", "PURGE", "DELETE"]
    /// More would be a slip of the finger.
    nonisolated static let mostWorkers = 1024

    init(
        _ configuration: Configuration, report: StatusReport, metrics: Metrics, supervisor: WorkerSupervisor?,
        purges: Purges, versions: VersionReport
    ) {
        self.report = report
        self.metrics = metrics
        self.supervisor = supervisor
        self.purge = PurgeService(configuration, purges: purges, metrics: metrics)
        self.versions = versions
        self.access = AdminAccess(addresses: configuration.adminAddresses, token: configuration.adminToken)
    }

    func answer(_ request: HTTPRequest) async -> HTTPResponse {
        guard Self.changing.contains(request.method) else {
            return request.target == "/version" ? await self.versions.answer(request) : self.show(request)
        }
        if let refusal = self.access.refusal(authorization: request.header("Authorization")) {
            var response = Self.refusal(refusal.status, refusal.reason)
            if refusal.status == 401 { response.headers.append(("WWW-Authenticate", "Bearer")) }
            return response
        }
        return request.method == "PUT" ? self.change(request.target) : await self.purge.answer(request)
    }

    private func show(_ request: HTTPRequest) -> HTTPResponse {
        switch request.target {
        case "/metrics": return Self.metricsPage(self.metrics)
        case "/status" where HomePage.isWanted(accept: request.header("Accept")): return Self.statusPage
        case "/status": return Responder.text(self.report.json().text + "\n", type: "application/json")
        case "/ready": return Self.readiness(self.report)
        case "/", "/health-check": return Responder.text("OK")
        default: return Self.refusal(404, "not found")
        }
    }

    private static let statusPage = HTTPResponse(
        status: 200,
        headers: [
            ("Content-Type", "text/html; charset=utf-8"), ("Vary", "Accept"), ("Cache-Control", "no-store"),
            ("Content-Security-Policy", StatusPage.contentSecurityPolicy), ("X-Content-Type-Options", "nosniff"),
        ],
        body: .bytes(Array(StatusPage.html.utf8)))

    private func change(_ target: String) -> HTTPResponse {
        let name = "/workers?number="
        guard target.hasPrefix(name) else { return Self.refusal(404, "not found") }
        guard let number = Int(target.dropFirst(name.count)), (1...Self.mostWorkers).contains(number) else {
            return Self.refusal(400, "number: expected a whole number from 1 to \(Self.mostWorkers)")
        }
        guard let supervisor else {
            return Self.refusal(409, "this front starts no workers; whoever does decides how many there are")
        }
        let before = supervisor.wanted
        supervisor.resize(to: number)
        return Responder.text("\(WorkerAdvice.workers(number)) from now on; there were \(before)\n")
    }

    /// Prometheus' text format.
    static func metricsPage(_ metrics: Metrics) -> HTTPResponse {
        Responder.text(metrics.text(), type: "text/plain; version=0.0.4; charset=utf-8; escaping=underscores")
    }

    /// 200 while this front should be given requests, else 503 with the reason.
    static func readiness(_ report: StatusReport) -> HTTPResponse {
        guard let reason = report.unreadiness else { return Responder.text("OK") }
        var response = Self.refusal(503, reason)
        response.headers.append(("Retry-After", "1"))
        return response
    }

    static func refusal(_ status: Int, _ reason: String) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: [("Content-Type", "text/plain; charset=utf-8")],
            body: .bytes(Array((reason + "\n").utf8)))
    }
}
