// SPDX-License-Identifier: Apache-2.0

internal import Codecs
internal import ImageJob
internal import Pixels
internal import Transforms

/// The steps of a job whose source may move, and whose result can: frame by frame, and of each only what has changed.
struct AnimationJob {
    let request: JobRequest
    let source: UnsafeRawBufferPointer
    let format: ImageFormat
    /// Nanoseconds that the job has taken so far.
    let header: UInt64

    /// - Returns: nil when there is one frame only, which is a still's job.
    func run() throws(JobFailure) -> JobResult? {
        var animation = try self.open()
        guard animation.frameCount > 1 else { return nil }
        var timings = JobTimings()
        timings.header = self.header
        let orientation = Symmetry(orientation: animation.orientation)
        let part = self.request.options.trim ? try self.trimmed(orientation, &timings) : PixelRect(animation.size)
        let window = try self.window(of: part, orientation, &timings)
        let geometry = try self.request.geometry(
            for: part, orientation: orientation, window: window)
        try self.check(geometry.output, frames: animation.frameCount)

        let budget = AnimationBudget(
            changing: animation.changingPixels, dense: animation.densePixels, passes: self.request.passesOfAnimation,
            part: geometry.source.size, output: geometry.output, frames: animation.frameCount,
            limits: self.request.limits)
        let target = self.target(for: geometry.output, budget)
        // What nobody has asked for must not turn out too expensive in the end.
        let isAskedFor = self.request.options.format != nil
        let surely = isAskedFor ? nil : budget.effort(for: target, isForSure: true)
        guard let effort = surely ?? budget.effort(for: target) else { throw .resultTooLarge }
        try self.request.check(geometry.output, as: target)
        var encoder = try AnimationEncoder(
            target, size: geometry.output, source: animation, quality: self.request.quality(for: target),
            effort: effort, spare: budget.spare(as: target, effort), changed: budget.changed(as: target, effort),
            limits: self.request.limits, deadline: self.request.deadline)
        var renderer = try FrameRenderer(geometry, canvas: animation.size)
        let converted = try FrameColours(
            animation.conversion, background: self.request.options.background, size: geometry.output)
        for _ in 0..<animation.frameCount {
            try animation.readFrame()
            let before = JobTimings.now
            let changed = try renderer.update(animation.pixels, changed: animation.changed)
            let pixels = converted.follow(renderer.pixels, changed: changed)
            let between = JobTimings.now
            try encoder.add(pixels, changed: changed, source: animation)
            timings.resize += between - before
            timings.encode += JobTimings.now - between
        }
        timings.decode += animation.time
        let before = JobTimings.now
        let image = try encoder.finish()
        timings.encode += JobTimings.now - before
        let isAsItWas = geometry.isIdentity(of: animation.size) && !converted.isNeeded
        return try JobResult(
            isAsItWas ? self.request.smaller(image, source: self.source, format: self.format) : image, timings)
    }

    /// What nobody has asked for only if it moves.
    private func target(for output: ImageSize, _ budget: AnimationBudget) -> ImageFormat {
        if let format = self.request.options.format { return format }
        let accepted = self.request.options.accepted.first {
            AnimationEncoder.formats.contains($0) && !self.request.policy.disabledFormats.contains($0)
                && max(output.width, output.height) <= EncodedPicture.maxSide(of: $0)
                && budget.effort(for: $0, isForSure: true) != nil
        }
        return accepted ?? self.format
    }

    private func open() throws(JobFailure) -> AnimationSource {
        try AnimationSource(
            self.source, format: self.format, limits: self.request.limits, deadline: self.request.deadline,
            passes: self.request.passesOfAnimation)
    }

    /// Frames of the result cost as much as those of the source.
    private func check(_ output: ImageSize, frames: Int) throws(JobFailure) {
        let most = AnimationSource.total(UInt64(clamping: self.request.limits.maxSourcePixels))
        guard UInt64(output.area) <= most / UInt64(frames) else { throw .resultTooLarge }
    }

    /// What is left when a border is cut off that all frames have, in the colour of the first one's corner.
    private func trimmed(_ orientation: Symmetry, _ timings: inout JobTimings) throws(JobFailure) -> PixelRect {
        var animation = try self.open()
        defer { timings.decode += animation.time }
        let corner = orientation.origin(of: PixelRect(x: 0, y: 0, width: 1, height: 1), in: animation.size)
        var border = Border(of: animation.size)
        for _ in 0..<animation.frameCount {
            try animation.readFrame()
            border.add(animation.pixels, corner: corner, changed: animation.changed)
        }
        return border.remainder
    }

    /// What smart cropping keeps of every frame: its choice for the first one.
    private func window(
        of part: PixelRect, _ orientation: Symmetry, _ timings: inout JobTimings
    ) throws(JobFailure) -> PixelRect? {
        guard let crop = self.request.smartCrop(of: part, orientation: orientation) else { return nil }
        var animation = try self.open()
        defer { timings.decode += animation.time }
        try animation.readFrame()
        var frame = MemoryRows(animation.pixels, size: animation.size, channels: 4)
        let before = JobTimings.now
        defer { timings.resize += JobTimings.now - before }
        return try crop.window(in: &frame, scale: .full, part: part, orientation, self.request.checkTime)
    }
}
