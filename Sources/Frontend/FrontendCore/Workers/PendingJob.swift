// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// One job on its way to a worker and back, and whoever waits for it.
@LoopActor
final class PendingJob {
    let job: PictureJob
    /// Whose request it is, for the log.
    let trace = RequestTrace.current
    /// Milliseconds.
    let cost: Int64
    private var continuation: UnsafeContinuation<Result<TransformedPicture, JobError>, Never>?
    let enqueuedAt: ContinuousClock.Instant
    /// When it has waited too long for a worker.
    let latestStart: ContinuousClock.Instant
    /// How often this job has ended a worker's child, or made it lie.
    var deaths = 0
    /// How often it was at its deadline without having been busy, or this side could not read what came.
    var stalls = 0
    /// How often a worker went away for no reason of the job's.
    var losses = 0

    /// A job that no worker has taken by then is given up: its client has waited long enough to be told to come back.
    private static let maximumWait = Duration.seconds(15)

    init(
        _ job: PictureJob, now: ContinuousClock.Instant,
        _ continuation: UnsafeContinuation<Result<TransformedPicture, JobError>, Never>
    ) {
        self.job = job
        self.cost = job.cost
        self.enqueuedAt = now
        self.latestStart = now + Self.maximumWait
        self.continuation = continuation
    }

    /// False once somebody has been told, or nobody listens any more.
    var isWanted: Bool { self.continuation != nil }

    func finish(_ result: Result<TransformedPicture, JobError>) {
        self.continuation?.resume(returning: result)
        self.continuation = nil
    }
}
