// SPDX-License-Identifier: Apache-2.0

/// Some of the formats; on the wire, bit n stands for the format with raw value n.
public struct ImageFormatSet: OptionSet, Hashable, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public init(_ formats: some Sequence<ImageFormat>) {
        self.rawValue = formats.reduce(0) { $0 | Self.bit($1) }
    }

    public func contains(_ format: ImageFormat) -> Bool { self.rawValue & Self.bit(format) != 0 }

    private static func bit(_ format: ImageFormat) -> UInt16 { 1 << UInt16(format.rawValue) }
}
