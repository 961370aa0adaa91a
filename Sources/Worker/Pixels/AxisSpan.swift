// SPDX-License-Identifier: Apache-2.0

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
    /// … last to first.
    public var isMirrored: Bool
    /// As the original service shrinks what smart crop looks at: by a cubic spline instead of Lanczos' filter, and a step
    /// darker, as both its passes cut fractions off.
    public var isCubic: Bool

    public init(
        from: Int, length: Int, resampled: Int, window: Int, kept: Int, isMirrored: Bool, isCubic: Bool = false
    ) {
        self.from = from
        self.length = length
        self.resampled = resampled
        self.window = window
        self.kept = kept
        self.isMirrored = isMirrored
        self.isCubic = isCubic
    }
}
