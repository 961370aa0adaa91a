// SPDX-License-Identifier: Apache-2.0

/// One request, as the service sees it.
public struct HTTPRequest: Sendable {
    let head: RequestHead
    /// The other end of the connection; nil on a Unix socket.
    var peer: IPAddress?
    /// Path and query as they came.
    public let target: String

    init(head: RequestHead, peer: IPAddress? = nil) {
        self.head = head
        self.peer = peer
        self.target = head.target
    }

    public var method: String { self.head.method }

    public func header(_ name: StaticString) -> String? { self.head.header(name) }

    /// Who sent it, by the word of the proxies that are trusted; nil when nobody knows.
    func client(trusting proxies: TrustedProxies) -> IPAddress? {
        guard !proxies.isEmpty else { return self.peer }
        return proxies.client(
            peer: self.peer, forwarded: self.fields(named: ["X-Forwarded-For"]).map { $0.value })
    }

    /// All fields of some names, in the order they came; bytes that are no UTF-8 are replaced.
    func fields(named names: [String]) -> HTTPFields {
        guard !names.isEmpty else { return HTTPFields() }
        let fields = self.head.fields.map { field in
            let (name, value) = (self.head.bytes[field.name], self.head.bytes[field.value])
            return (String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
        }
        return HTTPFields(fields.filter { field in names.contains { $0.equalsIgnoringCase(field.0) } })
    }
}

/// One answer. Date, Content-Length and Connection are the server's to add.
public struct HTTPResponse: Sendable {
    public enum Body: @unchecked Sendable {
        case empty
        case bytes([UInt8])
        /// Bytes that belong to somebody else, who is held until they are written. They must never change.
        ///
        /// This is what makes the enum `@unchecked`: the pointer is read only, by whoever holds the owner.
        case buffer(UnsafeRawBufferPointer, owner: any AnyObject & Sendable)

        var count: Int {
            switch self {
            case .empty: 0
            case .bytes(let bytes): bytes.count
            case .buffer(let bytes, _): bytes.count
            }
        }
    }

    public var status: Int
    public var headers: [(String, String)]
    public var body: Body
    /// The Date field, where it is not now that the answer was made: a cache does not date anew what it has stored.
    public var date: String?
    /// Seconds since the answer was made, where that is not now.
    var age: Int64 = 0
    /// No further request is taken on this connection.
    public var closesConnection = false

    public init(
        status: Int, headers: [(String, String)], body: Body, date: String? = nil, age: Int64 = 0
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.date = date
        self.age = age
    }

    /// The head as bytes, up to and including the empty line.
    ///
    /// - Returns: nil when a header's value has a control character: it would be read as something else.
    func serializedHead(date: String, closes: Bool) -> [UInt8]? {
        guard let fields = self.serializedFields(closes: closes) else { return nil }
        return Self.head(status: self.status, date: self.date ?? date, age: self.age, fields: fields)
    }

    /// A whole head: what changes from answer to answer, and then what does not.
    ///
    /// - Parameter fields: of `serializedFields`.
    static func head(status: Int, date: String, age: Int64, fields: [UInt8]) -> [UInt8] {
        var head: [UInt8] = []
        head.reserveCapacity(128 + fields.count)
        if status == 200 {
            head += "HTTP/1.1 200 OK\r\nDate: ".utf8
        } else {
            head += "HTTP/1.1 \(status) \(Self.reason(status))\r\nDate: ".utf8
        }
        head += date.utf8
        if age > 0 { head += "\r\nAge: \(age)".utf8 }
        head += fields
        return head
    }

    /// Everything after date and age, up to and including the empty line; nil as above.
    func serializedFields(closes: Bool) -> [UInt8]? {
        var head: [UInt8] = []
        head.reserveCapacity(512)
        for (name, value) in self.headers {
            guard value.hasOnlyFieldBytes else { return nil }
            head += "\r\n".utf8
            head += name.utf8
            head += ": ".utf8
            head += value.utf8
        }
        // 204 and 304 have no body to be framed (RFC 9110 section 8.6).
        if self.status != 204, self.status != 304 { head += "\r\nContent-Length: \(self.body.count)".utf8 }
        if closes { head += "\r\nConnection: close".utf8 }
        head += "\r\n\r\n".utf8
        return head
    }

    static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 204: "No Content"
        case 206: "Partial Content"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 409: "Conflict"
        case 408: "Request Timeout"
        case 414: "URI Too Long"
        case 416: "Range Not Satisfiable"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: ""
        }
    }
}
