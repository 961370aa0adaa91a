// SPDX-License-Identifier: Apache-2.0

/// The head of one HTTP/1.1 request: request line and header fields, as ranges into its own bytes.
public struct RequestHead: Sendable {
    struct Field: Sendable {
        var name: Range<Int>
        var value: Range<Int>
    }

    /// What the request says about a body. This service takes none.
    public enum Body: Sendable, Equatable {
        case none
        case length(UInt64)
        case chunked
    }

    public internal(set) var method = ""
    /// The request target in origin form, `/path?query`, or `*`.
    public var target: String { String(escapingInvalidBytesOf: self.bytes[self.targetRange]) }
    public internal(set) var minorVersion = 1
    public internal(set) var body = Body.none
    /// The client wants to send more requests on this connection.
    public internal(set) var keepsAlive = true

    var bytes: [UInt8] = []
    /// The target as it came, in `bytes`.
    var targetRange = 0..<0
    var fields: [Field] = []

    /// The first field of a name, without regard to case; bytes that are no UTF-8 are replaced.
    public func header(_ name: StaticString) -> String? {
        self.fields.first { self.isNamed($0, name) }.map { String(decoding: self.bytes[$0.value], as: UTF8.self) }
    }

    func isNamed(_ field: Field, _ name: StaticString) -> Bool {
        guard field.name.count == name.utf8CodeUnitCount else { return false }
        return name.withUTF8Buffer { wanted in
            zip(self.bytes[field.name], wanted).allSatisfy { RequestHead.lowercased($0) == RequestHead.lowercased($1) }
        }
    }

    static func lowercased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }
}
