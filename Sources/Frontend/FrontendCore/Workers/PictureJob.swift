// SPDX-License-Identifier: Apache-2.0

internal import ImageJob
internal import WorkerProtocol

/// What a worker is asked to do.
struct PictureJob: Sendable {
    var source: Blob
    var sourceFormat: ImageFormat
    var options: TransformOptions
    /// The server's setting; it overrides the option of the same name.
    var scaleUp: Bool
    var limits: PixelLimits
    var policy: ResultPolicy
    /// Wall time for the transformation itself, without waiting for a worker.
    var timeLimit: Duration

    /// The formats that the result may have: the one asked for, else those that the client can show and those that the
    /// source's becomes.
    var resultFormats: [ImageFormat] {
        self.options.format.map { [$0] } ?? self.options.accepted + self.sourceFormat.resultFormats
    }

    /// Expected work in milliseconds, from the header's pixel count alone: about 3 ms a megapixel for JPEG and 25 for
    /// PNG, as measured on one core; only the order of magnitude matters.
    var cost: Int64 {
        let pixels = self.source.withSpan { ImageHeader.size(of: $0)?.area } ?? 1_000_000
        return Int64(pixels / 1_000_000) * (self.sourceFormat == .jpeg ? 3 : 25)
    }
}

/// What came back, checked.
struct TransformedPicture: Sendable {
    var body: Blob
    var format: ImageFormat
    var size: ImageSize
    /// What the worker says it has cost; for statistics only.
    var cost: Reply.Cost
}

/// Why there is no transformed picture.
enum JobError: Error {
    /// The worker says that the picture cannot be made.
    case failed(JobFailure)
    /// The bytes killed every worker that tried, or kept it busy beyond the limit.
    case poisonous(detail: String)
    /// The queue is full, or the wait would be longer than the request's deadline.
    case overloaded
    /// No worker answered in time.
    case timedOut(detail: String)
}
