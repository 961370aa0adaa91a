// SPDX-License-Identifier: Apache-2.0

internal import Codecs
internal import ImageJob
internal import Pixels
internal import Transforms

/// The steps of one job. Header first: nothing is allocated for a picture that is too large.
struct PictureJob {
    let request: JobRequest
    let source: UnsafeRawBufferPointer
    let format: ImageFormat
    let metadata: PictureMetadata
    /// The size in the header, where it can be read without the decoder.
    let declared: ImageSize?
    /// When the job began.
    let start: UInt64

    private var limits: PixelLimits { self.request.limits }

    func run() throws(JobFailure) -> JobResult {
        let target = self.request.options.format
        guard target.map(EncodedPicture.formats.contains) ?? true else { throw .unsupportedFormat }
        if let declared { try self.check(declared) }
        if AnimationSource.formats.contains(self.format), target.map(AnimationEncoder.formats.contains) ?? true,
            let result = try AnimationJob(
                request: self.request, source: self.source, format: self.format, header: self.sinceStart
            ).run()
        {
            return result
        }
        if self.format == .webp, let result = try self.runWebP() { return result }
        return try self.format == .jpeg ? self.runJPEG() : self.runOther()
    }

    private var sinceStart: UInt64 { JobTimings.now - self.start }

    private func check(_ size: ImageSize) throws(JobFailure) {
        guard size.area <= self.limits.maxSourcePixels else { throw .tooManyPixels }
    }

    /// A decoder that shrinks must know by how much before it begins.
    private func runJPEG() throws(JobFailure) -> JobResult {
        let orientation = Symmetry(orientation: self.metadata.orientation)
        let planar = self.metadata.hasForeignProfile ? nil : try EncodedPicture.sizeOfTranscodable(jpeg: self.source)
        if let planar { try self.check(planar) }
        var timings = JobTimings()
        timings.header = self.sinceStart
        let (size, part) = try self.sizeAndPart(declared: planar ?? self.declared, orientation, &timings)
        if let planar, let result = try self.runKept(planar, part, orientation, timings) { return result }
        let window = try self.window(of: part, orientation, &timings)
        let geometry = try self.request.geometry(for: part, orientation: orientation, window: window)
        let target = self.request.target(for: geometry.output) ?? .jpeg
        try self.request.check(geometry.output, as: target)
        guard planar != nil, EncodedPicture.planarFormats.contains(target) else {
            let picture = try self.open(reduction: geometry.reduction)
            // The plan was made for this size: a file that tells each reader another one is none to go on with.
            guard picture.size == picture.scale.size(of: size) else { throw .corruptSource }
            return try self.render(picture, geometry, as: target, timings)
        }
        if target == .jpeg, self.request.options.quality == 0, geometry.isWhole(of: size),
            let image = try self.lossless(geometry, size, &timings)
        {
            return JobResult(image, timings)
        }
        let image = try EncodedPicture(
            transcoding: self.source, of: .jpeg, geometry, format: target, quality: self.request.quality(for: target),
            limits: self.limits, policy: self.request.policy, deadline: self.request.deadline, timings: &timings)
        return try self.finish(image, geometry.isIdentity(of: size), timings)
    }

    /// What smart cropping makes of planes that are decoded once, to be looked at and to be cropped. nil when it is not asked
    /// for, or another way is better.
    private func runKept(
        _ size: ImageSize, _ part: PixelRect, _ orientation: Symmetry, _ spent: JobTimings
    ) throws(JobFailure) -> JobResult? {
        guard EncodedPicture.planarFormats.contains(self.request.options.format ?? .jpeg),
            let crop = self.request.smartCrop(of: part, orientation: orientation), crop.isSampled
        else { return nil }
        let most = try self.request.geometry(for: part, orientation: orientation, window: crop.smallestWindow)
        // A picture that keeps its size may be as it was.
        guard most.resamples else { return nil }
        var timings = spent
        guard
            let planes = try KeptPlanes(
                jpeg: self.source, size: size, most, reduction: crop.reduction(of: part, orientation),
                deadline: self.request.deadline, timings: &timings)
        else { return nil }
        let before = JobTimings.now
        let samples = try planes.samples(crop.geometry(of: part, orientation), cell: SmartCrop.step)
        let window = try crop.window(inSamples: samples)
        timings.resize += JobTimings.now - before
        let geometry = try self.request.geometry(for: part, orientation: orientation, window: window)
        let target = self.request.target(for: geometry.output) ?? .jpeg
        try self.request.check(geometry.output, as: target)
        let image = try planes.encoded(
            geometry, format: target, quality: self.request.quality(for: target), limits: self.limits,
            policy: self.request.policy, timings: &timings)
        return try self.finish(image, geometry.isIdentity(of: size), timings)
    }

    /// The source's own coded data, turned: a quality that nobody has asked for is no reason to lose any.
    private func lossless(
        _ geometry: StoredGeometry, _ size: ImageSize, _ timings: inout JobTimings
    ) throws(JobFailure) -> EncodedPicture? {
        let before = JobTimings.now
        let policy = self.request.policy
        if geometry.symmetry != Symmetry() || policy.optimizesJPEG || policy.makesProgressiveJPEG {
            defer { timings.encode += JobTimings.now - before }
            let turned = try EncodedPicture.turned(
                jpeg: self.source, by: geometry.symmetry, makesProgressive: policy.makesProgressiveJPEG,
                limits: self.limits, deadline: self.request.deadline)
            if let turned { return turned }
            guard geometry.symmetry == Symmetry() else { return nil }
        }
        // What is served is looked at first, as coarse as will do.
        var picture = try self.open(reduction: .infinity)
        let row = try Scratch<UInt8>(count: picture.size.width * picture.channels)
        for _ in 0..<picture.size.height { try picture.readRow(into: row.start) }
        let between = JobTimings.now
        timings.decode += between - before
        defer { timings.encode += JobTimings.now - between }
        return try EncodedPicture.stripped(self.source, format: .jpeg, size: size, limits: self.limits)
    }

    /// What becomes of a WebP in planes. nil when it is of another kind, or what is asked for has to see its pixels or is no
    /// planar format.
    private func runWebP() throws(JobFailure) -> JobResult? {
        let options = self.request.options
        guard !options.trim, !options.smartCrop, let picture = try PlanarWebP(self.source, limits: self.limits) else {
            return nil
        }
        var timings = JobTimings()
        timings.header = self.sinceStart
        let geometry = try self.request.geometry(
            for: PixelRect(picture.size), orientation: Symmetry(orientation: picture.orientation), window: nil)
        let target = self.request.target(for: geometry.output) ?? self.format.resultFormat(hasAlpha: false)
        guard EncodedPicture.planarFormats.contains(target) else { return nil }
        try self.request.check(geometry.output, as: target)
        let image = try EncodedPicture(
            transcoding: self.source, of: .webp, geometry, format: target, quality: self.request.quality(for: target),
            limits: self.limits, policy: self.request.policy, deadline: self.request.deadline, timings: &timings)
        return try self.finish(image, geometry.isIdentity(of: picture.size), timings)
    }

    /// The others know more of a picture than its header says.
    private func runOther() throws(JobFailure) -> JobResult {
        var timings = JobTimings()
        timings.header = self.sinceStart
        let picture = try self.open(reduction: 1)
        let orientation = Symmetry(
            orientation: self.metadata.orientation == 1 ? picture.orientation : self.metadata.orientation)
        let (_, part) = try self.sizeAndPart(declared: picture.size, orientation, &timings)
        let window = try self.window(of: part, orientation, &timings)
        let geometry = try self.request.geometry(for: part, orientation: orientation, window: window)
        let target = self.request.target(for: geometry.output)
        try self.request.check(geometry.output, as: target)
        return try self.render(picture, geometry, as: target, timings)
    }

    /// - Parameter format: nil when it depends on the pixels.
    private func render(
        _ source: consuming PictureSource, _ geometry: StoredGeometry, as format: ImageFormat?, _ spent: JobTimings
    ) throws(JobFailure) -> JobResult {
        var picture = source
        var timings = spent
        let before = JobTimings.now
        let pixels = try Rendering.render(
            &picture, geometry, scale: picture.scale, checkTime: self.request.checkTime)
        var isAsItWas = geometry.isIdentity(of: picture.size) && self.format != .jpeg
        if let conversion = picture.conversion {
            conversion.apply(to: pixels)
            isAsItWas = false
        }
        if let background = self.request.options.background, !pixels.isOpaque {
            Background(background).put(under: pixels)
            isAsItWas = false
        }
        let between = JobTimings.now
        timings.decode += picture.time
        timings.resize += between - before - min(between - before, picture.rowTime)
        let target = format ?? self.format.resultFormat(hasAlpha: !pixels.isOpaque)
        try self.request.check(pixels.size, as: target)
        let image = try EncodedPicture(
            pixels, format: target, quality: self.request.quality(for: target), limits: self.limits,
            policy: self.request.policy, deadline: self.request.deadline)
        timings.encode += JobTimings.now - between
        return try self.finish(image, isAsItWas, timings)
    }

    /// - Parameter isAsItWas: nothing has happened to the picture but being coded again.
    private func finish(
        _ image: consuming EncodedPicture, _ isAsItWas: Bool, _ timings: JobTimings
    ) throws(JobFailure) -> JobResult {
        guard isAsItWas else { return JobResult(image, timings) }
        return try JobResult(self.request.smaller(image, source: self.source, format: self.format), timings)
    }

    private func open(reduction: Double) throws(JobFailure) -> PictureSource {
        try PictureSource(
            self.source, format: self.format, limits: self.limits, deadline: self.request.deadline,
            reduction: reduction, passes: self.request.passes, disabled: self.request.policy.disabledFormats)
    }

    /// The stored picture's size, and the part of it that the job is about: all of it, or what trimming leaves.
    private func sizeAndPart(
        declared: ImageSize?, _ orientation: Symmetry, _ timings: inout JobTimings
    ) throws(JobFailure) -> (ImageSize, PixelRect) {
        if !self.request.options.trim, let declared { return (declared, PixelRect(declared)) }
        var picture = try self.open(reduction: 1)
        defer { timings.decode += picture.time }
        let size = picture.size
        guard self.request.options.trim else { return (size, PixelRect(size)) }
        // The border has the colour of the upright picture's top left corner, which can be in the last row as stored.
        let corner = orientation.origin(of: PixelRect(x: 0, y: 0, width: 1, height: 1), in: picture.size)
        let colour = corner.y == 0 ? nil : try self.colour(at: corner)
        return (size, try Trim.remainder(of: &picture, colour: colour, startsAtRight: corner.x > 0))
    }

    private func colour(at corner: PixelRect) throws(JobFailure) -> [UInt8] {
        var picture = try self.open(reduction: 1)
        let channels = picture.channels
        let row = try Scratch<UInt8>(count: picture.size.width * channels)
        for _ in 0...corner.y { try picture.readRow(into: row.start) }
        return Array(UnsafeBufferPointer(start: row.start + corner.x * channels, count: channels))
    }

    /// What smart cropping keeps of the upright part; nil when it is not asked for. Decodes the picture for it, as coarse
    /// as will do.
    private func window(
        of part: PixelRect, _ orientation: Symmetry, _ timings: inout JobTimings
    ) throws(JobFailure) -> PixelRect? {
        guard let crop = self.request.smartCrop(of: part, orientation: orientation) else { return nil }
        var picture = try self.open(reduction: crop.reduction(of: part, orientation))
        let before = JobTimings.now
        defer {
            timings.decode += picture.time
            let spent = JobTimings.now - before
            timings.resize += spent - min(spent, picture.rowTime)
        }
        return try crop.window(in: &picture, scale: picture.scale, part: part, orientation, self.request.checkTime)
    }
}
