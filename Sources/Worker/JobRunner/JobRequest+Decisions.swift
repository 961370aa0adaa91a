// SPDX-License-Identifier: Apache-2.0

internal import Codecs
internal import ImageJob
internal import Pixels
internal import Transforms

/// What a request means for a given picture.
extension JobRequest {
    /// Codecs count sides in 32 bits, and tables grow with them.
    private static let maxSide = 1_000_000

    /// How often a still is decoded: what is to be trimmed has to be seen first, and so has what is to be cropped by what
    /// is seen in it.
    var passes: Int { 1 + (self.options.trim ? 1 : 0) + (self.options.smartCrop ? 1 : 0) }

    /// The same of an animation, of which smart cropping looks at one frame.
    var passesOfAnimation: Int { self.options.trim ? 2 : 1 }

    /// 1...100. The defaults are the original service's.
    func quality(for format: ImageFormat) -> Int {
        let asked = self.options.quality
        guard asked == 0 else { return min(max(1, asked), 100) }
        return switch format {
        case .webp: 80
        case .avif: 55
        default: 95
        }
    }

    /// The result's format as far as it does not depend on the source: the one asked for, else the first that the client
    /// can show and that holds such a picture at a price that is allowed; nil when there is none.
    ///
    /// - Parameter size: the result's.
    func target(for size: ImageSize) -> ImageFormat? {
        self.options.format
            ?? self.options.accepted.first { format in
                guard max(size.width, size.height) <= EncodedPicture.maxSide(of: format),
                    !self.policy.disabledFormats.contains(format)
                else { return false }
                guard format == .avif else { return true }
                let end = JobTimings.now + EncodedPicture.typicalTimeOfAVIF(size, policy: self.policy)
                return size.area <= self.policy.maxAVIFPixels && (self.deadline == 0 || end <= self.deadline)
            }
    }

    /// - Parameter format: nil when it is not known yet.
    func check(_ output: ImageSize, as format: ImageFormat?) throws(JobFailure) {
        if let format, self.policy.disabledFormats.contains(format) { throw .disabledFormat }
        guard let format, max(output.width, output.height) > EncodedPicture.maxSide(of: format) else { return }
        throw .resultTooLarge
    }

    /// - Parameters:
    ///   - part: of the stored picture, what the job is about.
    ///   - window: of the upright part, what smart cropping keeps.
    func geometry(
        for part: PixelRect, orientation: Symmetry, window: PixelRect?
    ) throws(JobFailure) -> StoredGeometry {
        let plan = TransformPlan.make(
            for: orientation.size(of: part.size), options: self.options, scaleUp: self.scaleUp, window: window)
        let output = plan.output
        guard output.area <= self.limits.maxOutputPixels, max(output.width, output.height) <= Self.maxSide else {
            throw .resultTooLarge
        }
        return StoredGeometry(plan, orientation: orientation, part: part)
    }

    /// How to find the window of the upright part that smart cropping keeps; nil when it is not asked for.
    func smartCrop(of part: PixelRect, orientation: Symmetry) -> SmartCrop? {
        let size = orientation.size(of: part.size)
        return TransformPlan.smartCropTarget(for: size, options: self.options).map { SmartCrop(of: size, for: $0) }
    }

    /// The smaller of two files of the same picture: the one made of it, and its source without metadata. The latter only if
    /// the operator wants that and it is of the same format.
    func smaller(
        _ image: consuming EncodedPicture, source: UnsafeRawBufferPointer, format: ImageFormat
    ) throws(JobFailure) -> EncodedPicture {
        guard self.policy.keepsSmaller, image.format == format,
            let stripped = try EncodedPicture.stripped(source, format: format, size: image.size, limits: self.limits),
            stripped.bytes.count < image.bytes.count
        else { return image }
        return stripped
    }

    func checkTime() throws(JobFailure) {
        if self.deadline != 0, JobTimings.now > self.deadline { throw .deadlinePassed }
    }
}
