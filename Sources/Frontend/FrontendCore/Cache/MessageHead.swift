// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The head of a stored message, taken apart. The bytes may be anybody's: it reads no further than it must, and what it
/// does not understand it refuses.
struct MessageHead {
    let status: Int
    let fields: HTTPFields
    /// The bytes, the empty line included.
    let bytes: [UInt8]
    /// Where the last field's line begins in them.
    let lastLine: Int

    /// - Parameter message: its first bytes at least, as many as `StoredMessage.longestHead` if it has so many.
    init?(_ message: UnsafeRawBufferPointer) {
        guard let (lines, count) = Self.lines(message) else { return nil }
        let bytes = Array(message.prefix(count))
        guard lines.count > 1, let status = Self.status(bytes[lines[0]]) else { return nil }
        var fields = HTTPFields()
        for line in lines.dropFirst() {
            guard let (name, value) = Self.field(bytes[line]) else { return nil }
            fields.append(name, value)
        }
        self.status = status
        self.fields = fields
        self.bytes = bytes
        self.lastLine = lines[lines.count - 1].lowerBound
    }

    /// Where the lines are, each of which CR LF ends, and how long they are with the empty one after them.
    private static func lines(_ message: UnsafeRawBufferPointer) -> (lines: [Range<Int>], count: Int)? {
        let limit = min(message.count, StoredMessage.longestHead)
        var lines: [Range<Int>] = []
        var start = 0
        while start < limit, lines.count <= StoredMessage.mostFields,
            let found = memchr(message.baseAddress! + start, 0x0A, limit - start)
        {
            let end = message.baseAddress!.distance(to: UnsafeRawPointer(found))
            guard end > start, message[end - 1] == 0x0D else { return nil }
            if end - 1 == start { return (lines, end + 1) }
            lines.append(start..<end - 1)
            start = end + 1
        }
        return nil
    }

    /// `HTTP/1.1 200 OK`.
    private static func status(_ line: ArraySlice<UInt8>) -> Int? {
        let parts = line.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[0].count == 8, parts[0].starts(with: "HTTP/".utf8), parts[1].count == 3,
            parts[1].allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        let status = parts[1].reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return status >= 200 ? status : nil
    }

    private static func field(_ line: ArraySlice<UInt8>) -> (name: String, value: String)? {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let name = line[..<colon]
        let value = line[(colon + 1)...]
        guard !name.isEmpty, name.allSatisfy(Self.isTokenByte),
            value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }),
            let text = String(validating: value, as: UTF8.self)
        else { return nil }
        return (String(decoding: name, as: UTF8.self), text.trimmed)
    }

    /// What a field's name is made of (RFC 9110 section 5.6.2).
    static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            true
        default: "!#$%&'*+.^_`|~".utf8.contains(byte)
        }
    }
}
