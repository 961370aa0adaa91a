// SPDX-License-Identifier: Apache-2.0

/// A part of a URL with its own rule for which bytes stand for themselves there.
///
/// The sets are those of the original's URL parser (Go's `net/url`), not those of RFC 3986: signatures are made over
/// what it prints, so a byte that it escapes has to be escaped here.
enum URLComponent: Sendable {
    case path
    /// Host and port. Only bytes beyond ASCII, and `%` itself, may be percent-encoded in it.
    case host
    /// The zone of an IPv6 literal.
    case zone
    case userinfo
    case fragment

    /// Whether `byte` is written as it is.
    func contains(_ byte: UInt8) -> Bool { self.plain.contains(byte) }

    /// The bytes that are written as they are.
    private var plain: ByteSet {
        switch self {
        case .path: Self.plainInPath
        case .host, .zone: Self.plainInHost
        case .userinfo: Self.plainInUserinfo
        case .fragment: Self.plainInFragment
        }
    }

    private static let unreserved = ByteSet.letters + ByteSet.digits + "-_.~"
    private static let plainInPath = ByteSet(unreserved + "$&+,/:;=@")
    private static let plainInHost = ByteSet(unreserved + "!$&'()*+,;=:[]<>\"")
    private static let plainInUserinfo = ByteSet(unreserved + "$&+,;=")
    private static let plainInFragment = ByteSet(unreserved + "$&+,/:;=?@!()*")

    /// Writes bytes so that they may stand in this part.
    func escape(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        for byte in bytes {
            if self.contains(byte) { text.append(byte) } else { text += Self.escaped(byte) }
        }
        return text
    }

    /// `%` and two digits in upper case.
    static func escaped(_ byte: UInt8) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        return [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }

    /// Undoes percent-encoding, and checks what must not stand in this part at all.
    func unescape(_ text: ArraySlice<UInt8>) throws(URLSyntaxError) -> [UInt8] {
        guard self.isHost || text.contains(UInt8(ascii: "%")) else { return Array(text) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            guard byte == UInt8(ascii: "%") else {
                guard !self.isHost || self.contains(byte) || byte >= 0x80 else { throw .hostCharacter(byte) }
                bytes.append(byte)
                index += 1
                continue
            }
            let escape = text[index...].prefix(3)
            guard let value = Self.value(of: escape), self.mayBeEscaped(value) else { throw .escape(Array(escape)) }
            bytes.append(value)
            index += 3
        }
        return bytes
    }

    private var isHost: Bool { self == .host || self == .zone }

    /// An escape in a host may not hide what could be written plainly, nor bring in what could not (RFC 6874 section 2).
    private func mayBeEscaped(_ value: UInt8) -> Bool {
        switch self {
        case .host: value >= 0x80 || value == UInt8(ascii: "%")
        case .zone: value == UInt8(ascii: "%") || value == UInt8(ascii: " ") || URLComponent.host.contains(value)
        case .path, .userinfo, .fragment: true
        }
    }

    private static func value(of escape: ArraySlice<UInt8>) -> UInt8? {
        guard escape.count == 3, let high = Self.hex(escape[escape.startIndex + 1]),
            let low = Self.hex(escape[escape.startIndex + 2])
        else { return nil }
        return high << 4 | low
    }

    private static func hex(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
