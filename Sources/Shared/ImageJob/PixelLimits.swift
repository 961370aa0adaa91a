// SPDX-License-Identifier: Apache-2.0

/// What one job may cost. Decided by the front, carried to the worker with the job, checked before anything is
/// allocated.
public struct PixelLimits: Hashable, Sendable {
    /// Width times height of the source, by its header.
    public var maxSourcePixels: Int
    /// Width times height of the result.
    public var maxOutputPixels: Int
    /// Bytes of the encoded result.
    public var maxResultBytes: Int

    public init(maxSourcePixels: Int, maxOutputPixels: Int, maxResultBytes: Int) {
        self.maxSourcePixels = maxSourcePixels
        self.maxOutputPixels = maxOutputPixels
        self.maxResultBytes = maxResultBytes
    }

    /// 100 million pixels in is the original service's limit; the other two are ours.
    public static let standard = PixelLimits(
        maxSourcePixels: 100_000_000, maxOutputPixels: 50_000_000, maxResultBytes: 64 << 20)
}
