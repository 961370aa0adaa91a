// SPDX-License-Identifier: Apache-2.0

internal import Codecs
internal import ImageJob
internal import Pixels
internal import Transforms

/// What a request means for a given picture.
extension JobRequest {
    /// Codecs count sides in 32 bits, and tables grow with them.
    private static let maxSide = 1_000_000

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

    /// - Parameters:
    ///   - part: of the stored picture, what the job is about.
    ///   - format: of the result, where it is known before decoding.
    ///   - window: of the upright part, what smart cropping keeps.
    func geometry(
        for part: PixelRect, orientation: Symmetry, as format: ImageFormat?, window: PixelRect? = nil
    ) throws(JobFailure) -> StoredGeometry {
        let plan = TransformPlan.make(
            for: orientation.size(of: part.size), options: self.options, scaleUp: self.scaleUp, window: window)
        let output = plan.output
        let maxSide = min(Self.maxSide, format.map(EncodedPicture.maxSide) ?? .max)
        guard output.area <= self.limits.maxOutputPixels, max(output.width, output.height) <= maxSide else {
            throw .resultTooLarge
        }
        return StoredGeometry(plan, orientation: orientation, part: part)
    }

    /// How to find the window of the upright part that smart cropping keeps; nil when it is not asked for.
    func smartCrop(of part: PixelRect, orientation: Symmetry) -> SmartCrop? {
        let size = orientation.size(of: part.size)
        return TransformPlan.smartCropTarget(for: size, options: self.options).map { SmartCrop(of: size, for: $0) }
    }

    func checkTime() throws(JobFailure) {
        if self.deadline != 0, JobTimings.now > self.deadline { throw .deadlinePassed }
    }
}
