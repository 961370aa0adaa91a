// SPDX-License-Identifier: Apache-2.0
import Codecs
import ImageJob
import Pixels
import Testing

/// Sources that go out in place of a larger result: their picture as it was, and nothing else of them.
struct KeptSourceTests {
    private static func file(_ format: ImageFormat, channels: Int = 3) throws -> [UInt8] {
        let picture = Picture.soft(9, 7, channels: channels)
        let buffer = try PixelBuffer(size: picture.size, channels: channels)
        buffer.start.update(from: picture.samples, count: picture.samples.count)
        return try EncodedPicture(buffer, format: format, quality: 60, limits: .standard, deadline: 0).copy
    }

    private static func kept(_ file: [UInt8], _ format: ImageFormat) throws -> [UInt8]? {
        try file.withUnsafeBytes { bytes throws(JobFailure) in
            guard
                let kept = try EncodedPicture.stripped(
                    bytes, format: format, size: ImageSize(width: 9, height: 7), limits: .standard)
            else { return nil }
            return kept.copy
        }
    }

    private static func decoded(_ file: [UInt8], _ format: ImageFormat) -> Picture? {
        try? Picture.decoded(file, format: format)
    }

    @Test(arguments: [ImageFormat.tiff, .bmp, .avif], [1, 3, 4]) func `a plain file keeps its picture`(
        format: ImageFormat, channels: Int
    ) throws {
        let file = try Self.file(format, channels: channels)
        if format == .bmp, channels == 4 {
            // Its header has primaries.
            #expect(try Self.kept(file, format) == nil)
            return
        }
        let kept = try #require(try Self.kept(file, format))
        #expect(kept.count <= file.count)
        #expect(try Picture.decoded(kept, format: format) == Picture.decoded(file, format: format))
    }

    @Test(arguments: [ImageFormat.tiff, .bmp]) func `what stands behind a picture is left out`(format: ImageFormat)
        throws
    {
        let file = try Self.file(format)
        #expect(try Self.kept(file + Array("secret".utf8), format)?.count == file.count)
    }

    @Test(arguments: [ImageFormat.tiff, .bmp, .avif]) func `a file that ends early is not kept, or as far as it goes`(
        format: ImageFormat
    ) throws {
        let file = try Self.file(format)
        for count in 0..<file.count {
            let part = Array(file[..<count])
            guard let kept = try Self.kept(part, format) else { continue }
            #expect(Self.decoded(kept, format) == Self.decoded(part, format), "\(count)")
        }
    }

    @Test(arguments: [ImageFormat.tiff, .bmp, .avif]) func `what is kept of a damaged file shows what it showed`(
        format: ImageFormat
    ) throws {
        let file = try Self.file(format)
        for index in file.indices {
            for bit in [0, 3, 7] as [UInt8] {
                var damaged = file
                damaged[index] ^= 1 << bit
                guard let kept = try Self.kept(damaged, format), let before = Self.decoded(damaged, format) else {
                    continue
                }
                #expect(Self.decoded(kept, format) == before, "byte \(index), bit \(bit)")
            }
        }
    }

    @Test func `a TIFF that is turned is not kept`() throws {
        var file = try Self.file(.tiff)
        let tag: [UInt8] = [0x12, 0x01, 3, 0, 1, 0, 0, 0, 1, 0]
        let at = try #require((0..<file.count - tag.count).first { file[$0..<$0 + tag.count].elementsEqual(tag) })
        #expect(try Self.kept(file, .tiff) != nil)
        file[at + 8] = 3
        #expect(try Self.kept(file, .tiff) == nil)
    }

    @Test func `metadata inside of AV1 is not let out`() throws {
        var file = try Self.file(.avif)
        // The coded data is the end of the file: the first unit's kind becomes metadata, then padding.
        let box = try #require((0..<file.count - 4).first { file[$0..<$0 + 4].elementsEqual("mdat".utf8) })
        let unit = box + 4
        for kind in [5, 8, 15] as [UInt8] {
            file[unit] = file[unit] & 0x87 | kind << 3
            #expect(try Self.kept(file, .avif) == nil, "kind \(kind)")
        }
    }
}
