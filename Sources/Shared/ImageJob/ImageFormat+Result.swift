// SPDX-License-Identifier: Apache-2.0

/// What a picture becomes when no option names a format.
extension ImageFormat {
    /// - Parameter hasAlpha: whether some pixel of the result is not opaque.
    /// - Returns: the same format, but for two that are not made unless asked for: they become what everybody can read.
    public func resultFormat(hasAlpha: Bool) -> ImageFormat {
        switch self {
        case .webp, .tiff: hasAlpha ? .png : .jpeg
        case .jpeg, .png, .gif, .bmp, .avif: self
        }
    }

    /// What a service may offer to clients that can show it.
    public static let negotiable: [ImageFormat] = [.webp, .avif]

    /// All that it can become then. An animated WebP stays one: the others would not move.
    public var resultFormats: [ImageFormat] {
        switch self {
        case .webp: [.jpeg, .png, .webp]
        case .tiff: [.jpeg, .png]
        case .jpeg, .png, .gif, .bmp, .avif: [self]
        }
    }
}
