// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import ImageJob
internal import WorkerProtocol

/// Why a picture cannot be made from its source: the source's own fault.
struct UntransformableError: Error {
    /// A word for the `X-Imageproxy-Error` header.
    let reason: String
    let detail: String
    var isOverLimits = false

    init(reason: String, detail: String) {
        self.reason = reason
        self.detail = detail
    }

    init(_ failure: JobFailure) {
        self.detail = "\(failure)"
        switch failure {
        case .unsupportedFormat: self.reason = "unsupported-format"
        case .corruptSource: self.reason = "corrupt-source"
        case .tooManyPixels, .resultTooLarge:
            self.reason = "over-limits"
            self.isOverLimits = true
        case .outOfMemory: self.reason = "out-of-memory"
        case .deadlinePassed: self.reason = "too-slow"
        case .internalError: self.reason = "internal"
        case .disabledFormat: self.reason = "disabled-format"
        }
    }
}

/// Makes variants: turns an original and options into a job for a worker, and the worker's answer into an entry.
@LoopActor
final class Transformer {
    /// Counts for every job that begins after it was set.
    var configuration: Configuration
    private let dispatcher: JobDispatcher
    private let poison: PoisonList

    init(configuration: Configuration, dispatcher: JobDispatcher, poison: PoisonList) {
        self.configuration = configuration
        self.dispatcher = dispatcher
        self.poison = poison
    }

    /// Refuses what would be refused later anyway, before anything is fetched for it.
    ///
    /// - Throws: `RequestError`.
    func admit() throws {
        try self.dispatcher.admit()
    }

    /// - Throws: `UntransformableError`; `RequestError` when no worker is to be had.
    func variant(of original: CacheEntry, _ options: TransformOptions) async throws -> CacheEntry {
        guard let format = original.body.format else {
            throw UntransformableError(.unsupportedFormat)
        }
        var limits = PixelLimits.standard
        limits.maxOutputPixels = self.configuration.maxOutputPixels
        let job = PictureJob(
            source: original.body, sourceFormat: format, options: options, scaleUp: self.configuration.scaleUp,
            limits: limits, policy: self.configuration.resultPolicy, timeLimit: self.configuration.transformTimeout)
        // A worker would refuse it as well.
        guard !job.isDisabled else { throw UntransformableError(.disabledFormat) }

        if self.poison.isWorthAsking,
            await self.poison.isPoison(PoisonList.Key(source: original.body.digest(), options: options))
        {
            throw UntransformableError(reason: "crashed", detail: "has killed workers, and is not tried again for now")
        }
        var variant = original
        let picture: TransformedPicture
        if original.body.knownDigest == nil, !self.configuration.caches.isEmpty {
            // Hashing many megabytes takes as long as hundreds of requests: it goes on while a worker is at it.
            async let digest = original.body.digest()
            picture = try await self.picture(job)
            variant.source = await digest
        } else {
            // Without a cache nothing will be compared with it.
            picture = try await self.picture(job)
            variant.source = original.body.knownDigest
        }
        if let trace = RequestTrace.current {
            trace.add(.header, .microseconds(Int64(picture.cost.header)))
            trace.add(.decode, .microseconds(Int64(picture.cost.decode)))
            trace.add(.resize, .microseconds(Int64(picture.cost.resize)))
            trace.add(.encode, .microseconds(Int64(picture.cost.encode)))
        }
        variant.body = picture.body
        variant.contentType = picture.format.contentType
        variant.variantTag = await picture.body.entityTag()
        return variant
    }

    private func picture(_ job: PictureJob) async throws -> TransformedPicture {
        do {
            return try await self.dispatcher.run(job)
        } catch JobError.failed(let failure) {
            throw UntransformableError(failure)
        } catch JobError.poisonous(let detail) {
            throw UntransformableError(reason: "crashed", detail: detail)
        } catch JobError.overloaded(let busy) {
            throw RequestError(busy)
        } catch JobError.timedOut(let detail) {
            throw RequestError(Busy(reason: .worker, detail: detail))
        }
    }
}
