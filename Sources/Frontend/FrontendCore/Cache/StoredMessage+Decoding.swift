// SPDX-License-Identifier: Apache-2.0

extension StoredMessage {
    /// What stored bytes turned out to be.
    enum Decoded: Sendable {
        /// Ours, and whole.
        case entry(CacheEntry)
        /// Of the original program, and whole as far as that can be told. It is only ever read.
        case foreign(CacheEntry, varied: HTTPFields)
        /// Ours, but not as it was written, or the answer to something else.
        case damaged
        /// Nothing that can be used, and nothing of ours.
        case unusable
    }

    /// What stored bytes are measured by.
    struct Rules: Sendable {
        var seal: Seal
        var policy: CachePolicy
    }

    /// Reads a stored message. Takes as long as hashing the body does.
    ///
    /// - Parameter key: what was asked for; what answers something else is damaged.
    static func decode(_ message: Blob, key: String, rules: Rules) -> Decoded {
        guard let head = MessageHead(message.bytes) else {
            // It was ours if it looks like it anywhere near its beginning.
            return message.bytes.prefix(Self.longestHead).containsPrefixOfOurs ? .damaged : .unusable
        }
        let body = Blob(message, range: head.bytes.count..<message.count)
        guard head.fields.contains(where: { Self.isOurs($0.name) }) else {
            guard rules.seal.trustsUnmarked, let entry = Self.foreign(head, body, policy: rules.policy) else {
                return .unusable
            }
            return .foreign(entry, varied: HTTPFields(head.fields.filter(Self.isVaried).map { ($0.name, $0.value) }))
        }
        guard let entry = Self.ours(head, body, key: key, rules: rules) else { return .damaged }
        return .entry(entry)
    }

    /// A time that no sum of it with what HTTP calls a time makes overflow.
    private static let latest: Int64 = 1 << 40

    private static func ours(_ head: MessageHead, _ body: Blob, key: String, rules: Rules) -> CacheEntry? {
        let fields = head.fields
        // The seal is the last line, or it would leave out something that comes after it.
        guard let seal = fields.only(Field.seal), head.bytes[head.lastLine...].starts(with: Field.seal.utf8),
            rules.seal.isRight(seal, for: head.bytes[..<head.lastLine])
        else { return nil }
        guard fields.only(Field.key) == key, fields.only("Content-Length") == "\(body.count)",
            let type = fields.only("Content-Type"), let generated = fields.only(Field.generated).flatMap({ Int64($0) }),
            (0...Self.latest).contains(generated),
            let digest = fields.only(Field.body).flatMap({ ContentDigest(hex: $0) }),
            digest == ContentDigest(of: body.bytes)
        else { return nil }
        body.remember(digest)

        var entry = CacheEntry(
            status: head.status, headers: Self.withoutOurs(fields), contentType: type, body: body,
            freshness: Freshness(
                status: head.status, headers: fields, requestedAt: generated, receivedAt: generated,
                policy: rules.policy),
            variantTag: fields.only(Field.tag))
        // The times that the head states are those of arrival; this says when the answer was made by our clock.
        entry.freshness.generatedAt = generated
        // It was stored, so it was found to be storable by who saw the request as well.
        entry.freshness.isStorable = true
        entry.freshness.isShareable = true
        if let text = fields.only(Field.stamp) {
            guard let stamp = Int64(text), (0...PurgeStamps.latest).contains(stamp) else { return nil }
            entry.stamp = stamp
        }
        entry.fetchedFrom = fields.only(Field.fetchedFrom)
        entry.selection = fields.only(Field.selection)
        entry.variesBy = fields.only(Field.variesBy).map(ListField.items) ?? []
        if let source = fields.only(Field.source) {
            guard let source = ContentDigest(hex: source) else { return nil }
            entry.source = source
        }
        return entry
    }

    /// What Go's `DumpResponse` wrote: the origin's fields, and the body as long as they say.
    private static func foreign(_ head: MessageHead, _ body: Blob, policy: CachePolicy) -> CacheEntry? {
        let fields = head.fields
        guard fields.only("Content-Length") == "\(body.count)", fields["Transfer-Encoding"] == nil,
            fields["Content-Encoding"].map({ $0.lowercased() == "identity" }) ?? true
        else { return nil }
        let headers = Self.withoutOurs(fields)
        // Its only clock is the origin's. Without one it is as old as can be.
        let date = fields["Date"].flatMap(HTTPDate.parse) ?? 0
        let freshness = Freshness(
            status: head.status, headers: headers, requestedAt: date, receivedAt: date, policy: policy)
        guard freshness.isStorable else { return nil }
        return CacheEntry(
            status: head.status, headers: headers, contentType: fields["Content-Type"] ?? "", body: body,
            freshness: freshness)
    }

    /// The origin's fields: neither ours, nor those the original program adds for itself.
    private static func withoutOurs(_ fields: HTTPFields) -> HTTPFields {
        var fields = fields
        fields.removeAll { field in
            Self.isOurs(field.name) || Self.isVaried(field)
                || Self.notTheOrigins.contains { $0.equalsIgnoringCase(field.name) }
        }
        return fields
    }

    private static let notTheOrigins = ["Content-Length", "Content-Type", "X-From-Cache", "Connection"]

    /// What the original program remembers of the request, for answers with a Vary field.
    private static func isVaried(_ field: HTTPFields.Field) -> Bool {
        field.name.beginsIgnoringCase(with: "X-Varied-")
    }
}

extension HTTPFields {
    /// The value of a field that there is once; nil when it is missing, or there is more than one.
    fileprivate func only(_ name: String) -> String? {
        var found: String?
        for field in self where field.name.equalsIgnoringCase(name) {
            guard found == nil else { return nil }
            found = field.value
        }
        return found
    }
}

extension Slice<UnsafeRawBufferPointer> {
    /// Whether a field of ours seems to begin anywhere.
    fileprivate var containsPrefixOfOurs: Bool {
        let wanted = Array(StoredMessage.prefix.lowercased().utf8)
        return self.indices.dropLast(wanted.count - 1).contains { start in
            wanted.indices.allSatisfy { offset in
                let byte = self[start + offset]
                return ((0x41...0x5A).contains(byte) ? byte | 0x20 : byte) == wanted[offset]
            }
        }
    }
}
