// SPDX-License-Identifier: Apache-2.0

/// What a request asks to be done to a picture: its options segment, parsed.
public struct TransformOptions: Hashable, Sendable {
    /// Target width: a fraction of the source's when between 0 and 1, else pixels; 0 = not asked.
    public var width: Double = 0
    public var height: Double = 0
    public var fit = false
    /// Degrees counter-clockwise, as given.
    public var rotate = 0
    public var flipVertical = false
    public var flipHorizontal = false
    /// 1...100; 0 = the format's default. Kept as given, clamped where it is used.
    public var quality = 0
    public var signature = ""
    public var scaleUp = false
    public var format: ImageFormat?
    /// Formats that the service offers and the client can show, best first: what becomes of a picture for which none is
    /// asked. Not part of the options' text.
    public var accepted: [ImageFormat] = []
    public var cropX: Double = 0
    public var cropY: Double = 0
    public var cropWidth: Double = 0
    public var cropHeight: Double = 0
    public var smartCrop = false
    public var trim = false
    /// What shows where the picture is transparent; nil leaves it so, as far as the result's format can.
    public var background: RGBColour?
    /// Unix seconds after which the request is refused; 0 = no limit.
    public var validUntil: Int64 = 0

    public init() {}
}
