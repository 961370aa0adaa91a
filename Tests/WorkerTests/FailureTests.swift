// SPDX-License-Identifier: Apache-2.0
import CPictures
import Codecs
import ImageJob
import JobRunner
import Testing

struct FailureTests {
    private static let picture = Picture.noise(61, 47, channels: 3)
    private static let files: [[UInt8]] = {
        let sampled: (inout jpeg_recipe) -> Void = {
            $0.luma_h = 2
            $0.luma_v = 2
        }
        return [
            picture.jpeg(sampled), picture.jpeg(), picture.jpeg { $0.is_progressive = 1 },
            picture.jpeg { $0.is_split_in_scans = 1 }, picture.jpeg { $0.kind = JPEG_RGB_AS_IT_IS },
        ]
    }()

    @Test func `a JPEG that ends early is corrupt, never a picture with holes`() {
        for file in Self.files {
            // The end marker itself may be missing, and the last byte of data may not matter.
            for count in 3..<file.count - 8 where count % 97 == 0 || count > file.count - 40 {
                for options in ["10x", "", "png"] {
                    let failure = failure(Array(file[..<count]), options)
                    #expect(failure == .corruptSource, "\(count) of \(file.count)")
                }
            }
        }
    }

    @Test func `a PNG that ends early is corrupt`() throws {
        let file = try Self.picture.png()
        for count in 8..<file.count where count < 100 || count % 97 == 0 || count > file.count - 40 {
            #expect(failure(Array(file[..<count])) == .corruptSource, "\(count) of \(file.count)")
        }
    }

    @Test func `a PNG with one wrong bit is corrupt`() throws {
        let file = try Self.picture.png()
        for at in stride(from: 8, to: file.count, by: 41) {
            var broken = file
            broken[at] ^= 0x10
            let failure = failure(broken)
            #expect(failure == .corruptSource || failure == .tooManyPixels, "byte \(at)")
        }
    }

    @Test func `a JPEG with wrong bytes fails or is a picture, and never traps`() throws {
        var random = Xorshift(11)
        for file in Self.files {
            for _ in 0..<100 {
                var broken = file
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    broken[Int.random(in: 2..<file.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                let limits = PixelLimits(maxSourcePixels: 1 << 20, maxOutputPixels: 1 << 20, maxResultBytes: 1 << 20)
                if let failure = failure(broken, limits: limits) {
                    #expect([.corruptSource, .tooManyPixels, .unsupportedFormat].contains(failure))
                }
            }
        }
    }

    /// 64250 by 64250 pixels, by their headers alone.
    @Test func `a header that declares too much is refused before anything is allocated`() throws {
        for var file in Self.files {
            let frames: [UInt8] = [0xC0, 0xC2]
            let at = try #require(file.indices.dropLast().first { file[$0] == 0xFF && frames.contains(file[$0 + 1]) })
            file.replaceSubrange(at + 5..<at + 9, with: [0xFA, 0xFA, 0xFA, 0xFA])
            #expect(failure(file) == .tooManyPixels)
            file.replaceSubrange(at + 5..<at + 9, with: [0xFF, 0xFF, 0xFF, 0xFF])
            #expect(failure(file) == .tooManyPixels)
        }
        for side: [UInt8] in [[0, 0, 0xFA, 0xFA], [0x7F, 0xFF, 0xFF, 0xFF]] {
            let png = try Self.picture.png()
            let header = side + side + [8, 2, 0, 0, 0]
            #expect(failure(png[..<8] + chunk("IHDR", header) + png[33...]) == .tooManyPixels)
        }
    }

    @Test func `limits count pixels of the source, of the result, and bytes`() throws {
        let file = Self.files[0]
        let png = try Self.picture.png()
        func limits(_ source: Int, _ output: Int, _ bytes: Int) -> PixelLimits {
            PixelLimits(maxSourcePixels: source, maxOutputPixels: output, maxResultBytes: bytes)
        }
        for bytes in [file, png] {
            #expect(failure(bytes, "", limits: limits(61 * 47, 61 * 47, 1 << 20)) == nil)
            #expect(failure(bytes, "", limits: limits(61 * 47 - 1, 61 * 47, 1 << 20)) == .tooManyPixels)
            #expect(failure(bytes, "", limits: limits(61 * 47, 61 * 47 - 1, 1 << 20)) == .resultTooLarge)
            #expect(failure(bytes, "", limits: limits(61 * 47, 61 * 47, 500)) == .resultTooLarge)
        }
    }

    @Test func `a result is exactly as large as it may be, or refused`() throws {
        for file in [Self.files[0], try Self.picture.png()] {
            let count = try transform(file, "q95").file.count
            var limits = PixelLimits.standard
            limits.maxResultBytes = count
            #expect(failure(file, "q95", limits: limits) == nil)
            limits.maxResultBytes = count - 1
            #expect(failure(file, "q95", limits: limits) == .resultTooLarge)
        }
    }

    @Test func `a side that JPEG cannot have is refused`() throws {
        let thin = Picture(width: 70_000, height: 1, channels: 1, samples: [UInt8](repeating: 9, count: 70_000))
        #expect(failure(try thin.png(), "jpeg") == .resultTooLarge)
        #expect(failure(try thin.png(), "") == nil)
    }

    @Test func `a deadline that has passed ends the job`() throws {
        for file in Self.files + [try Self.picture.png()] {
            #expect(failure(file, "30x", deadline: 1) == .deadlinePassed)
            #expect(failure(file, "30x,png", deadline: 1) == .deadlinePassed)
            #expect(failure(file, "30x", deadline: JobTimings.now + 60_000_000_000) == nil)
        }
    }

    @Test func `what is no picture, or of no format that is known, is unsupported`() {
        for bytes in [[], [0], Array("hello, world, this is no picture".utf8), Array("GIF89".utf8), [0xFF, 0xD8]] {
            #expect(failure(bytes as [UInt8]) == .unsupportedFormat)
        }
    }

    @Test func `more scans than a picture needs are refused`() throws {
        let file = Picture.soft(16, 16, channels: 1).jpeg { $0.is_progressive = 1 }
        let scan = try #require(file.indices.dropLast().first { file[$0] == 0xFF && file[$0 + 1] == 0xDA })
        let end = try #require(
            file.indices.dropLast().first { $0 > scan && file[$0] == 0xFF && ![0, 0xDA].contains(file[$0 + 1]) })
        // The first scan over and over.
        func repeated(_ times: Int) -> [UInt8] {
            file[..<end] + (0..<times).flatMap { _ in file[scan..<end] } + file[end...]
        }
        #expect(failure(repeated(20)) == nil)
        #expect(failure(repeated(100)) == .corruptSource)
    }
}
