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
    /// source's becomes. None of those that are switched off, so there may be none.
    var resultFormats: [ImageFormat] {
        let formats = self.options.format.map { [$0] } ?? self.options.accepted + self.sourceFormat.resultFormats
        return formats.filter { !self.policy.disabledFormats.contains($0) }
    }

    /// Whether no worker may be asked, as either end of it is switched off.
    var isDisabled: Bool {
        self.policy.disabledFormats.contains(self.sourceFormat) || self.resultFormats.isEmpty
    }

    /// Expected work in milliseconds, from the header alone: what it takes to decode the source and to encode the
    /// result, as measured on one core; only the order of magnitude matters.
    var cost: Int64 {
        let source = self.source.declaredSize ?? ImageSize(width: 1000, height: 1000)
        let result = TransformPlan.make(for: source, options: self.options, scaleUp: self.scaleUp).output
        let decoding = Self.megapixels(source) * (self.sourceFormat == .jpeg ? 3 : 25)
        let encoding = Self.megapixels(result) * (self.resultFormats.first.map(Self.encodingCost) ?? 0)
        return 1 + Int64(min(decoding + encoding, 1e9))
    }

    private static func megapixels(_ size: ImageSize) -> Double { Double(size.width) * Double(size.height) / 1e6 }

    /// Milliseconds for a megapixel.
    private static func encodingCost(_ format: ImageFormat) -> Double {
        switch format {
        case .jpeg: 10
        case .png, .gif, .tiff, .bmp: 40
        case .webp: 80
        case .avif: 200
        }
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
    /// The queue is full, or the wait would be longer than is allowed.
    case overloaded(Busy)
    /// No worker answered in time.
    case timedOut(detail: String)
}
