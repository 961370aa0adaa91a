// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// One row of the options table that the original service produced.
struct OptionsVector: Decodable, Sendable, CustomTestStringConvertible {
    /// A JSON number, or the word that stands for one JSON cannot hold.
    struct Number: Decodable, Sendable {
        let value: Double

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Double.self) {
                self.value = number
            } else {
                self.value = try #require(Double(try container.decode(String.self)))
            }
        }
    }

    let input: String
    let canonical: String
    let transform: Bool
    let width: Number
    let height: Number
    let fit: Bool
    let rotate: Int
    let flipV: Bool
    let flipH: Bool
    let quality: Int
    let signature: String
    let scaleUp: Bool
    let format: String
    let cropX: Number
    let cropY: Number
    let cropW: Number
    let cropH: Number
    let smartCrop: Bool
    let trim: Bool

    var testDescription: String { self.input.debugDescription }
}

/// Reads a table under `Tests/Fixtures/vectors`.
func vectors<Row: Decodable>(_ name: String, of type: Row.Type) throws -> [Row] {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/vectors/\(name)")
    return try JSONDecoder().decode([Row].self, from: Data(contentsOf: file))
}
