// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import WorkerProtocol

/// Inputs that once broke a parser, or are of the kind that would.
private func corpus(_ harness: String, file: String = #filePath) throws -> [URL] {
    let directory = URL(filePath: file).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fuzz/Corpus/\(harness)")
    return try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
}

struct CorpusTests {
    @Test func `frames that once were a problem are refused, or mean what they say`() throws {
        let inputs = try corpus("FuzzWorkerProtocol")
        #expect(!inputs.isEmpty)
        for input in inputs {
            let frame = Array(try Data(contentsOf: input))
            let meanings = [
                (try? Hello(decoding: frame.span))?.encoded(), (try? Job(decoding: frame.span))?.encoded(),
                (try? Reply(decoding: frame.span))?.encoded(), (try? Report(decoding: frame.span))?.encoded(),
            ].compactMap(\.self)
            #expect(meanings.allSatisfy { $0 == frame } && meanings.count <= 1, "\(input.lastPathComponent)")
        }
    }
}
