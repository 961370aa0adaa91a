// SPDX-License-Identifier: Apache-2.0
import Foundation
import ImageJob
import Testing

/// One picture that the original service made.
struct PixelVector: Decodable, Sendable, CustomTestStringConvertible {
    enum CodingKeys: String, CodingKey {
        case options, alpha, width = "src_w", height = "src_h", scaleUp = "server_scaleUp", outputWidth = "out_w"
        case outputHeight = "out_h", pixels = "out_nrgba"
    }

    let options: String
    let alpha: Bool
    let width: Int
    let height: Int
    let scaleUp: Bool
    let outputWidth: Int
    let outputHeight: Int
    let pixels: [UInt8]

    var testDescription: String { "\(self.width)x\(self.height) \(self.options)" }

    static let all: [PixelVector] = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/vectors/pixels.json")
        do {
            return try JSONDecoder().decode([PixelVector].self, from: Data(contentsOf: file))
        } catch {
            preconditionFailure("pixels.json: \(error)")
        }
    }()

    /// By the rule that the table gives.
    var source: Picture {
        Picture(self.width, self.height, channels: 4) { x, y in
            [37 * x + 11 * y, 5 * x + 53 * y, 17 * x * y + 40, self.alpha ? 61 * x + 97 * y : 255].map {
                UInt8($0 % 256)
            }
        }
    }
}

struct VectorTests {
    @Test(arguments: PixelVector.all)
    func `pixels are the original service's, within one step`(vector: PixelVector) throws {
        let outcome = try transform(vector.source.png(), vector.options, scaleUp: vector.scaleUp)
        let made = try Picture(decoding: outcome.file)
        let expected = Picture(
            width: vector.outputWidth, height: vector.outputHeight, channels: 4, samples: vector.pixels)
        #expect(made.distance(to: expected) <= 1)
    }
}
