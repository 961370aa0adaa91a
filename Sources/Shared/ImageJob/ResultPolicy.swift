// SPDX-License-Identifier: Apache-2.0

/// What the operator has decided about results, beyond what they may cost.
public struct ResultPolicy: Hashable, Sendable {
    /// Width times height beyond which a picture does not become AVIF unless a request names it.
    public var maxAVIFPixels = 2_000_000
    /// 0...10: from smallest to fastest.
    public var avifSpeed = 9
    /// The source is the result, without its metadata, when it is what was asked for and smaller than what was made of it.
    public var keepsSmaller = true
    /// JPEG files get Huffman tables of their own.
    public var optimizesJPEG = false
    /// They are written scan by scan, each with tables of its own.
    public var makesProgressiveJPEG = false
    /// Neither read nor written.
    public var disabledFormats: ImageFormatSet = []

    public init() {}
}
