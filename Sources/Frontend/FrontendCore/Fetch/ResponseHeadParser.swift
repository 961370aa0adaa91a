// SPDX-License-Identifier: Apache-2.0

/// Takes an answer's head line by line, as libcurl hands it out, and believes none of it.
///
///     status ─line→ fields ─empty line→ done (1xx: back to status)        done ─line→ done (a trailer, dropped)
///
/// libcurl is lenient where leniency lets one connection be read as two different series of answers; what it forgives
/// is refused here, which also closes the connection.
struct ResponseHeadParser {
    private enum State { case status, fields, done }

    private var state = State.status
    private var fieldCount = 0
    private var byteCount = 0
    private var head = ResponseHead()
    private let maximumFields: Int
    private let maximumBytes: Int

    init(limits: FetchLimits) {
        self.maximumFields = limits.maximumHeaderFields
        self.maximumBytes = limits.maximumHeaderBytes
    }

    /// Takes one line, its line end included. Gives the head once it is complete.
    mutating func take(_ line: some BidirectionalCollection<UInt8>) throws(FetchError) -> ResponseHead? {
        self.byteCount += line.count
        guard self.byteCount <= self.maximumBytes else { throw .protocolViolation("a head of too many bytes") }
        let line = Self.withoutLineEnd(line)
        switch self.state {
        case .status:
            self.head = ResponseHead(status: try Self.status(in: line))
            self.state = .fields
        case .fields where line.isEmpty:
            return try self.endOfHead()
        case .fields:
            try self.countField()
            self.head.headers.append(try Self.field(in: line))
        case .done:
            try self.countField()
        }
        return nil
    }

    private mutating func endOfHead() throws(FetchError) -> ResponseHead? {
        guard self.head.status != 101 else { throw .protocolViolation("a switch of protocols nobody asked for") }
        guard self.head.status >= 200 else {
            self.state = .status
            return nil
        }
        self.state = .done
        try Self.checkFraming(of: self.head)
        try Self.checkCoding(of: self.head)
        return self.head
    }

    private mutating func countField() throws(FetchError) {
        self.fieldCount += 1
        guard self.fieldCount <= self.maximumFields else { throw .protocolViolation("too many header fields") }
    }

    private static func withoutLineEnd<Line: BidirectionalCollection<UInt8>>(_ line: Line) -> Line.SubSequence {
        guard line.last == UInt8(ascii: "\n") else { return line[...] }
        let text = line.dropLast()
        return text.last == UInt8(ascii: "\r") ? text.dropLast() : text
    }

    /// `HTTP/1.1 200 OK`: a version, one space, three digits, then a space or the end.
    private static func status(in line: some Collection<UInt8>) throws(FetchError) -> Int {
        let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[0].starts(with: "HTTP/".utf8), parts[1].count == 3,
            parts[1].allSatisfy(Self.isDigit)
        else { throw .protocolViolation("a bad status line") }
        let status = parts[1].reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        guard status >= 100 else { throw .protocolViolation("a bad status line") }
        return status
    }

    private static func field(in line: some Collection<UInt8>) throws(FetchError) -> (name: String, value: String) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
            throw .protocolViolation("a header line without a colon")
        }
        // A leading space would continue the line before, one before the colon is read in two ways: neither is a token.
        let name = line[..<colon]
        guard !name.isEmpty, name.allSatisfy(Self.isTokenByte) else { throw .protocolViolation("a bad field name") }
        let value = Self.trimmed(line[line.index(after: colon)...])
        guard value.allSatisfy(Self.isFieldByte) else {
            throw .protocolViolation("a control character in a field's value")
        }
        return (String(decoding: name, as: UTF8.self), Self.text(value))
    }

    /// UTF-8 if it is that, else ISO 8859-1, as RFC 9110 5.5 has it: no byte is lost either way.
    private static func text(_ bytes: some Collection<UInt8>) -> String {
        String(validating: bytes, as: UTF8.self)
            ?? String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }

    /// Refuses what two readers could measure differently (RFC 9112 6.3).
    private static func checkFraming(of head: ResponseHead) throws(FetchError) {
        let lengths = head.values(of: "Content-Length")
        guard Set(lengths).count <= 1 else { throw .protocolViolation("two different Content-Lengths") }
        if let length = lengths.first {
            guard !length.isEmpty, length.utf8.count <= 18, length.utf8.allSatisfy(Self.isDigit) else {
                throw .protocolViolation("a bad Content-Length")
            }
        }
        let codings = head.values(of: "Transfer-Encoding")
        guard codings.isEmpty || lengths.isEmpty else {
            throw .protocolViolation("both Content-Length and Transfer-Encoding")
        }
        guard codings.isEmpty || codings.count == 1 && codings[0].lowercased() == "chunked" else {
            throw .protocolViolation("an unknown Transfer-Encoding")
        }
    }

    private static func checkCoding(of head: ResponseHead) throws(FetchError) {
        for value in head.values(of: "Content-Encoding") {
            let codings = value.split(separator: ",").map { Self.trimmed($0.utf8) }
            guard codings.allSatisfy({ $0.isEmpty || (String($0) ?? "").equalsIgnoringCase("identity") }) else {
                throw .contentCoding("Content-Encoding: \(value)")
            }
        }
    }

    private static func trimmed<Bytes: Collection<UInt8>>(_ bytes: Bytes) -> Bytes.SubSequence {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        var rest = bytes.drop(while: isSpace)
        var length = 0
        for (offset, byte) in rest.enumerated() where !isSpace(byte) { length = offset + 1 }
        rest = rest.prefix(length)
        return rest
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// What a field's value may hold (RFC 9110 5.5): no control character but the tab.
    static func isFieldByte(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7f || byte == 0x09 }

    /// What a field's name is made of (RFC 9110 5.6.2).
    static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case let byte where Self.isDigit(byte): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
