// SPDX-License-Identifier: Apache-2.0

public import ImageJob

/// What a file says about its pixels besides the pixels.
///
/// Read by walking the file's segments: total and bounded, every step moves forward. What is damaged is as if it were not
/// there; whether the file as a whole is right is its decoder's question.
public struct PictureMetadata: Equatable, Sendable {
    /// EXIF's number, 1...8.
    public var orientation = 1
    /// Whether there is a colour profile, and it is another than sRGB.
    public var hasForeignProfile = false

    public init(of bytes: Span<UInt8>, format: ImageFormat) {
        switch format {
        case .jpeg: self.readJPEG(bytes)
        case .png: self.readPNG(bytes)
        default: break
        }
    }

    private mutating func readJPEG(_ bytes: Span<UInt8>) {
        let profileMark = 14  // "ICC_PROFILE", a zero, which part this is, and of how many
        var hasExif = false
        var at = JPEGSegments.start
        while let (marker, range) = JPEGSegments.next(bytes, &at) {
            let content = bytes.extracting(range)
            if marker == 0xE1, !hasExif, content.has("Exif\0\0", at: 0) {
                hasExif = true
                self.orientation = ExifOrientation.read(content)
            } else if marker == 0xE2, content.has("ICC_PROFILE\0", at: 0), content.count >= profileMark {
                // sRGB's profiles are small: one in several parts is another one.
                let isWhole = content[profileMark - 1] == 1
                let profile = content.extracting(content.range(profileMark, content.count))
                if !isWhole || !ColourProfile.isStandard(profile) { self.hasForeignProfile = true }
            }
        }
    }

    private mutating func readPNG(_ bytes: Span<UInt8>) {
        var at = 8
        while let length = bytes.word(at), bytes.count - at >= 12, length <= bytes.count - at - 12 {
            if bytes.has("eXIf", at: at + 4) {
                self.orientation = ExifOrientation.read(bytes.extracting(bytes.range(at + 8, length)))
                return
            }
            if bytes.has("IEND", at: at + 4) { return }
            at += 12 + length
        }
    }
}
