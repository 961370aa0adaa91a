// SPDX-License-Identifier: Apache-2.0

/// A width and a height in whole pixels, both at least 0.
public struct ImageSize: Hashable, Sendable {
    public var width: Int
    public var height: Int

    public init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    /// The number of pixels. Dimensions come from 32-bit header fields, so the product fits an `Int`.
    public var area: Int { self.width * self.height }

    /// The size after a quarter turn.
    public var transposed: ImageSize { ImageSize(width: self.height, height: self.width) }
}

/// A rectangle of whole pixels; `x` grows to the right and `y` downward.
public struct PixelRect: Hashable, Sendable {
    public var x: Int
    public var y: Int
    public var width: Int
    public var height: Int

    public init(x: Int, y: Int, width: Int, height: Int) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    /// The rectangle that covers a whole image.
    public init(_ size: ImageSize) {
        self.init(x: 0, y: 0, width: size.width, height: size.height)
    }

    public var size: ImageSize { ImageSize(width: self.width, height: self.height) }
}
