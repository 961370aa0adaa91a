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
        for control in ["public, MAX-AGE=9", "no-store, max-age=9", ""] {
            let headers = HTTPFields([("Cache-Control", control), ("Expires", "0")])
            #expect(Self.rewritten(headers, minimum: "0", forces: false) == headers)
        }
    }

    @Test func `what is private is not to be stored by anybody, whatever the operator says of lifetimes`() {
        for minimum in ["0", "1h"] {
            let headers = HTTPFields([("Cache-Control", "private, Max-Age=9"), ("Expires", "0")])
            let result = Self.rewritten(headers, minimum: minimum, forces: false)
            #expect(result.values(named: "Cache-Control") == ["max-age=9, no-store, private"])
            #expect(result.values(named: "Expires") == ["0"])
        }
    }
}
