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

        // Trimming depends on the pixels, which the front never sees.
        guard !job.options.trim, let source = job.source.declaredSize else { return true }
        // Nor does it read EXIF: a picture may lie on its side, which swaps its width and height.
        return [source, source.transposed].contains {
            // The same goes for what smart cropping keeps.
            TransformPlan.windowDecidesSize(for: $0, options: job.options, scaleUp: job.scaleUp)
                || TransformPlan.make(for: $0, options: job.options, scaleUp: job.scaleUp).output == size
        }
    }
}
