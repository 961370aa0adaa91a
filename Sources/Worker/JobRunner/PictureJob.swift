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

    private var limits: PixelLimits { self.request.limits }

    func run() throws(JobFailure) -> JobResult {
        let target = self.request.options.format
        guard target.map(EncodedPicture.formats.contains) ?? true else { throw .unsupportedFormat }
        if let declared { try self.check(declared) }
        if AnimationSource.formats.contains(self.format), target.map(AnimationEncoder.formats.contains) ?? true,
            let result = try AnimationJob(request: self.request, source: self.source, format: self.format).run()
        {
            return result
        }
        if self.format == .jpeg, target ?? .jpeg == .jpeg, !self.request.options.trim,
            !self.metadata.hasForeignProfile, let size = try EncodedPicture.sizeOfTranscodable(jpeg: self.source)
        {
            try self.check(size)
            return try self.transcode(size)
        }
        return try self.render()
    }

    private func check(_ size: ImageSize) throws(JobFailure) {
        guard size.area <= self.limits.maxSourcePixels else { throw .tooManyPixels }
    }

    private func transcode(_ size: ImageSize) throws(JobFailure) -> JobResult {
        var timings = JobTimings()
        let orientation = Symmetry(orientation: self.metadata.orientation)
        let window = try self.window(of: PixelRect(size), orientation, &timings)
        let geometry = try self.request.geometry(
            for: PixelRect(size), orientation: orientation, as: .jpeg, window: window)
        let image = try EncodedPicture(
            transcodingJPEG: self.source, geometry, quality: self.request.quality(for: .jpeg), limits: self.limits,
            deadline: self.request.deadline, timings: &timings)
        return JobResult(image, timings)
    }

    private func render() throws(JobFailure) -> JobResult {
        var timings = JobTimings()
        // A decoder that shrinks must know by how much before it begins; the others know more than the header says.
        let picture: PictureSource
        let geometry: StoredGeometry
        let target = self.request.options.format
        if self.format == .jpeg {
            let orientation = Symmetry(orientation: self.metadata.orientation)
            let (size, part) = try self.sizeAndPart(declared: self.declared, orientation, &timings)
            let window = try self.window(of: part, orientation, &timings)
            geometry = try self.request.geometry(
                for: part, orientation: orientation, as: target ?? .jpeg, window: window)
            picture = try self.open(reduction: geometry.reduction)
            // The plan was made for this size: a file that tells each reader another one is none to go on with.
            guard picture.size == picture.scale.size(of: size) else { throw .corruptSource }
        } else {
            picture = try self.open(reduction: 1)
            let orientation = Symmetry(
                orientation: self.metadata.orientation == 1 ? picture.orientation : self.metadata.orientation)
            let (_, part) = try self.sizeAndPart(declared: picture.size, orientation, &timings)
            let window = try self.window(of: part, orientation, &timings)
            geometry = try self.request.geometry(for: part, orientation: orientation, as: target, window: window)
        }
        return try self.render(picture, geometry, timings)
    }

    private func render(
        _ source: consuming PictureSource, _ geometry: StoredGeometry, _ spent: JobTimings
    ) throws(JobFailure) -> JobResult {
        var picture = source
        var timings = spent
        let before = JobTimings.now
        let pixels = try Rendering.render(
            &picture, geometry, scale: picture.scale, checkTime: self.request.checkTime)
        if let conversion = picture.conversion { conversion.apply(to: pixels) }
        let between = JobTimings.now
        timings.decode += picture.time
        timings.resize += between - before - min(between - before, picture.rowTime)
        let target = self.request.options.format ?? self.format.resultFormat(hasAlpha: !pixels.isOpaque)
        let image = try EncodedPicture(
            pixels, format: target, quality: self.request.quality(for: target), limits: self.limits,
            deadline: self.request.deadline)
        timings.encode = JobTimings.now - between
        return JobResult(image, timings)
    }

    private func open(reduction: Double) throws(JobFailure) -> PictureSource {
        try PictureSource(
            self.source, format: self.format, limits: self.limits, deadline: self.request.deadline,
            reduction: reduction)
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
        // Less of a margin than for a picture that somebody looks at.
        let reduction = 1.5 * Double(orientation.size(of: part.size).width) / Double(crop.analysed.width)
        var picture = try self.open(reduction: reduction)
        let before = JobTimings.now
        defer {
            timings.decode += picture.time
            let spent = JobTimings.now - before
            timings.resize += spent - min(spent, picture.rowTime)
        }
        return try crop.window(in: &picture, scale: picture.scale, part: part, orientation, self.request.checkTime)
    }
}
