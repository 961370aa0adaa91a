// SPDX-License-Identifier: Apache-2.0

public import ImageJob

/// A plan, told in the coordinates of the picture as it is stored: cut out, resampled and cut again before anything is
/// turned, so that rows can be used in the order in which they come.
public struct StoredGeometry: Equatable, Sendable {
    /// The part that is resampled, …
    public var source: PixelRect
    /// … to this size, …
    public var resampled: ImageSize
    /// … of which this part is kept, …
    public var window: PixelRect
    /// … and turned.
    public var symmetry: Symmetry
    /// What of that makes the picture upright. It is as if this came before anything is resampled: the weights and the
    /// order of the passes are those of the upright picture.
    public let orientation: Symmetry
    /// See ``AxisSpan/isCubic``.
    public var isCubic = false

    /// - Parameters:
    ///   - plan: made for `part` after `orientation`.
    ///   - orientation: what makes the stored picture upright.
    ///   - part: the part of the stored picture that the plan is about.
    public init(_ plan: TransformPlan, orientation: Symmetry, part: PixelRect) {
        self.source = orientation.origin(of: plan.source, in: part.size)
        self.source.x += part.x
        self.source.y += part.y
        self.resampled = orientation.size(of: plan.resampled)
        self.window = orientation.origin(of: plan.window, in: self.resampled)
        self.orientation = orientation
        self.symmetry =
            orientation
            .followed(by: Symmetry(quarterTurns: plan.quarterTurns))
            .followed(by: Symmetry(mirrorsX: plan.flipHorizontal, mirrorsY: plan.flipVertical))
    }

    /// The stored picture's rows as samples of columns, …
    public var columns: AxisSpan {
        AxisSpan(
            from: self.source.x, length: self.source.width, resampled: self.resampled.width, window: self.window.x,
            kept: self.window.width, isMirrored: self.symmetry.mirrorsX, isMirroredFirst: self.orientation.mirrorsX,
            isCubic: self.isCubic)
    }

    /// … and its columns as samples of rows.
    public var rows: AxisSpan {
        AxisSpan(
            from: self.source.y, length: self.source.height, resampled: self.resampled.height, window: self.window.y,
            kept: self.window.height, isMirrored: self.symmetry.mirrorsY, isMirroredFirst: self.orientation.mirrorsY,
            isCubic: self.isCubic)
    }

    /// The upright picture goes through the pass across first.
    public var isDownFirst: Bool { self.orientation.transposes }

    /// The result's size.
    public var output: ImageSize { self.symmetry.size(of: self.window.size) }

    /// Whether nothing happens to a picture of this size.
    public func isIdentity(of size: ImageSize) -> Bool { self.isWhole(of: size) && self.symmetry == Symmetry() }

    /// Whether a picture of this size is at most turned and mirrored.
    public func isWhole(of size: ImageSize) -> Bool {
        !self.resamples && self.source == PixelRect(size) && self.window == PixelRect(size)
    }

    public var resamples: Bool { self.resampled != self.source.size }

    /// How many pixels become one, on the axis where these are fewer.
    public var reduction: Double {
        min(
            Double(self.source.width) / Double(self.resampled.width),
            Double(self.source.height) / Double(self.resampled.height))
    }
}
