// SPDX-License-Identifier: Apache-2.0

/// What a worker is made of: its own version, and those of the libraries that decode and encode, by its own word.
///
/// Numbers and not text: a worker's bytes are hostile, and these can do no harm on a page or in a log.
public struct WorkerVersions: Hashable, Sendable {
    /// In the order in which the numbers travel.
    public static let names = [
        "imageproxy-worker", "libjpeg-turbo", "libpng", "libdeflate", "libwebp", "libtiff", "giflib", "libavif", "aom",
        "dav1d", "lcms2",
    ]

    /// 65,536 × major + 256 × minor + patch, of each name; 0 = not known.
    public let numbers: [UInt32]

    /// - Parameter numbers: as many as there are names; what is missing is not known.
    public init(_ numbers: [UInt32]) {
        self.numbers = (0..<Self.names.count).map { $0 < numbers.count ? numbers[$0] : 0 }
    }

    /// Reads `1.2.3`, or what such a text begins with; what is missing is 0.
    public static func number(_ text: some StringProtocol) -> UInt32 {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).prefix(3)
        let numbers = parts.map { UInt32($0.prefix { $0.isASCII && $0.isNumber }) ?? 0 }
        return (0..<3).reduce(0) { $0 << 8 | min(255, $1 < numbers.count ? numbers[$1] : 0) }
    }

    /// Name and version of everything that is known.
    public var all: [(name: String, version: String)] {
        zip(Self.names, self.numbers).compactMap { name, number in
            number == 0 ? nil : (name, "\(number >> 16).\(number >> 8 & 0xFF).\(number & 0xFF)")
        }
    }
}
