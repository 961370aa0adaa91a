// SPDX-License-Identifier: Apache-2.0

/// The picture formats this service knows; the raw values travel on the wire and never change.
public enum ImageFormat: UInt8, CaseIterable, Sendable {
    case jpeg = 1
    case png = 2
    case webp = 3
    case gif = 4
    case tiff = 5
    case bmp = 6
    case avif = 7

    /// The word that asks for this format among a request's options.
    public var optionWord: String {
        switch self {
        case .jpeg: "jpeg"
        case .png: "png"
        case .webp: "webp"
        case .gif: "gif"
        case .tiff: "tiff"
        case .bmp: "bmp"
        case .avif: "avif"
        }
    }

    public var contentType: String { "image/" + self.optionWord }

    /// The number of leading bytes that `init(magic:)` looks at.
    public static let magicLength = 32

    /// Names the format by the file's first bytes, the only evidence that is believed.
    public init?(magic bytes: Span<UInt8>) {
        func starts(_ prefix: StaticString, at offset: Int = 0) -> Bool { Self.matches(bytes, prefix, at: offset) }
        if bytes.count >= 3, bytes[0] == 0xFF, bytes[1] == 0xD8, bytes[2] == 0xFF {
            self = .jpeg
        } else if bytes.count >= 8, bytes[0] == 0x89, starts("PNG\r\n\u{1A}\n", at: 1) {
            self = .png
        } else if starts("RIFF"), starts("WEBPVP8", at: 8) {
            self = .webp
        } else if starts("GIF87a") || starts("GIF89a") {
            self = .gif
        } else if starts("II*\u{0}") || starts("MM\u{0}*") || starts("II+\u{0}\u{8}\u{0}\u{0}\u{0}")
            || starts("MM\u{0}+\u{0}\u{8}\u{0}\u{0}")
        {
            // The second kind has offsets of 64 bits: BigTIFF.
            self = .tiff
        } else if starts("BM"), bytes.count >= 18 {
            self = .bmp
        } else if starts("ftypavif", at: 4) || starts("ftypavis", at: 4) || Self.isNamedAVIFLater(bytes) {
            self = .avif
        } else {
            return nil
        }
    }

    /// Whether a file says first how it is built, and only then that what it holds is AVIF: older programs write that.
    private static func isNamedAVIFLater(_ bytes: Span<UInt8>) -> Bool {
        guard Self.matches(bytes, "ftypmif1", at: 4) || Self.matches(bytes, "ftypmsf1", at: 4), bytes[0] == 0,
            bytes[1] == 0, bytes[2] == 0
        else { return false }
        let end = min(Int(bytes[3]), Self.magicLength)
        return stride(from: 16, to: end, by: 4).contains { at in
            at + 4 <= end && (Self.matches(bytes, "avif", at: at) || Self.matches(bytes, "avis", at: at))
        }
    }

    private static func matches(_ bytes: Span<UInt8>, _ prefix: StaticString, at offset: Int) -> Bool {
        guard bytes.count >= offset + prefix.utf8CodeUnitCount else { return false }
        var index = offset
        for byte in prefix.description.utf8 {
            guard bytes[index] == byte else { return false }
            index += 1
        }
        return true
    }
}
