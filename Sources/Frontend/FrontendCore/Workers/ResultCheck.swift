// SPDX-License-Identifier: Apache-2.0

internal import ImageJob

/// Whether a worker's result can be the picture that was asked for. A worker may have been taken over by the picture it
/// decoded, so its word counts for nothing here: only the bytes do.
enum ResultCheck {
    /// - Returns: the result's format and size by its own header, or nil when they do not fit the job.
    static func read(_ result: Span<UInt8>, for job: PictureJob) -> (format: ImageFormat, size: ImageSize)? {
        guard let format = ImageFormat(magic: result), job.resultFormats.contains(format),
            let size = ImageHeader.size(of: result), Self.isPossible(size, for: job),
            result.count <= job.limits.maxResultBytes
        else { return nil }
        return (format, size)
    }

    private static func isPossible(_ size: ImageSize, for job: PictureJob) -> Bool {
        guard size.area <= job.limits.maxOutputPixels else { return false }

        // Trimming depends on the pixels, which the front never sees; so does the shape of what smart cropping keeps, unless
        // both sides are given.
        let isShapeOpen = job.options.smartCrop && (job.options.width == 0) != (job.options.height == 0)
        guard !job.options.trim, !isShapeOpen, let source = job.source.withSpan({ ImageHeader.size(of: $0) }) else {
            return true
        }
        // Nor does it read EXIF: a picture may lie on its side, which swaps its width and height.
        let possible = [source, source.transposed].map {
            TransformPlan.make(for: $0, options: job.options, scaleUp: job.scaleUp).output
        }
        return possible.contains(size)
    }
}
