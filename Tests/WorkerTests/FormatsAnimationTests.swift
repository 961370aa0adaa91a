// SPDX-License-Identifier: Apache-2.0
import ImageJob
import JobRunner
import Pixels
import Testing
import Transforms

@testable import Codecs

struct FormatsAnimationTests {
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `a GIF shows what the format says, whatever its frames leave behind`(seed: UInt64) throws {
        let file = AnimationFile.random(seed)
        let decoded = try DecodedAnimation(file.bytes)
        #expect(decoded.frames == file.shown)
        #expect(decoded.plays == file.plays)
        #expect(decoded.milliseconds == file.frames.map { $0.delay * 10 })
        for (number, (before, after)) in zip(decoded.frames, decoded.frames.dropFirst()).enumerated() {
            let area = decoded.changed[number + 1]
            for y in 0..<file.height {
                for x in 0..<file.width where before[x, y] != after[x, y] {
                    #expect((area.x..<area.x + area.width).contains(x) && (area.y..<area.y + area.height).contains(y))
                }
            }
        }
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `a GIF that is not resized comes out as it was`(seed: UInt64) throws {
        let file = AnimationFile.random(seed)
        let outcome = try transform(file.bytes, "q80")
        #expect(outcome.format == .gif)
        let decoded = try DecodedAnimation(outcome.file)
        #expect(decoded.frames == file.shown)
        #expect(decoded.plays == file.plays)
        #expect(decoded.milliseconds == file.frames.map { $0.delay * 10 })
    }

    @Test func `pixels that become clear again do so`() throws {
        let colours: [[UInt8]] = (0..<8).map { [UInt8($0 * 30), 200, 10] }
        var file = AnimationFile(width: 6, height: 5, colours: colours, loops: 0)
        let all = [UInt8](repeating: 1, count: 30)
        // A whole frame that clears itself, then a small one, on which a third one draws.
        file.frames = [
            .init(width: 6, height: 5, indices: all, disposal: 2, delay: 5),
            .init(x: 1, y: 1, width: 2, height: 2, indices: [2, 3, 4, 5], disposal: 1, delay: 5),
            .init(x: 2, y: 2, width: 3, height: 2, indices: [6, 6, 6, 7, 7, 7], disposal: 3, delay: 5),
            .init(x: 0, y: 0, width: 1, height: 1, indices: [4], delay: 5),
        ]
        #expect(try DecodedAnimation(transform(file.bytes, "").file).frames == file.shown)
    }

    @Test(arguments: ["10x", "x9,fh", "12x8,r90", "cx2,cy1,cw9,ch8,7x,fv", "r270,fh", "15x15,fit"])
    func `every frame is resampled as if it were alone`(options: String) throws {
        for seed in 1...6 as ClosedRange<UInt64> {
            let file = AnimationFile.random(seed)
            var parsed = TransformOptions(parsing: options)
            parsed.scaleUp = true
            let size = ImageSize(width: file.width, height: file.height)
            let plan = TransformPlan.make(for: size, options: parsed, scaleUp: true)
            let geometry = StoredGeometry(plan, orientation: Symmetry(), part: PixelRect(size))
            var following = try FrameRenderer(geometry, canvas: size)
            let decoded = try DecodedAnimation(file.bytes)
            for (frame, changed) in zip(decoded.frames, decoded.changed) {
                var alone = try FrameRenderer(geometry, canvas: size)
                let (first, second) = try frame.samples.withUnsafeBufferPointer { canvas in
                    _ = try following.update(canvas.baseAddress!, changed: changed)
                    _ = try alone.update(canvas.baseAddress!, changed: PixelRect(size))
                    let count = geometry.output.area * 4
                    return (
                        Array(UnsafeBufferPointer(start: following.pixels, count: count)),
                        Array(UnsafeBufferPointer(start: alone.pixels, count: count))
                    )
                }
                #expect(first == second)
            }
        }
    }

    /// Edges as hard as they can be, in what is opaque, half clear, and in part either.
    @Test(arguments: ["11x", "x9,fh", "12x8,r90", "cx2,cy1,cw19,ch18,7x,fv", "40x,r270", "90x80"])
    func `a frame is resampled as a still is`(options: String) throws {
        let opaque = Picture.noise(31, 23, channels: 3)
        let clear = Picture.noise(31, 23, channels: 4)
        var mixed = Picture.noise(31, 23, channels: 4, seed: 2)
        for at in stride(from: 3, to: mixed.samples.count / 2, by: 4) { mixed.samples[at] = 255 }
        for (stored, frame) in [(opaque, opaque.withAlpha), (clear, clear), (mixed, mixed)] {
            for orientation in 1...8 {
                let orientation = Symmetry(orientation: orientation)
                let plan = TransformPlan.make(
                    for: orientation.size(of: frame.size), options: TransformOptions(parsing: options), scaleUp: true)
                let geometry = StoredGeometry(plan, orientation: orientation, part: PixelRect(frame.size))
                var renderer = try FrameRenderer(geometry, canvas: frame.size)
                let samples = try frame.samples.withUnsafeBufferPointer {
                    let made = try renderer.update($0.baseAddress!, changed: PixelRect(frame.size))
                    #expect(made == PixelRect(geometry.output))
                    return Array(UnsafeBufferPointer(start: renderer.pixels, count: geometry.output.area * 4))
                }
                var rows = PictureRows(stored)
                let still = try Picture(Rendering.render(&rows, geometry, scale: .full) { () throws(JobFailure) in })
                #expect(samples == still.withAlpha.samples, "\(orientation)")
            }
        }
    }

    @Test func `GIF and WebP become each other`() throws {
        let file = AnimationFile.random(9)
        let webp = try transform(file.bytes, "webp,q100")
        #expect(webp.format == .webp)
        let decoded = try DecodedAnimation(webp.file)
        #expect(decoded.plays == file.plays)
        #expect(decoded.milliseconds.reduce(0, +) == file.frames.reduce(0) { $0 + $1.delay * 10 })
        #expect(decoded.frames.count == file.frames.count)
        for (frame, shown) in zip(decoded.frames, file.shown) {
            for index in stride(from: 3, to: shown.samples.count, by: 4) {
                #expect(frame.samples[index] == shown.samples[index])
            }
        }

        // An animated WebP stays one when nothing else is asked for.
        let again = try transform(webp.file, "8x")
        #expect(again.format == .webp)
        #expect(try DecodedAnimation(again.file).frames.count == decoded.frames.count)
        let gif = try transform(webp.file, "gif")
        let back = try DecodedAnimation(gif.file)
        #expect(gif.format == .gif && back.plays == file.plays)
        #expect(back.milliseconds == decoded.milliseconds)
        for (frame, shown) in zip(back.frames, decoded.frames) {
            #expect(frame.premultiplied.psnr(to: shown.premultiplied) > 30)
        }
    }

    @Test func `many colours get a table of their own`() throws {
        // A soft picture moves under a palette that is not its own.
        let colours: [[UInt8]] = (0..<8).map { [UInt8($0 * 36), UInt8(255 - $0 * 36), 128] }
        var file = AnimationFile(width: 60, height: 40, colours: colours, loops: 0)
        for number in 0..<3 {
            let indices = (0..<2400).map { UInt8(($0 % 60 + $0 / 60 + number * 5) / 14 % 8) }
            file.frames.append(.init(width: 60, height: 40, indices: indices, delay: 4))
        }
        let outcome = try transform(file.bytes, "30x")
        let decoded = try DecodedAnimation(outcome.file)
        let size = ImageSize(width: 60, height: 40)
        let plan = TransformPlan.make(for: size, options: TransformOptions(parsing: "30x"), scaleUp: false)
        let geometry = StoredGeometry(plan, orientation: Symmetry(), part: PixelRect(size))
        for (frame, shown) in zip(decoded.frames, file.shown) {
            var rows = PictureRows(shown)
            let still = try Picture(Rendering.render(&rows, geometry, scale: .full) { () throws(JobFailure) in })
            #expect(frame.psnr(to: still) > 36)
        }
    }

    @Test(arguments: ["jpeg", "png", "bmp", "tiff", "avif"])
    func `what cannot move is the first frame`(word: String) throws {
        var file = AnimationFile.random(5)
        file.frames[0] = .init(
            width: file.width, height: file.height, indices: [UInt8](repeating: 2, count: file.width * file.height))
        let outcome = try transform(file.bytes, "\(word),q100")
        let picture = try Picture.decoded(outcome.file, format: outcome.format)
        #expect(picture.withAlpha.psnr(to: file.shown[0]) > 30)
    }

    @Test(arguments: ["", "fh", "r90", "cx3,cy2,cw9,ch8"])
    func `translucent frames that keep their size keep their pixels`(options: String) throws {
        // More than one alpha, and colours under what is clear.
        let canvases = (0..<3).map { Picture.noise(17, 13, channels: 4, seed: UInt64($0)) }
        let size = canvases[0].size
        let plan = TransformPlan.make(for: size, options: TransformOptions(parsing: options), scaleUp: false)
        let geometry = StoredGeometry(plan, orientation: Symmetry(), part: PixelRect(size))
        var renderer = try FrameRenderer(geometry, canvas: size)
        for canvas in canvases {
            let samples = try canvas.samples.withUnsafeBufferPointer {
                _ = try renderer.update($0.baseAddress!, changed: PixelRect(size))
                return Array(UnsafeBufferPointer(start: renderer.pixels, count: geometry.output.area * 4))
            }
            var expected = canvas
            for at in stride(from: 0, to: expected.samples.count, by: 4) where expected.samples[at + 3] == 0 {
                expected.samples.replaceSubrange(at..<at + 4, with: [0, 0, 0, 0])
            }
            var rows = PictureRows(expected)
            let still = try Picture(Rendering.render(&rows, geometry, scale: .full) { () throws(JobFailure) in })
            #expect(samples == still.samples)
        }
    }

    @Test func `a border that all frames have is trimmed`() throws {
        let colours: [[UInt8]] = (0..<8).map { [UInt8($0 * 30), 20, 10] }
        var file = AnimationFile(width: 20, height: 16, colours: colours, loops: 0)
        file.frames = [
            .init(width: 20, height: 16, indices: [UInt8](repeating: 3, count: 320)),
            .init(x: 4, y: 5, width: 3, height: 3, indices: [UInt8](repeating: 1, count: 9), disposal: 3),
            .init(x: 9, y: 7, width: 2, height: 6, indices: [UInt8](repeating: 2, count: 12)),
        ]
        let outcome = try transform(file.bytes, "trim")
        #expect(outcome.size == ImageSize(width: 7, height: 8))
        let expected = file.shown.map { $0.cropped(PixelRect(x: 4, y: 5, width: 7, height: 8)) }
        #expect(try DecodedAnimation(outcome.file).frames == expected)
    }

    @Test func `all frames together are limited, and a still of them is not`() throws {
        let file = AnimationFile.random(2)
        let area = file.width * file.height
        let largest = file.frames.map { $0.width * $0.height }.max()!
        let all = max(area * file.frames.count, file.frames.reduce(0) { $0 + $1.width * $1.height })
        func limits(_ pixels: Int) -> PixelLimits {
            PixelLimits(maxSourcePixels: pixels, maxOutputPixels: 1 << 20, maxResultBytes: 1 << 20)
        }
        // Five quarters of the limit of a still are what all of them may have.
        // Those of a result count, too, and are few here.
        let enough = max(area, largest, (4 * all + 4) / 5 + 2 * file.frames.count)
        #expect(failure(file.bytes, "1x1", limits: limits(enough)) == nil)
        #expect(failure(file.bytes, "", limits: limits(max(area, largest) - 1)) == .tooManyPixels)

        var long = file
        while long.frames.count < 40 { long.frames += file.frames }
        #expect(failure(long.bytes, "", limits: limits(max(area, largest))) == .tooManyPixels)
        #expect(failure(long.bytes, "png", limits: limits(max(area, largest))) == nil)
    }

    @Test func `an index without a colour is corrupt, and so is a file without an end`() throws {
        var file = AnimationFile.random(6)
        file.frames[1] = .init(width: 2, height: 1, indices: [7, 3], bits: 4)
        var bytes = file.bytes
        #expect(failure(bytes, "") == nil)
        bytes.removeLast()
        #expect(failure(bytes, "") == .corruptSource)
        file.frames[1].indices[0] = 8
        #expect(failure(file.bytes, "") == .corruptSource)
        // Of an index that shows nothing nobody needs the colour.
        file.frames[1].transparent = 8
        #expect(failure(file.bytes, "") == nil)
    }
}
