// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Makes answers: which headers stand on which status, in one place.
struct Responder: Sendable {
    /// Fields of the origin's answer that are passed on.
    let passedHeaders: [String]
    /// Fields of clients' requests that origins see, so that their answers may depend on them.
    var selectingHeaders: [String] = []

    /// A picture may run no script, load nothing, and frame nothing, whatever it turns out to be.
    private static let security: [(String, String)] = [
        ("Access-Control-Allow-Origin", "*"),
        ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Xss-Protection", "1; mode=block"),
    ]

    /// Seconds that an answer may be kept which stands in for a picture that could not be made.
    private static let substituteLifetime = 60

    /// - Parameter now: seconds of the Unix clock, for the answer's age.
    func answer(_ picture: Picture, to request: HTTPRequest, now: Int64) -> HTTPResponse {
        let entry = picture.entry
        var headers = PassedHeaders.select(self.passedHeaders, from: entry.headers)
        var etag = entry.headers["ETag"]
        if let tag = entry.variantTag {
            headers.removeAll { $0.0.equalsIgnoringCase("ETag") }
            // It takes the place of the origin's, so it is passed where that would be.
            if self.passedHeaders.contains(where: { $0.equalsIgnoringCase("ETag") }) { headers.append(("Etag", tag)) }
            etag = tag
        }
        if let reason = picture.transformError {
            // It is not what was asked for, so nobody may keep it for long, nor under the source's tag.
            headers.removeAll { name, _ in
                ["etag", "cache-control", "expires", "last-modified"].contains(name.lowercased())
            }
            headers.append(("Cache-Control", "max-age=\(Self.substituteLifetime)"))
            headers.append(("X-Imageproxy-Error", reason))
            etag = nil
        }
        if let names = self.selecting(entry, isNegotiated: picture.isNegotiated) { headers.append(("Vary", names)) }
        let age = entry.freshness.shownAge(at: now)

        let isUnchanged = Conditional.isNotModified(
            ifNoneMatch: request.header("If-None-Match"), ifModifiedSince: request.header("If-Modified-Since"),
            etag: etag, lastModified: picture.transformError == nil ? entry.headers["Last-Modified"] : nil)
        let date = entry.headers["Date"]
        if isUnchanged, entry.status == 200 {
            return HTTPResponse(status: 304, headers: headers, body: .empty, date: date, age: age)
        }

        headers.append(("Content-Type", entry.contentType))
        headers += Self.security
        let body = entry.body.bytes
        let range = picture.transformError == nil ? Self.range(of: entry, etag, for: request) : .whole
        switch range {
        case .whole:
            return HTTPResponse(
                status: entry.status, headers: headers, body: .buffer(body, owner: entry.body), date: date, age: age)
        case .part(let part):
            headers.removeAll { $0.0.equalsIgnoringCase("Content-Range") }
            headers.append(("Content-Range", "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(body.count)"))
            let bytes = UnsafeRawBufferPointer(rebasing: body[part])
            return HTTPResponse(
                status: 206, headers: headers, body: .buffer(bytes, owner: entry.body), date: date, age: age)
        case .nothing:
            let headers = [("Content-Range", "bytes */\(body.count)"), ("X-Content-Type-Options", "nosniff")]
            return HTTPResponse(status: 416, headers: headers, body: .empty)
        }
    }

    /// What of the picture the client wants, if it may have only a part.
    private static func range(of entry: CacheEntry, _ etag: String?, for request: HTTPRequest) -> ByteRange {
        guard request.method == "GET", entry.status == 200, let field = request.header("Range") else { return .whole }
        if let condition = request.header("If-Range"),
            !ByteRange.isCurrent(condition, etag: etag, lastModified: entry.headers["Last-Modified"])
        {
            return .whole
        }
        return ByteRange(field, count: entry.body.count)
    }

    /// What other caches on the way to the client have to know of what the answer depends on.
    private func selecting(_ entry: CacheEntry, isNegotiated: Bool) -> String? {
        let names = self.selecting(entry)
        guard isNegotiated, names != "*" else { return names }
        guard let names else { return "Accept" }
        return ListField.items(of: names).contains { $0.equalsIgnoringCase("Accept") } ? names : "Accept, " + names
    }

    /// Of an origin's answer: only what a client sends and an origin sees can make a difference.
    private func selecting(_ entry: CacheEntry) -> String? {
        guard entry.headers["Vary"] != nil else { return nil }
        switch VaryFields(entry.headers) {
        case .everything: return "*"
        case .names:
            guard !self.selectingHeaders.isEmpty else { return nil }
            let names = entry.headers.values(named: "Vary").flatMap(ListField.items).filter { name in
                self.selectingHeaders.contains { $0.equalsIgnoringCase(name) }
            }
            return names.isEmpty ? nil : names.joined(separator: ", ")
        }
    }

    func answer(_ error: RequestError) -> HTTPResponse {
        var headers = [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")]
        let status = error.kind.row.status
        if status == 503 || status == 429 { headers.append(("Retry-After", "\(error.busy?.retryAfter ?? 1)")) }
        return HTTPResponse(status: status, headers: headers, body: .bytes(Array(error.publicMessage.utf8)))
    }

    static func text(_ body: String, type: String = "text/plain; charset=utf-8") -> HTTPResponse {
        HTTPResponse(status: 200, headers: [("Content-Type", type)], body: .bytes(Array(body.utf8)))
    }

    /// What a browser asks before it sends a cross-origin request with headers of its own.
    static let preflight = HTTPResponse(
        status: 204,
        headers: [
            ("Allow", "GET, HEAD, OPTIONS"), ("Access-Control-Allow-Origin", "*"),
            ("Access-Control-Allow-Methods", "GET, HEAD"), ("Access-Control-Allow-Headers", "*"),
            ("Access-Control-Max-Age", "86400"),
        ],
        body: .empty)
}
