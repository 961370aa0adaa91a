// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FrontendCore

struct LifetimeRewritingTests {
    struct Vector: Decodable, Sendable {
        let forceCache: Bool
        let minCacheDuration: String
        let `in`: [String: [String]]
        let out: [String: [String]]
    }

    private static func rewritten(_ headers: HTTPFields, minimum: String, forces: Bool) -> HTTPFields {
        let seconds = Duration(goNotation: minimum)?.components.seconds ?? -1
        var headers = headers
        LifetimeRewriting(minimum: seconds, forces: forces).apply(to: &headers)
        return headers
    }

    @Test func `lifetimes are rewritten as upstream does`() throws {
        let rows: [Vector] = try vectors("cacheheaders")
        #expect(rows.count >= 12)
        for row in rows {
            let headers = HTTPFields(row.in.flatMap { name, values in values.map { (name, $0) } })
            let result = Self.rewritten(headers, minimum: row.minCacheDuration, forces: row.forceCache)
            for name in ["Cache-Control", "Date", "Expires"] {
                #expect(result.values(named: name) == row.out[name] ?? [], "\(row)")
            }
        }
    }

    @Test func `what is not asked for changes nothing`() {
        let headers = HTTPFields([("Cache-Control", "private, max-age=9"), ("Expires", "0")])
        #expect(Self.rewritten(headers, minimum: "0", forces: false) == headers)
    }
}
