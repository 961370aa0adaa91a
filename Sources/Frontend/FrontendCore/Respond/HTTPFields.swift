// SPDX-License-Identifier: Apache-2.0

/// The header fields of a message, in order, names as they were sent; looked up without regard to case.
public struct HTTPFields: Sendable, Equatable, Sequence {
    public struct Field: Sendable, Equatable {
        public var name: String
        public var value: String
    }

    private var fields: [Field]

    public init(_ fields: [(String, String)] = []) {
        self.fields = fields.map { Field(name: $0.0, value: $0.1) }
    }

    public func makeIterator() -> IndexingIterator<[Field]> { self.fields.makeIterator() }

    /// The first field's value.
    public subscript(name: String) -> String? {
        self.fields.first { $0.name.equalsIgnoringCase(name) }?.value
    }

    public func values(named name: String) -> [String] {
        self.fields.filter { $0.name.equalsIgnoringCase(name) }.map(\.value)
    }

    public mutating func append(_ name: String, _ value: String) {
        self.fields.append(Field(name: name, value: value))
    }

    /// Replaces every field of these names by those of `other`, as a 304 does (RFC 9111 section 3.2).
    public mutating func update(from other: HTTPFields) {
        self.fields.removeAll { field in other.fields.contains { $0.name.equalsIgnoringCase(field.name) } }
        self.fields += other.fields
    }

    public mutating func removeAll(where isUnwanted: (Field) -> Bool) { self.fields.removeAll(where: isUnwanted) }
}

extension String {
    /// ASCII comparison without regard to case, and without making new strings.
    func equalsIgnoringCase(_ other: String) -> Bool {
        self.utf8.count == other.utf8.count && self.beginsIgnoringCase(with: other)
    }

    /// Whether it may be the value of a field (RFC 9110 5.5): no control character but the tab.
    var hasOnlyFieldBytes: Bool {
        let bytes = self.utf8Span.span
        for index in bytes.indices where !ResponseHeadParser.isFieldByte(bytes[index]) { return false }
        return true
    }

    /// The same of the first bytes.
    func beginsIgnoringCase(with prefix: String) -> Bool {
        // The iterators of `utf8` take ten times as long, and a hit that is read from a disk compares hundreds of names.
        let bytes = self.utf8Span.span
        let wanted = prefix.utf8Span.span
        guard bytes.count >= wanted.count else { return false }
        for index in wanted.indices {
            let (first, second) = (bytes[index], wanted[index])
            let isLetter = (first | 0x20) >= 0x61 && (first | 0x20) <= 0x7A
            guard first == second || isLetter && first ^ second == 0x20 else { return false }
        }
        return true
    }
}
