// SPDX-License-Identifier: Apache-2.0

/// One stored answer: an origin's, or a variant made from one. Immutable; a revalidation makes a new one around the
/// same bytes.
public struct CacheEntry: Sendable {
    public var status: Int
    /// As the origin sent them, in order, without those that frame a message, belong to one connection or are ours.
    public var headers: HTTPFields
    /// What the bytes are: the origin's type, or that of the variant.
    public var contentType: String
    public var body: Blob
    public var freshness: Freshness
    /// The original's bytes that a variant was made from; nil for an original.
    ///
    /// It is what lets a variant outlive a revalidation of its original, on any front and after any restart.
    public var source: ContentDigest?
    /// A variant's own entity tag, in quotes; nil for an original, which keeps its origin's.
    public var variantTag: String?
    /// The URL that the bytes came from in the end, where a redirect led to another than was asked for. A validator
    /// speaks of this one.
    var fetchedFrom: String?
    /// What tells the request that this is the answer to from others, see `ClientFields.selection`; nil when the
    /// answer is the same for all.
    var selection: String?
    /// The newest purge that was known when the origin was asked, see `PurgeStamps`.
    var stamp: Int64 = 0
    /// How this copy came to be at hand; never stored.
    var provenance = Provenance.made
    /// Not empty: this is no answer, but says that there are several, and which fields of the request tell them apart.
    var variesBy: [String] = []

    public init(
        status: Int, headers: HTTPFields, contentType: String, body: Blob, freshness: Freshness,
        source: ContentDigest? = nil, variantTag: String? = nil
    ) {
        self.status = status
        self.headers = headers
        self.contentType = contentType
        self.body = body
        self.freshness = freshness
        self.source = source
        self.variantTag = variantTag
    }

    /// Stands at the key of a URL whose answers are found under keys of their own.
    static func marker(variesBy names: [String], now: Int64) -> CacheEntry {
        // To the original program, which would take it for an answer, it is one that is never fresh.
        let headers = HTTPFields([("Cache-Control", "no-cache"), ("Vary", names.joined(separator: ", "))])
        var entry = CacheEntry(
            status: 200, headers: headers, contentType: "application/octet-stream", body: Blob([]),
            freshness: Freshness(status: 200, headers: headers, now: now))
        entry.variesBy = names
        return entry
    }

    /// Whether the two answer requests with the same message.
    func isSame(as other: CacheEntry) -> Bool {
        self.body === other.body && self.status == other.status && self.freshness == other.freshness
            && self.headers == other.headers && self.contentType == other.contentType
            && self.variantTag == other.variantTag
    }

    /// It can be asked about without fetching it again.
    var hasValidator: Bool { self.headers["ETag"] != nil || self.headers["Last-Modified"] != nil }

    /// The errors that something stale may stand in for (RFC 5861 section 4).
    static func isServerError(_ status: Int) -> Bool { [500, 502, 503, 504].contains(status) }

    /// What the entry takes of a cache's capacity: its bytes and what describes them.
    var cost: Int {
        self.headers.reduce(self.body.memory + 168) { $0 + $1.name.utf8.count + $1.value.utf8.count + 64 }
    }
}
