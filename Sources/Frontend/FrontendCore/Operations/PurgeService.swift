// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Telemetry

/// `PURGE` and `DELETE` on the operator's listener: forgets an original and all that was made from it.
@LoopActor
final class PurgeService {
    static nonisolated let methods = ["PURGE", "DELETE"]

    private let purges: Purges
    private let access: AdminAccess
    private let baseURL: RemoteURL?
    private let prefix: PathPrefix

    init(_ configuration: Configuration, purges: Purges) {
        self.purges = purges
        self.access = AdminAccess(
            addresses: configuration.adminAddress.map { [$0] } ?? [], token: configuration.adminToken)
        self.baseURL = configuration.baseURL
        self.prefix = configuration.pathPrefix
    }

    /// - Parameter request: its path is one that clients use, with or without options, which do not matter.
    func answer(_ request: HTTPRequest) async -> HTTPResponse {
        if let refusal = self.access.refusal(authorization: request.header("Authorization")) {
            return Self.text(refusal.status, refusal.reason)
        }
        let url: RequestURL
        do {
            url = try RequestURL.parse(
                target: self.prefix.strip(request.target) ?? request.target, baseURL: self.baseURL)
        } catch {
            return Self.text(400, "expected PURGE /{URL of a picture}; " + error.publicMessage.trimmed)
        }
        let remote = url.remote.string
        let outcome = await self.purges.purge(remote)
        Log.line("purged \(Redaction.url(remote))\(Self.suffix(outcome))")
        return Self.text(outcome.reach == .thisFrontForNow ? 503 : 200, "purged \(remote)\(Self.suffix(outcome))")
    }

    private static func suffix(_ outcome: Purges.Outcome) -> String {
        let reach =
            switch outcome.reach {
            case .all: " in all fronts that share this Redis"
            case .thisFront: " in this front; others do not hear of it without a Redis in common"
            case .thisFrontForNow: " in this front; Redis does not answer, and is told as soon as it does"
            }
        guard !outcome.forgetful.isEmpty else { return reach }
        return reach + "; could not be written to \(outcome.forgetful.joined(separator: ", ")):"
            + " after a restart it may be back"
    }

    private static func text(_ status: Int, _ line: String) -> HTTPResponse {
        HTTPResponse(
            status: status,
            headers: [("Content-Type", "text/plain; charset=utf-8")]
                + (status == 401 ? [("WWW-Authenticate", "Bearer")] : []),
            body: .bytes(Array((line + "\n").utf8)))
    }
}
