// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Telemetry

/// `PURGE` and `DELETE` on the operator's listener: forgets an original and all that was made from it.
@LoopActor
final class PurgeService {
    private let purges: Purges
    private let metrics: Metrics
    private let baseURL: RemoteURL?
    private let prefix: PathPrefix

    init(_ configuration: Configuration, purges: Purges, metrics: Metrics) {
        self.purges = purges
        self.metrics = metrics
        self.baseURL = configuration.baseURL
        self.prefix = configuration.pathPrefix
    }

    /// - Parameter request: its path is one that clients use, with or without options, which do not matter.
    func answer(_ request: HTTPRequest) async -> HTTPResponse {
        let url: RequestURL
        do {
            url = try RequestURL.parse(
                target: self.prefix.strip(request.target) ?? request.target, baseURL: self.baseURL)
        } catch {
            return AdminService.refusal(400, "expected PURGE /{URL of a picture}; " + error.publicMessage.trimmed)
        }
        let remote = url.remote.string
        let outcome = await self.purges.purge(remote)
        self.metrics.purged(outcome.reach.rawValue)
        Log.line("purged \(Redaction.url(remote))\(Self.suffix(outcome))")
        let text = "purged \(remote)\(Self.suffix(outcome))"
        return outcome.reach == .thisFrontForNow ? AdminService.refusal(503, text) : Responder.text(text + "\n")
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
}
