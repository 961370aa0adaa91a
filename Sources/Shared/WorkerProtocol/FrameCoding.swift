// SPDX-License-Identifier: Apache-2.0

/// What every frame begins with: `IPW1`, type, version, and its whole length, little-endian.
enum FrameHeader {
    static let magic: UInt32 = 0x3157_5049  // "IPW1" as little-endian bytes
    static let version = protocolVersion
    static let length = 8
}

/// Front and worker refuse each other when theirs differ.
public let protocolVersion: UInt8 = 4

/// The longest frame; a receive buffer of this size takes each of them.
public let maximumFrameLength = 256

struct FrameWriter {
    private(set) var bytes: [UInt8] = []

    init(_ type: FrameType, length: Int) {
        self.bytes.reserveCapacity(length)
        self.put(FrameHeader.magic)
        self.put(type.rawValue)
        self.put(FrameHeader.version)
        self.put(UInt16(clamping: length))
    }

    mutating func put(_ value: some FixedWidthInteger & UnsignedInteger) {
        for index in 0..<value.bitWidth / 8 {
            self.bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index)))
        }
    }
}

/// Reads the fields of a frame, starting with its header, which is checked. Its length is compared with the sum of the
/// fields, so `take` never runs out; if it ever did, it would read zeros.
struct FrameReader {
    private let bytes: [UInt8]
    private var at = 0

    init(_ frame: Span<UInt8>, _ type: FrameType, length: Int) throws(ProtocolError) {
        guard frame.count >= FrameHeader.length else { throw .wrongLength(frame.count) }
        self.bytes = frame.indices.map { frame[$0] }
        guard self.take() as UInt32 == FrameHeader.magic else { throw .wrongMagic }
        let actual: UInt8 = self.take()
        guard actual == type.rawValue else { throw .wrongType(actual) }
        // Before any length: another version's frames may well be longer, and it is the version that has to be said.
        let version: UInt8 = self.take()
        guard version == FrameHeader.version else { throw .wrongVersion(version) }
        guard frame.count == length else { throw .wrongLength(frame.count) }
        let declared: UInt16 = self.take()
        guard Int(declared) == length else { throw .wrongLength(Int(declared)) }
    }

    mutating func take<Value: FixedWidthInteger & UnsignedInteger>() -> Value {
        var value: Value = 0
        for index in 0..<Value.bitWidth / 8 where self.at < self.bytes.count {
            value |= Value(self.bytes[self.at]) << Value(8 * index)
            self.at += 1
        }
        return value
    }
}
