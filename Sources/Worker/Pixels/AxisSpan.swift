// SPDX-License-Identifier: Apache-2.0

package import CResample

/// How a row of samples becomes another one: where it comes from, and what is kept of it.
public struct AxisSpan: Equatable, Sendable {
    /// The pixels that are resampled, …
    public var from: Int
    public var length: Int
    /// … to this many, …
    public var resampled: Int
    /// … of which this part is made, …
    public var window: Int
    public var kept: Int
    /// … last to first, on the whole.
    public var isMirrored: Bool
    /// Because the source is stored so: its samples have the weights that they would have if it were not, which come
    /// out otherwise by a rounding when it is the result that is mirrored.
    public var isMirroredFirst: Bool
    /// As the original service shrinks what smart crop looks at: by a cubic spline instead of Lanczos' filter, and a step
    /// darker, as both its passes cut fractions off.
    public var isCubic: Bool

    public init(
        from: Int, length: Int, resampled: Int, window: Int, kept: Int, isMirrored: Bool, isMirroredFirst: Bool = false,
        isCubic: Bool = false
    ) {
        self.from = from
        self.length = length
        self.resampled = resampled
        self.window = window
        self.kept = kept
        self.isMirrored = isMirrored
        self.isMirroredFirst = isMirroredFirst
        self.isCubic = isCubic
    }
}

extension cr_span {
    package init(_ span: AxisSpan) {
        self.init(
            from: Int32(span.from), length: Int32(span.length), resampled: Int32(clamping: span.resampled),
            window: Int32(clamping: span.window), kept: Int32(span.kept), is_mirrored: span.isMirrored ? 1 : 0,
            is_mirrored_first: span.isMirroredFirst ? 1 : 0)
    }
}
