// SPDX-License-Identifier: Apache-2.0
import Foundation
import ImageJob
import JobRunner
import Pixels
import Testing

@testable import Transforms

/// A window that the original service's library chose in a picture of the rule below: by a margin, as the filter with which
/// it shrinks the picture is not ours.
struct SmartCropVector: Decodable, Sendable, CustomTestStringConvertible {
    let size: [Int]
    let seed: Int
    let target: [Int]
    let crop: [Int]

    var testDescription: String { "\(self.size) \(self.target)" }

    var window: PixelRect {
        PixelRect(
            x: self.crop[0], y: self.crop[1], width: self.crop[2] - self.crop[0], height: self.crop[3] - self.crop[1])
    }

    static let all: [SmartCropVector] = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/vectors/smartcrop.json")
        do {
            return try JSONDecoder().decode([SmartCropVector].self, from: Data(contentsOf: file))
        } catch {
            preconditionFailure("smartcrop.json: \(error)")
        }
    }()

    /// A grainy sky, a round face and a red patch.
    var scene: Picture {
        let (width, height) = (self.size[0], self.size[1])
        var state = UInt32(truncatingIfNeeded: self.seed) &* 2_654_435_761 &+ 1
        return Picture(width, height, channels: 3) { x, y in
            state ^= state << 13
            state ^= state >> 17
            state ^= state << 5
            let grain = Int(state >> 24) % 24
            var pixel = [90, 110, 140].map { $0 + grain + 40 * y / height }
            let (faceX, faceY) = (width * (self.seed * 37 % 100) / 100, height * (self.seed * 53 % 100) / 100)
            if (x - faceX) * (x - faceX) + (y - faceY) * (y - faceY) < width * height / 60 {
                pixel = [220, 165, 130].map { $0 - grain }
            }
            let (left, top) = (width * (self.seed * 71 % 100) / 100, height * (self.seed * 29 % 100) / 100)
            if x > left, x < left + width / 6, y > top, y < top + height / 5 {
                pixel = [200, 30 + 4 * (x % 16) + 4 * (y % 16), 40]
            }
            return pixel.map { UInt8($0) }
        }
    }
}

struct SmartCropTests {
    @Test(arguments: SmartCropVector.all)
    func `windows are the original service's, to a step when the picture is shrunk for it`(vector: SmartCropVector)
        throws
    {
        let picture = vector.scene
        let window = try Self.window(in: picture, for: ImageSize(width: vector.target[0], height: vector.target[1]))
        // Another filter shrinks it, so the last bits of what is seen differ.
        let shorter = min(picture.width, picture.height)
        let step = shorter <= 400 ? 0 : 8 * shorter / 400 + 2
        let sides = [
            (window.x, vector.window.x), (window.y, vector.window.y), (window.width, vector.window.width),
            (window.height, vector.window.height),
        ]
        #expect(sides.allSatisfy { abs($0 - $1) <= step }, "\(window) is not \(vector.window)")
    }

    @Test func `both sides are shrunk by what makes the width a whole number`() {
        for size in [ImageSize(width: 1600, height: 1067), ImageSize(width: 1067, height: 1600)] {
            let crop = SmartCrop(of: size, for: ImageSize(width: 100, height: 150))
            for symmetry in Symmetry.allCases {
                let part = PixelRect(symmetry.size(of: size))
                let geometry = crop.geometry(of: part, symmetry)
                #expect(geometry.output == crop.analysed)
                #expect(
                    geometry.source.width * geometry.resampled.height
                        == geometry.source.height * geometry.resampled.width)
                let width = symmetry.transposes ? geometry.resampled.height : geometry.resampled.width
                #expect(width == crop.analysed.width)
            }
        }
    }

    /// The rule as it is written: every sample weighed anew for every window.
    @Test(arguments: [(100, 100), (200, 50), (0, 70)])
    func `no window scores higher than the one that is chosen`(width: Int, height: Int) throws {
        let picture = SmartCropVector(size: [230, 170], seed: 9, target: [], crop: []).scene
        let chosen = try Self.window(in: picture, for: ImageSize(width: width, height: height))
        let best = Self.score(picture, chosen)
        for x in stride(from: 0, through: picture.width - chosen.width, by: 8) {
            for y in stride(from: 0, through: picture.height - chosen.height, by: 8) {
                let window = PixelRect(x: x, y: y, width: chosen.width, height: chosen.height)
                #expect(Self.score(picture, window) <= best + 1e-12, "\(window) beats \(chosen)")
            }
        }
    }

    @Test(arguments: [
        (64, 128, 10, 10, [0, 0, 64, 64]), (300, 40, 10, 10, [0, 0, 40, 40]), (5, 5, 100, 1, [0, 0, 5, 5]),
    ])
    func `where nothing is to be seen, the first window is taken`(
        width: Int, height: Int, targetWidth: Int, targetHeight: Int, expected: [Int]
    ) throws {
        let blank = Picture(width, height, channels: 3) { _, _ in [255, 255, 255] }
        let window = try Self.window(in: blank, for: ImageSize(width: targetWidth, height: targetHeight))
        #expect([window.x, window.y, window.width, window.height] == expected)
    }

    @Test(arguments: [1, 3, 4], [1, 2, 7, 60_000])
    func `a window lies inside, whatever the picture's shape`(channels: Int, side: Int) throws {
        for size in [ImageSize(width: side, height: 1), ImageSize(width: 3, height: side)] {
            for target in [
                ImageSize(width: 1, height: 1), ImageSize(width: 0, height: 9), ImageSize(width: 4000, height: 1),
            ] {
                let window = try Self.window(
                    in: Picture.noise(size.width, size.height, channels: channels), for: target)
                #expect(window.x >= 0 && window.y >= 0 && window.width > 0 && window.height > 0)
                #expect(window.x + window.width <= size.width && window.y + window.height <= size.height)
            }
        }
    }

    @Test(arguments: 1...8)
    func `the window is chosen in the upright picture`(orientation: Int) throws {
        let picture = SmartCropVector(size: [320, 200], seed: 3, target: [], crop: []).scene
        let file = try withChunk(picture.png(), "eXIf", exif(orientation: orientation))
        let upright = try transform(picture.oriented(orientation).png(), "90x50,sc").file
        // Which way is resampled first differs by a rounding.
        #expect(try Picture(decoding: transform(file, "90x50,sc").file).distance(to: Picture(decoding: upright)) <= 3)
    }

    @Test func `what is kept is not the centre`() throws {
        let picture = SmartCropVector(size: [640, 200], seed: 2, target: [], crop: []).scene
        let outcome = try Picture(decoding: transform(picture.png(), "100x100,sc").file)
        #expect(outcome.size == ImageSize(width: 100, height: 100))
        #expect(try outcome != Picture(decoding: transform(picture.png(), "100x100").file))
    }

    static func window(in picture: Picture, for target: ImageSize) throws -> PixelRect {
        var rows = PictureRows(picture)
        return try SmartCrop(of: picture.size, for: target).window(
            in: &rows, scale: .full, part: PixelRect(picture.size), Symmetry()
        ) {}
    }

    private static func score(_ picture: Picture, _ window: PixelRect) -> Double {
        var sum = 0.0
        for y in stride(from: 0, through: picture.height - 8, by: 8) {
            for x in stride(from: 0, through: picture.width - 8, by: 8) {
                sum += Self.interest(picture, x, y) * Self.importance(x, y, window)
            }
        }
        return sum / Double(window.width) / Double(window.height)
    }

    private static func importance(_ x: Int, _ y: Int, _ window: PixelRect) -> Double {
        guard (window.x..<window.x + window.width).contains(x), (window.y..<window.y + window.height).contains(y) else {
            return -0.5
        }
        let px = abs(0.5 - Double(x - window.x) / Double(window.width)) * 2
        let py = abs(0.5 - Double(y - window.y) / Double(window.height)) * 2
        let edge = -20 * (pow(max(px - 0.6, 0), 2) + pow(max(py - 0.6, 0), 2))
        let centre = 1.41 - hypot(px, py)
        func third(_ p: Double) -> Double { max(1 - pow((p - 1.0 / 3) * 8, 2), 0) }
        return centre + edge + max(0, centre + edge + 0.5) * 1.2 * (third(px) + third(py))
    }

    private static func interest(_ picture: Picture, _ x: Int, _ y: Int) -> Double {
        func colour(_ x: Int, _ y: Int) -> [Double] { picture[x, y].map(Double.init) }
        func light(_ x: Int, _ y: Int) -> Double {
            let c = colour(x, y)
            return 0.0722 * c[0] + 0.7152 * c[1] + 0.5126 * c[2]
        }
        func byte(_ value: Double) -> Double { min(max(value, 0), 255).rounded(.down) / 255 }
        let isInside = x > 0 && y > 0 && x < picture.width - 1 && y < picture.height - 1
        let edge =
            isInside ? 4 * light(x, y) - light(x, y - 1) - light(x - 1, y) - light(x + 1, y) - light(x, y + 1) : 0
        let detail = byte(edge)
        let c = colour(x, y)
        let length = (c[0] * c[0] + c[1] * c[1] + c[2] * c[2]).squareRoot()
        let brightness = light(x, y) / 255
        let tone = zip(c, [0.78, 0.57, 0.44]).reduce(0.0) { $0 + pow($1.0 / length - $1.1, 2) }
        let likeness = 1 - tone.squareRoot()
        let skin = likeness > 0.8 && (0.2...1).contains(brightness) ? byte((likeness - 0.8) * 255 / 0.2) : 0
        let (most, least) = (c.max()! / 255, c.min()! / 255)
        let strength = most == least ? 0 : (most - least) / (most + least > 1 ? 2 - most - least : most + least)
        let saturation =
            strength > 0.4 && (0.05...0.9).contains(brightness) ? byte((strength - 0.4) * (255 / 0.6)) : 0
        return 0.2 * detail + 1.8 * skin * (detail + 0.01) + 0.3 * saturation * (detail + 0.2)
    }
}
