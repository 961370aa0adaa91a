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
    mutating func take(_ line: Span<UInt8>) throws(FetchError) -> ResponseHead? {
        self.byteCount += line.count
        guard self.byteCount <= self.maximumBytes else { throw .protocolViolation("a head of too many bytes") }
        let line = line.extracting(first: Self.countWithoutEnd(line))
        switch self.state {
        case .status:
            self.head = ResponseHead(status: try Self.status(in: line))
            self.state = .fields
        case .fields where line.isEmpty:
            return try self.endOfHead()
        case .fields:
            try self.countField()
            let (name, value) = try Self.field(in: line)
            self.head.headers.append(name, value)
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

    private static func countWithoutEnd(_ line: Span<UInt8>) -> Int {
        let count = line.count - 1
        guard count >= 0, line[count] == UInt8(ascii: "\n") else { return line.count }
        return count > 0 && line[count - 1] == UInt8(ascii: "\r") ? count - 1 : count
    }

    /// `HTTP/1.1 200 OK`: a version, one space, three digits, then a space or the end.
    private static func status(in line: Span<UInt8>) throws(FetchError) -> Int {
        let protocolName = "HTTP/".utf8
        guard line.count >= protocolName.count, zip(line.indices, protocolName).allSatisfy({ line[$0] == $1 }),
            let space = line.indices.first(where: { line[$0] == UInt8(ascii: " ") }), line.count >= space + 4,
            line.count == space + 4 || line[space + 4] == UInt8(ascii: " ")
        else { throw .protocolViolation("a bad status line") }
        var status = 0
        for index in (space + 1)..<(space + 4) {
            guard Self.isDigit(line[index]) else { throw .protocolViolation("a bad status line") }
            status = status * 10 + Int(line[index] - UInt8(ascii: "0"))
        }
        guard status >= 100 else { throw .protocolViolation("a bad status line") }
        return status
    }

    private static func field(in line: Span<UInt8>) throws(FetchError) -> (name: String, value: String) {
        let token = Self.tokenBytes
        var colon = 0
        while colon < line.count, token.contains(line[colon]) { colon += 1 }
        guard colon < line.count else { throw .protocolViolation("a header line without a colon") }
        // A leading space would continue the line before, one before the colon is read in two ways: neither is a token.
        guard colon > 0, line[colon] == UInt8(ascii: ":") else { throw .protocolViolation("a bad field name") }
        var (start, end) = (colon + 1, line.count)
        while start < end, Self.isSpace(line[start]) { start += 1 }
        while start < end, Self.isSpace(line[end - 1]) { end -= 1 }
        let value = line.extracting(start..<end)
        for index in value.indices where !Self.isFieldByte(value[index]) {
            throw .protocolViolation("a control character in a field's value")
        }
        return (Self.text(line.extracting(first: colon)), Self.text(value))
    }

    /// UTF-8 if it is that, else ISO 8859-1, as RFC 9110 5.5 has it: no byte is lost either way.
    private static func text(_ bytes: Span<UInt8>) -> String {
        if let text = try? UTF8Span(validating: bytes) { return String(copying: text) }
        var text = String.UnicodeScalarView()
        for index in bytes.indices { text.append(Unicode.Scalar(bytes[index])) }
        return String(text)
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
            let codings = value.utf8.split(separator: UInt8(ascii: ",")).map { String(Substring($0)).trimmed }
            guard codings.allSatisfy({ $0.isEmpty || $0.equalsIgnoringCase("identity") }) else {
                throw .contentCoding("Content-Encoding: \(value)")
            }
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// What a field's value may hold (RFC 9110 5.5): no control character but the tab.
    static func isFieldByte(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7f || byte == 0x09 }

    /// What a field's name is made of (RFC 9110 5.6.2).
    static func isTokenByte(_ byte: UInt8) -> Bool { Self.tokenBytes.contains(byte) }

    private static let tokenBytes = ByteSet(ByteSet.letters + ByteSet.digits + "!#$%&'*+-.^_`|~")
}
