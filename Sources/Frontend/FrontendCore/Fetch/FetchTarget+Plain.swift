// SPDX-License-Identifier: Apache-2.0

extension FetchTarget {
    /// Reads a URL that libcurl's parser would leave as it is, which takes a tenth of the time. Nil for every other one,
    /// also for those that it would refuse: this only ever says what the parser would say.
    init?(plain text: String) {
        let bytes = text.utf8Span.span
        guard bytes.count <= CurlURL.maximumLength else { return nil }
        let scheme: Scheme
        if text.utf8.starts(with: "http://".utf8) {
            scheme = .http
        } else if text.utf8.starts(with: "https://".utf8) {
            scheme = .https
        } else {
            return nil
        }
        let hostStart = scheme.rawValue.utf8.count + "://".utf8.count
        let hostEnd = Self.end(of: Self.hostBytes, in: bytes, from: hostStart)
        guard (1...253).contains(hostEnd - hostStart), hostEnd < bytes.count else { return nil }
        var port: UInt16 = scheme == .http ? 80 : 443
        var pathStart = hostEnd
        if bytes[hostEnd] == UInt8(ascii: ":") {
            pathStart = Self.end(of: Self.portBytes, in: bytes, from: hostEnd + 1)
            guard let written = Self.port(bytes.extracting((hostEnd + 1)..<pathStart)) else { return nil }
            port = written
        }
        // A question mark at the end is one that libcurl takes away, depending on its release.
        guard pathStart < bytes.count, bytes[pathStart] == UInt8(ascii: "/"),
            bytes[bytes.count - 1] != UInt8(ascii: "?"),
            Self.end(of: Self.pathBytes, in: bytes, from: pathStart) == bytes.count,
            let lastLabel = Self.lastLabel(bytes.extracting(hostStart..<hostEnd))
        else { return nil }

        let host = String(decoding: text.utf8.dropFirst(hostStart).prefix(hostEnd - hostStart), as: UTF8.self)
        var address: IPAddress?
        if Self.isDigit(bytes[hostStart]) || Self.isDigit(bytes[hostStart + lastLabel]) {
            // It may be an address in one of many spellings, or just not be one.
            guard let found = IPAddress(host), found.description == host else { return nil }
            address = found
        }
        self.init(url: text, scheme: scheme, host: host, port: port, literalAddress: address)
    }

    /// Capital letters would be lowered.
    private static let hostBytes = ByteSet("abcdefghijklmnopqrstuvwxyz" + ByteSet.digits + "-_.")
    private static let portBytes = ByteSet(ByteSet.digits)
    /// What may stand in a path or a query (RFC 3986); fewer than libcurl leaves alone.
    private static let pathBytes = ByteSet(ByteSet.letters + ByteSet.digits + "-._~!$&'()*+,;=:@/?%")

    /// Where the bytes end that are such.
    private static func end(of members: ByteSet, in bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < bytes.count, members.contains(bytes[index]) { index += 1 }
        return index
    }

    /// nil for what is no port, or one that would be written in another way.
    private static func port(_ digits: Span<UInt8>) -> UInt16? {
        guard (1...5).contains(digits.count), digits[0] != UInt8(ascii: "0") else { return nil }
        var value = 0
        for index in digits.indices { value = value * 10 + Int(digits[index] - UInt8(ascii: "0")) }
        return UInt16(exactly: value)
    }

    /// Where the last label of a host's name begins; nil when a label has a length that none may have, or stands for
    /// letters beyond ASCII.
    private static func lastLabel(_ host: Span<UInt8>) -> Int? {
        var start = 0
        for index in 0...host.count where index == host.count || host[index] == UInt8(ascii: ".") {
            guard (1...63).contains(index - start) else { return nil }
            if index - start >= 4, host[start] == UInt8(ascii: "x"), host[start + 1] == UInt8(ascii: "n") { return nil }
            if index < host.count { start = index + 1 }
        }
        return start
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
