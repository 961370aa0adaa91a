// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import WorkerProtocol

/// `/version`: what this front and its workers are made of, for whoever has to know whether a hole concerns them.
@LoopActor
struct VersionReport {
    let dispatcher: JobDispatcher

    /// Idle workers answer within a millisecond.
    private static let patience = Duration.seconds(1)

    /// A text, or JSON for clients that name it.
    func answer(_ request: HTTPRequest) async -> HTTPResponse {
        await self.dispatcher.meetWorkers(atMost: Self.patience)
        let now = ContinuousClock.now
        let seen = self.dispatcher.seen.all.reversed()
        guard request.header("Accept")?.lowercased().contains("application/json") == true else {
            let workers = seen.map { worker in
                let parts = worker.versions.all.map { "\($0.name) \($0.version)" }.joined(separator: ", ")
                return "workers, heard of \((now - worker.at).components.seconds) s ago: \(parts)"
            }
            let lines = ["imageproxy \(Version.text)"] + (workers.isEmpty ? ["no worker has been heard of"] : workers)
            return Responder.text(lines.joined(separator: "\n") + "\n")
        }
        let workers = seen.map { worker in
            JSON.object([
                ("heardOfSecondsAgo", .integer((now - worker.at).components.seconds)),
                ("versions", .object(worker.versions.all.map { ($0.name, .string($0.version)) })),
            ])
        }
        let report = JSON.object([("version", .string(Version.text)), ("workers", .array(workers))])
        return Responder.text(report.text + "\n", type: "application/json")
    }
}
