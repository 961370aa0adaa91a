// SPDX-License-Identifier: Apache-2.0

/// An entry as it is kept outside this process: an HTTP/1.1 response, which anybody can read and the original program
/// can serve, with fields of ours in its head.
///
///     HTTP/1.1 200 OK
///     Content-Length: 48211
///     Content-Type: image/jpeg
///     …the origin's fields…
///     X-Imageproxy-Key: https://example.com/a.jpg#500x0
///     X-Imageproxy-Generated: 1700000000
///     X-Imageproxy-Source: 64 hexadecimal digits       of the original's bytes; variants only
///     X-Imageproxy-Body: 64 hexadecimal digits         of the bytes that follow the head
///     X-Imageproxy-Seal: sha-256=64 digits             of everything above this line
///
/// Nothing that is read back is believed: the seal proves the head, the head proves the body, and the key proves that
/// it is the answer to what was asked.
enum StoredMessage {
    /// Fields that start with this are ours; an origin that sends one is not heard.
    static let prefix = "X-Imageproxy-"

    enum Field {
        static let key = "X-Imageproxy-Key"
        static let selection = "X-Imageproxy-Selection"
        static let variesBy = "X-Imageproxy-Varies-By"
        static let generated = "X-Imageproxy-Generated"
        static let stamp = "X-Imageproxy-Stamp"
        static let fetchedFrom = "X-Imageproxy-Fetched-From"
        static let source = "X-Imageproxy-Source"
        static let tag = "X-Imageproxy-Tag"
        static let body = "X-Imageproxy-Body"
        static let seal = "X-Imageproxy-Seal"
    }

    /// More than any head that was ever taken from an origin.
    static let longestHead = 64 << 10
    static let mostFields = 256

    /// What the fields of ours say, and the origin's.
    ///
    /// - Returns: nil when the entry cannot be written down, because a line of it would be read as something else.
    static func head(of entry: CacheEntry, key: String, body: ContentDigest, seal: Seal) -> [UInt8]? {
        var head = MessageWriter(status: entry.status)
        head.append("Content-Length", "\(entry.body.count)")
        head.append("Content-Type", entry.contentType)
        for field in entry.headers where !Self.isWrittenAnew(field.name) { head.append(field.name, field.value) }
        head.append(Field.key, key)
        if let selection = entry.selection { head.append(Field.selection, selection) }
        if !entry.variesBy.isEmpty { head.append(Field.variesBy, entry.variesBy.joined(separator: ",")) }
        head.append(Field.generated, "\(entry.freshness.generatedAt)")
        if entry.stamp > 0 { head.append(Field.stamp, "\(entry.stamp)") }
        if let url = entry.fetchedFrom { head.append(Field.fetchedFrom, url) }
        if let source = entry.source { head.append(Field.source, source.hex) }
        if let tag = entry.variantTag { head.append(Field.tag, tag) }
        head.append(Field.body, body.hex)
        head.append(Field.seal, seal.mark(head.bytes))
        return head.finish()
    }

    private static func isWrittenAnew(_ name: String) -> Bool {
        name.equalsIgnoringCase("Content-Length") || name.equalsIgnoringCase("Content-Type") || Self.isOurs(name)
    }

    static func isOurs(_ name: String) -> Bool { name.beginsIgnoringCase(with: Self.prefix) }
}

/// Writes a head line by line, and knows when one of them cannot be written.
private struct MessageWriter {
    private(set) var bytes: [UInt8] = []
    private var isWritable = true

    init(status: Int) {
        self.bytes.reserveCapacity(1024)
        self.bytes += "HTTP/1.1 \(status) \(HTTPResponse.reason(status))\r\n".utf8
    }

    mutating func append(_ name: String, _ value: String) {
        let hasControl = value.utf8.contains { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }
        if hasControl || name.isEmpty || !name.utf8.allSatisfy(MessageHead.isTokenByte) { self.isWritable = false }
        self.bytes += name.utf8
        self.bytes += ": ".utf8
        self.bytes += value.utf8
        self.bytes += "\r\n".utf8
    }

    func finish() -> [UInt8]? {
        self.isWritable && self.bytes.count + 2 <= StoredMessage.longestHead ? self.bytes + "\r\n".utf8 : nil
    }
}
