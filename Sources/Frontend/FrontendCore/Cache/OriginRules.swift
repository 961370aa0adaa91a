// SPDX-License-Identifier: Apache-2.0

/// What an origin's answer has to be like, and what it becomes here.
struct OriginRules: Sendable {
    /// Patterns that an answer's content type must match; empty = any.
    var contentTypes: [String]
    var policy = CachePolicy()
    var rewriting = LifetimeRewriting()

    /// An error's text is kept up to this size.
    private static let largestError = 64 << 10

    /// An answer as an entry, checked: its content type is allowed, and the bytes are what it says.
    func entry(
        of answer: FetchedResource, _ url: String, for request: ClientFields, requestedAt: Int64, now: Int64
    ) throws(RequestError) -> CacheEntry {
        // What only makes sense inside another exchange than this one cannot be passed on.
        guard (200...599).contains(answer.status), ![206, 304].contains(answer.status) else {
            throw RequestError(.oddStatus, detail: "origin answered \(answer.status): \(url)")
        }
        // Nobody will see what an origin has to say about nothing.
        let body = answer.status == 404 ? Blob([]) : answer.body
        let announced = answer.headers["Content-Type"] ?? ""
        guard let type = body.servedType(announced: announced) else {
            throw RequestError(.mislabelled, detail: "content is not what its type says, \(quoted(announced)): \(url)")
        }
        var headers = OriginHeaders.kept(answer.headers, now: now)
        if answer.status < 400 { self.rewriting.apply(to: &headers) }
        var entry = CacheEntry(
            status: answer.status, headers: headers, contentType: type, body: body,
            freshness: Freshness(
                status: answer.status, headers: headers, requestedAt: requestedAt, receivedAt: now, policy: self.policy,
                isPersonal: request.areCredentials))
        if answer.url != url { entry.fetchedFrom = answer.url }
        if answer.status >= 400, body.count > Self.largestError { entry.freshness.isStorable = false }
        guard answer.status >= 400 || self.admits(entry) else { throw Self.notAllowed(entry, url) }
        return entry
    }

    /// The stored entry with what a 304 says of it; nil when it speaks of another.
    func refreshed(
        _ stored: CacheEntry, by answer: FetchedResource, for request: ClientFields, requestedAt: Int64, now: Int64
    ) -> CacheEntry? {
        var news = OriginHeaders.kept(answer.headers, now: now)
        if let tag = news["ETag"], let known = stored.headers["ETag"],
            !Conditional.isNotModified(ifNoneMatch: tag, ifModifiedSince: nil, etag: known, lastModified: nil)
        {
            return nil
        }
        // What describes the bytes that are here is not this answer's to change (RFC 9111 section 3.2).
        news.removeAll { $0.name.equalsIgnoringCase("Content-Range") }
        var refreshed = stored
        // An age that the older answer had has nothing to do with this one.
        refreshed.headers.removeAll { $0.name.equalsIgnoringCase("Age") }
        refreshed.headers.update(from: news)
        self.rewriting.apply(to: &refreshed.headers)
        refreshed.freshness = Freshness(
            status: stored.status, headers: refreshed.headers, requestedAt: requestedAt, receivedAt: now,
            policy: self.policy, isPersonal: request.areCredentials)
        return refreshed
    }

    /// The entry, unless it is one that a request cannot be answered with.
    func usable(_ entry: CacheEntry, _ url: String) throws(RequestError) -> CacheEntry {
        guard entry.status >= 400 else { return entry }
        guard entry.status != 404 else { throw RequestError(.notFound, detail: "origin answered 404: \(url)") }
        guard self.admits(entry) else { throw Self.notAllowed(entry, url) }
        return entry
    }

    /// Whether the operator lets content of this type pass.
    func admits(_ entry: CacheEntry) -> Bool {
        entry.body.count == 0
            || ContentType.matches(ContentType.withoutParameters(entry.contentType), patterns: self.contentTypes)
    }

    private static func notAllowed(_ entry: CacheEntry, _ url: String) -> RequestError {
        RequestError(.contentTypeNotAllowed, detail: "content-type not allowed: \(quoted(entry.contentType)): \(url)")
    }
}
