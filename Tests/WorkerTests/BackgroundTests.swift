// SPDX-License-Identifier: Apache-2.0
import ImageJob
import Testing

@testable import Codecs

struct BackgroundTests {
    private static let clear = Picture(37, 29, channels: 4) { x, y in
        [UInt8(x * 6), UInt8(y * 8), UInt8(255 - x * 3), UInt8(min(255, max(0, (x + y) * 8 - 100)))]
    }

    /// By plain arithmetic.
    private static func put(_ picture: Picture, on colour: [Double]) -> Picture {
        Picture(picture.width, picture.height, channels: 4) { x, y in
            let pixel = picture[x, y].map(Double.init)
            let alpha = pixel[3] / 255
            return (0..<3).map { UInt8((pixel[$0] * alpha + colour[$0] * (1 - alpha)).rounded()) } + [255]
        }
    }

    @Test(arguments: [("bg102030", [16.0, 32, 48]), ("bgf00", [255, 0, 0]), ("bgffffff", [255, 255, 255])])
    func `transparent parts show the colour that is asked for`(option: String, colour: [Double]) throws {
        let expected = Self.put(Self.clear, on: colour)
        #expect(try Picture(decoding: transform(Self.clear.png(), option).file) == expected)
        let jpeg = try Picture(decoding: transform(Self.clear.png(), "\(option),jpeg").file).withAlpha
        #expect(jpeg.psnr(to: expected) > 30)
        #expect(
            try Picture.decoded(transform(Self.clear.png(), "\(option),bmp").file, format: .bmp).withAlpha == expected)
    }

    @Test func `a JPEG's transparent parts are white unless a colour is asked for`() throws {
        let file = try Self.clear.png()
        #expect(try transform(file, "jpeg").file == transform(file, "jpeg,bgfff").file)
        #expect(try transform(file, "jpeg").file != transform(file, "jpeg,bgffe").file)
    }

    @Test func `a WebP with a colour under it needs no alpha`() throws {
        let file = try Self.clear.encoded(.webp)
        #expect(try transform(file, "20x").format == .png)
        #expect(try transform(file, "20x,bg808080").format == .jpeg)
    }

    @Test func `an opaque picture is as without a colour`() throws {
        let picture = Picture.soft(40, 30)
        #expect(try transform(picture.png(), "20x,bgf00").file == transform(picture.png(), "20x").file)
        #expect(try transform(picture.jpeg(), "bgf00").file == transform(picture.jpeg(), "r0,fit,jpeg").file)
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `every frame of an animation is on the colour`(seed: UInt64) throws {
        let file = AnimationFile.random(seed)
        let outcome = try transform(file.bytes, "bg00ff00,webp")
        #expect(outcome.format == .webp)
        let gif = try DecodedAnimation(transform(file.bytes, "bg00ff00").file)
        #expect(gif.frames == file.shown.map { Self.put($0, on: [0, 255, 0]) })
    }
}
