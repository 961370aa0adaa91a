// SPDX-License-Identifier: Apache-2.0
import Codecs
import ImageJob
import JobRunner
import Testing

struct FormatsFailureTests {
    private static let formats: [ImageFormat] = [.webp, .gif, .tiff, .bmp, .avif]

    private static func files(_ format: ImageFormat) throws -> [[UInt8]] {
        let pictures = [Picture.noise(61, 47, channels: 3), Picture.soft(61, 47, channels: 4)]
        let stills = try pictures.map { try $0.encoded(format) }
        return format == .gif ? stills + [AnimationFile.random(3).bytes, AnimationFile.random(4).bytes] : stills
    }

    @Test(arguments: formats)
    func `a file that ends early is corrupt, or lacks nothing that shows`(format: ImageFormat) throws {
        for file in try Self.files(format) {
            let whole = try Picture.decoded(file, format: format)
            for count in ImageFormat.magicLength..<file.count where count % 61 == 0 || count > file.count - 20 {
                let short = Array(file[..<count])
                do {
                    #expect(try Picture.decoded(short, format: format) == whole, "\(count) of \(file.count)")
                } catch {
                    #expect(error as? JobFailure == .corruptSource, "\(count) of \(file.count)")
                }
            }
            #expect(failure(Array(file[..<(file.count / 2)]), "10x,png") == .corruptSource)
        }
    }

    @Test(arguments: formats)
    func `wrong bytes fail or are a picture, and never trap`(format: ImageFormat) throws {
        var random = Xorshift(17)
        let limits = PixelLimits(maxSourcePixels: 1 << 18, maxOutputPixels: 1 << 18, maxResultBytes: 1 << 20)
        let expected: [JobFailure] = [
            .corruptSource, .tooManyPixels, .unsupportedFormat, .outOfMemory, .resultTooLarge,
        ]
        for file in try Self.files(format) {
            for _ in 0..<150 {
                var broken = file
                for _ in 0..<Int.random(in: 1...5, using: &random) {
                    // Most of them where the headers are.
                    let end = Bool.random(using: &random) ? min(file.count, 200) : file.count
                    broken[Int.random(in: 0..<end, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                for options in ["20x,jpeg", "20x,webp"] {
                    if let failure = failure(broken, options, limits: limits) { #expect(expected.contains(failure)) }
                }
            }
        }
    }

    @Test(arguments: formats)
    func `limits count pixels of the source, of the result, and bytes`(format: ImageFormat) throws {
        let file = try Picture.soft(61, 47).encoded(format)
        func limits(_ source: Int, _ output: Int, _ bytes: Int) -> PixelLimits {
            PixelLimits(maxSourcePixels: source, maxOutputPixels: output, maxResultBytes: bytes)
        }
        let word = format.optionWord
        #expect(failure(file, word, limits: limits(61 * 47, 61 * 47, 1 << 20)) == nil)
        #expect(failure(file, word, limits: limits(61 * 47 - 1, 61 * 47, 1 << 20)) == .tooManyPixels)
        #expect(failure(file, word, limits: limits(61 * 47, 61 * 47 - 1, 1 << 20)) == .resultTooLarge)
        let count = try transform(file, word).file.count
        #expect(failure(file, word, limits: limits(61 * 47, 61 * 47, count)) == nil)
        #expect(failure(file, word, limits: limits(61 * 47, 61 * 47, count - 1)) == .resultTooLarge)
    }

    @Test(arguments: formats)
    func `a deadline that has passed ends the job`(format: ImageFormat) throws {
        let file = try Picture.soft(61, 47).encoded(format)
        #expect(failure(file, "30x,png", deadline: 1) == .deadlinePassed)
        #expect(failure(file, "30x,png", deadline: JobTimings.now + 60_000_000_000) == nil)
    }

    @Test func `a side that a format cannot have is refused`() throws {
        let thin = Picture(width: 70_000, height: 1, channels: 1, samples: [UInt8](repeating: 9, count: 70_000))
        let file = try thin.png()
        for word in ["webp", "gif", "avif"] { #expect(failure(file, word) == .resultTooLarge) }
        for word in ["bmp", "tiff"] { #expect(failure(file, word) == nil) }
    }

    @Test func `a TIFF whose directories lead in a circle is one picture`() throws {
        var file = try Picture.soft(8, 8).encoded(.tiff)
        // The last four bytes of the directory say where the next one is: at the first.
        let directory = Int(file[4]) | Int(file[5]) << 8
        let count = Int(file[directory]) | Int(file[directory + 1]) << 8
        let next = directory + 2 + 12 * count
        file.replaceSubrange(next..<next + 4, with: little(directory, 4))
        #expect(failure(file, "4x") == nil)
    }

    @Test func `TIFF codings that are none of ours are unsupported`() throws {
        // Old JPEG, LZMA, Zstandard, WebP, LERC, JBIG.
        for compression in [6, 34_925, 50_000, 50_001, 34_887, 34_661] {
            let tags = [(258, 3, [8]), (259, 3, [compression]), (262, 3, [1]), (277, 3, [1])]
            let file = TIFFFile(width: 4, height: 4, tags: tags, parts: [[UInt8](repeating: 0, count: 16)])
            let result = failure(file.bytes, "2x")
            #expect(result == .unsupportedFormat || result == .corruptSource, "\(compression)")
        }
    }
}
