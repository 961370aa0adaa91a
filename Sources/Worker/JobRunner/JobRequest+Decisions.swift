// SPDX-License-Identifier: Apache-2.0

internal import Codecs
internal import ImageJob
internal import Pixels

/// What a request means for a given picture.
extension JobRequest {
    /// Codecs count sides in 32 bits, and tables grow with them.
    private static let maxSide = 1_000_000

    /// How often the source is decoded: what is to be trimmed has to be seen first.
    var passes: Int { self.options.trim ? 2 : 1 }

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
    func geometry(
        for part: PixelRect, orientation: Symmetry, as format: ImageFormat?
    ) throws(JobFailure) -> StoredGeometry {
        let plan = TransformPlan.make(
            for: orientation.size(of: part.size), options: self.options, scaleUp: self.scaleUp)
        let output = plan.output
        let maxSide = min(Self.maxSide, format.map(EncodedPicture.maxSide) ?? .max)
        guard output.area <= self.limits.maxOutputPixels, max(output.width, output.height) <= maxSide else {
            throw .resultTooLarge
        }
        return StoredGeometry(plan, orientation: orientation, part: part)
    }
}
