// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Reads a table of the original's answers.
func vectors<Row: Decodable>(_ name: String) throws -> [Row] {
    let support = URL(filePath: #filePath).deletingLastPathComponent()
    let tests = support.deletingLastPathComponent().deletingLastPathComponent()
    let file = tests.appending(path: "Fixtures/vectors/\(name).json")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode([Row].self, from: Data(contentsOf: file))
}
