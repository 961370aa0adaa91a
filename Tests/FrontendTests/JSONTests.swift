// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FrontendCore

@Suite struct JSONTests {
    private func read(_ text: String) -> String? { JSON(parsing: Array(text.utf8))?.text }

    @Test func `what is written is read again`() {
        let value = JSON.object([
            ("a", .array([.null, .bool(true), .bool(false), .number(-1.5), .number(12), .string("ü\"\\\n\u{1}")])),
            ("", .object([])), ("b", .array([])),
        ])
        #expect(self.read(value.text) == value.text)
    }

    @Test(arguments: [
        (" { \"a\" : [ 1 , 2.5e1 ,-0 ] } ", "{\"a\":[1,25,0]}"),
        ("\"\\u00e9\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\"", "\"é😀/\\u0008\\u000c\\u000a\\u000d\\u0009\""),
        ("true", "true"), ("0", "0"), ("[[]]", "[[]]"),
    ])
    func `other spellings are read`(text: String, expected: String) {
        #expect(self.read(text) == expected)
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\"}", "{\"a\":1,}", "{a:1}", "01", "+1", ".5", "-", "1e999", "nul", "\"", "\"\n\"",
        "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "[1] 2", "--1",
    ])
    func `what is not JSON is refused`(text: String) {
        #expect(self.read(text) == nil)
    }

    @Test func `depth is bounded`() {
        #expect(self.read(String(repeating: "[", count: 60) + String(repeating: "]", count: 60)) != nil)
        #expect(self.read(String(repeating: "[", count: 100_000)) == nil)
    }

    @Test func `members are found by name`() {
        let value = JSON(parsing: Array("{\"a\":{\"b\":[1,\"x\",true]}}".utf8))
        let elements = value?["a"]?["b"]?.elements ?? []
        #expect(elements.map(\.double) == [1, nil, nil] && elements.map(\.string) == [nil, "x", nil])
        #expect(elements.last?.isTrue == true && value?["c"] == nil)
    }
}
