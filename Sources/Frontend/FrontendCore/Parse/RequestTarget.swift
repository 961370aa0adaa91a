// SPDX-License-Identifier: Apache-2.0

/// A request's target, split where the original splits it.
struct RequestTarget {
    /// Escaped, without its leading slash.
    let path: [UInt8]
    let query: [UInt8]
    /// The target as the original prints it in its errors: the path escaped, the query as it came.
    let text: [UInt8]

    /// - Throws: ``RequestURLError/badRequest``.
    init(_ target: [UInt8]) throws(RequestURLError) {
        guard target.first == UInt8(ascii: "/"), target.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw .badRequest
        }
        let (head, query) = target[...].cut(at: UInt8(ascii: "?"))
        let path: [UInt8]
        do throws(URLSyntaxError) { path = try URLReference.normalizedPath(head) } catch { throw .badRequest }
        self.path = Array(path.dropFirst())
        self.query = Array(query ?? [])
        self.text = path + (query.map { [UInt8(ascii: "?")] + $0 } ?? [])
    }

    /// The target that a request for `url` would have.
    init(of url: URLReference) {
        self.path = Array(url.path.dropFirst())
        self.query = url.query
        self.text = url.text
    }
}
