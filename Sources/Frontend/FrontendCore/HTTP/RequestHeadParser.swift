// SPDX-License-Identifier: Apache-2.0

/// Reads the head of an HTTP/1.1 request, strictly: what two programs could understand differently is refused.
///
/// Refused are bare line feeds, folded lines, spaces around a field's name, control characters, a second Host or
/// Content-Length, any Transfer-Encoding but `chunked`, both framings at once, and everything RFC 9112 does not allow in
/// a request line. One empty line before the request line is skipped (section 2.2).
public enum RequestHeadParser {
    public struct Limits: Sendable {
        /// Bytes of the request line.
        public var requestLine = 8 << 10
        /// Bytes of the whole head.
        public var head = 16 << 10
        public var fields = 100

        public init() {}
    }

    /// What is wrong with a head; the status answers it, and the connection is closed.
    public enum Failure: Error, Equatable, Sendable {
        case malformed(String)
        case targetTooLong
        case headerTooLarge
        case unsupportedVersion

        public var status: Int {
            switch self {
            case .malformed: 400
            case .targetTooLong: 414
            case .headerTooLarge: 431
            case .unsupportedVersion: 505
            }
        }
    }

    /// - Parameter input: everything that has arrived and was not consumed.
    /// - Returns: the head and the bytes that it took; nil when more must arrive first.
    public static func parse(
        _ input: UnsafeRawBufferPointer, limits: Limits = Limits()
    ) throws(Failure) -> (head: RequestHead, consumed: Int)? {
        var reader = Reader(input: UnsafeRawBufferPointer(rebasing: input.prefix(limits.head)))
        let isWhole = input.count <= limits.head
        do throws(Reader.Stop) {
            let head = try reader.head(limits)
            return (head, reader.at)
        } catch {
            switch error {
            case .failed(let failure): throw failure
            case .needsMore:
                if reader.isInRequestLine, reader.at - reader.lineStart > limits.requestLine || !isWhole {
                    throw .targetTooLong
                }
                guard isWhole, input.count < limits.head else { throw .headerTooLarge }
                return nil
            }
        }
    }

    /// Walks over the bytes once; every step either moves on or stops.
    private struct Reader {
        enum Stop: Error {
            case needsMore
            case failed(Failure)
        }

        let input: UnsafeRawBufferPointer
        var at = 0
        var lineStart = 0
        var isInRequestLine = true

        init(input: UnsafeRawBufferPointer) {
            self.input = input
        }

        /// Browsers send about this many; more only means that memory is asked for again.
        private static let usualFields = 16

        mutating func head(_ limits: Limits) throws(Stop) -> RequestHead {
            var head = RequestHead()
            head.fields.reserveCapacity(Self.usualFields)
            if try self.peek() == 13 { try self.lineEnd() }
            self.lineStart = self.at
            let method = try self.token(endedBy: 0x20, "method")
            guard method.count <= 20 else { throw .failed(.malformed("method")) }
            let target = try self.target(limits)
            try self.version(&head)
            self.isInRequestLine = false

            var framing = Framing()
            while try self.peek() != 13 {
                guard head.fields.count < limits.fields else { throw .failed(.headerTooLarge) }
                let field = try self.field()
                try framing.look(at: field, in: self.input, &head)
                head.fields.append(field)
            }
            try self.lineEnd()
            try framing.conclude(&head)

            head.bytes = Array(self.input[..<self.at])
            head.method = String(decoding: self.input[method], as: UTF8.self)
            head.targetRange = try self.originForm(target, method: head.method)
            return head
        }

        private func peek() throws(Stop) -> UInt8 {
            guard self.at < self.input.count else { throw .needsMore }
            return self.input[self.at]
        }

        private mutating func lineEnd() throws(Stop) {
            guard try self.peek() == 13 else { throw .failed(.malformed("line end")) }
            guard self.at + 1 < self.input.count else { throw .needsMore }
            guard self.input[self.at + 1] == 10 else { throw .failed(.malformed("line end")) }
            self.at += 2
        }

        /// Token characters up to `end`, which is consumed.
        private mutating func token(endedBy end: UInt8, _ what: String) throws(Stop) -> Range<Int> {
            let start = self.at
            while self.at < self.input.count, isToken(self.input[self.at]) { self.at += 1 }
            guard try self.peek() == end, self.at > start else { throw .failed(.malformed(what)) }
            self.at += 1
            return start..<self.at - 1
        }

        private mutating func target(_ limits: Limits) throws(Stop) -> Range<Int> {
            let start = self.at
            // Bytes above 0x7F are no URL either, but the original takes and re-escapes them.
            while self.at < self.input.count, self.input[self.at] > 0x20, self.input[self.at] != 0x7F {
                self.at += 1
                guard self.at - self.lineStart <= limits.requestLine else { throw .failed(.targetTooLong) }
            }
            guard try self.peek() == 0x20, self.at > start else { throw .failed(.malformed("target")) }
            self.at += 1
            return start..<self.at - 1
        }

        private mutating func version(_ head: inout RequestHead) throws(Stop) {
            let name: StaticString = "HTTP/1."
            for index in 0..<name.utf8CodeUnitCount {
                guard try self.peek() == name.utf8Start[index] else {
                    // A major version that is not 1 is understood, and not spoken.
                    let isOther = index == 5 && (0x30...0x39).contains(self.input[self.at])
                    throw .failed(isOther ? .unsupportedVersion : .malformed("version"))
                }
                self.at += 1
            }
            let minor = try self.peek()
            guard minor == 0x30 || minor == 0x31 else {
                throw .failed((0x32...0x39).contains(minor) ? .unsupportedVersion : .malformed("version"))
            }
            self.at += 1
            head.minorVersion = Int(minor - 0x30)
            head.keepsAlive = minor == 0x31
            try self.lineEnd()
        }

        private mutating func field() throws(Stop) -> RequestHead.Field {
            let name = try self.token(endedBy: 0x3A, "header field")
            while try self.isBlank(self.peek()) { self.at += 1 }
            let start = self.at
            while self.at < self.input.count, isFieldByte(self.input[self.at]) { self.at += 1 }
            var end = self.at
            try self.lineEnd()
            while end > start, self.isBlank(self.input[end - 1]) { end -= 1 }
            return RequestHead.Field(name: name, value: start..<end)
        }

        private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

        /// The path of an absolute target; the host it names is as good as the Host field, and neither is looked at.
        private func originForm(_ target: Range<Int>, method: String) throws(Stop) -> Range<Int> {
            let bytes = self.input[target]
            if bytes.first == 0x2F { return target }
            if method == "OPTIONS", bytes.elementsEqual("*".utf8) { return target }
            for scheme in ["http://", "https://"] where bytes.starts(with: scheme.utf8) {
                guard let slash = bytes.dropFirst(scheme.utf8.count).firstIndex(of: 0x2F) else { break }
                return slash..<target.upperBound
            }
            throw .failed(.malformed("target"))
        }
    }

    /// The fields that say where a message ends and whom it is for.
    private struct Framing {
        private var hosts = 0
        private var lengths = 0
        private var encodings = 0

        mutating func look(
            at field: RequestHead.Field, in input: UnsafeRawBufferPointer, _ head: inout RequestHead
        ) throws(Reader.Stop) {
            switch field.name.count {
            case 4 where Self.equal(input[field.name], "host"): self.hosts += 1
            case 10 where Self.equal(input[field.name], "connection"): self.connection(input[field.value], &head)
            case 14 where Self.equal(input[field.name], "content-length"):
                self.lengths += 1
                guard let length = Self.number(input[field.value]) else {
                    throw .failed(.malformed("content length"))
                }
                head.body = length == 0 ? .none : .length(length)
            case 17 where Self.equal(input[field.name], "transfer-encoding"):
                self.encodings += 1
                guard Self.equal(input[field.value], "chunked") else {
                    throw .failed(.malformed("transfer encoding"))
                }
            default: break
            }
        }

        func conclude(_ head: inout RequestHead) throws(Reader.Stop) {
            guard self.hosts == 1 || (self.hosts == 0 && head.minorVersion == 0) else {
                throw .failed(.malformed("host"))
            }
            guard self.lengths <= 1, self.encodings <= 1, self.lengths + self.encodings <= 1,
                self.encodings == 0 || head.minorVersion == 1
            else { throw .failed(.malformed("framing")) }
            if self.encodings == 1 { head.body = .chunked }
        }

        private func connection(_ value: Slice<UnsafeRawBufferPointer>, _ head: inout RequestHead) {
            for item in value.split(separator: 0x2C) {
                let option = item.drop { $0 == 0x20 || $0 == 0x09 }.prefix { $0 != 0x20 && $0 != 0x09 }
                if Self.equal(option, "close") {
                    head.keepsAlive = false
                } else if head.minorVersion == 0, Self.equal(option, "keep-alive") {
                    head.keepsAlive = true
                }
            }
        }

        private static func equal(_ bytes: Slice<UnsafeRawBufferPointer>, _ name: StaticString) -> Bool {
            guard bytes.count == name.utf8CodeUnitCount else { return false }
            return name.withUTF8Buffer { zip(bytes, $0).allSatisfy { RequestHead.lowercased($0) == $1 } }
        }

        /// Digits only, and few enough to fit.
        private static func number(_ bytes: Slice<UnsafeRawBufferPointer>) -> UInt64? {
            guard (1...18).contains(bytes.count) else { return nil }
            var value: UInt64 = 0
            for byte in bytes {
                guard (0x30...0x39).contains(byte) else { return nil }
                value = value * 10 + UInt64(byte - 0x30)
            }
            return value
        }
    }
}

/// Token characters of RFC 9110 section 5.6.2, as two bitmaps.
@inline(__always)
private func isToken(_ byte: UInt8) -> Bool {
    let low: UInt64 = 0x03FF_6CFA_0000_0000
    let high: UInt64 = 0x57FF_FFFF_C7FF_FFFE
    if byte < 64 { return (low >> UInt64(byte)) & 1 == 1 }
    return byte < 128 && (high >> UInt64(byte - 64)) & 1 == 1
}

/// Visible characters, space, tab and bytes above ASCII.
@inline(__always)
private func isFieldByte(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F || byte == 0x09 }
