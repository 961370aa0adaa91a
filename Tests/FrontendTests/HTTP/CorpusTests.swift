// SPDX-License-Identifier: Apache-2.0

import Foundation
import FrontendCore
import Testing

struct RequestHeadCorpusTests {
    @Test func `heads that once were a problem are refused`() throws {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let inputs = try FileManager.default.contentsOfDirectory(
            at: tests.appending(path: "Fuzz/Corpus/FuzzRequestHead"), includingPropertiesForKeys: nil)
        #expect(!inputs.isEmpty)
        for input in inputs {
            let bytes = Array(try Data(contentsOf: input))
            bytes.withUnsafeBytes { buffer in
                do throws(RequestHeadParser.Failure) {
                    let parsed = try RequestHeadParser.parse(buffer)
                    #expect(parsed == nil || parsed!.consumed <= buffer.count, "\(input.lastPathComponent)")
                    #expect(!input.lastPathComponent.hasPrefix("bad-") || parsed == nil, "\(input.lastPathComponent)")
                } catch {
                    #expect(error.status >= 400)
                }
            }
        }
    }
}
