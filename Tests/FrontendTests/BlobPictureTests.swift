// SPDX-License-Identifier: Apache-2.0

import ImageJob
import Platform
import Testing

@testable import FrontendCore

struct BlobPictureTests {
    private static func blob(_ bytes: [UInt8]) throws -> Blob {
        Blob(try Blob(bytes).sealed(), head: Array(bytes.prefix(Blob.headLength)))
    }

    /// A JPEG file's beginning: segments of some length, then the frame's header with a size.
    private static func jpeg(afterSegmentsOf count: Int, width: UInt8, height: UInt8) -> [UInt8] {
        var bytes: [UInt8] = [0xFF, 0xD8]
        var left = count
        while left > 0 {
            let part = min(left, 60_000)
            bytes += [0xFF, 0xE1, UInt8((part + 2) >> 8), UInt8((part + 2) & 0xFF)]
            bytes += [UInt8](repeating: 7, count: part)
            left -= part
        }
        bytes += [0xFF, 0xC0, 0, 17, 8, 0, height, 0, width, 3] + [UInt8](repeating: 0, count: 20_000)
        return bytes
    }

    @Test(arguments: [0, 100, Blob.headLength - 9, Blob.headLength - 12, Blob.headLength, 30_000, 200_000])
    func `a header is found wherever it ends`(count: Int) throws {
        let blob = try Self.blob(Self.jpeg(afterSegmentsOf: count, width: 80, height: 60))
        #expect(blob.format == .jpeg)
        #expect(blob.declaredSize == ImageSize(width: 80, height: 60))
        #expect(blob.servedType(announced: "image/png") == "image/jpeg")
    }

    @Test func `of two sizes in a directory the last counts, wherever it stands`() throws {
        // More entries than the first bytes hold: their width is 1 at first, and 5 in the end.
        let count = Blob.headLength / 12 + 10
        var bytes = Array("II*\u{0}".utf8) + [8, 0, 0, 0, UInt8(count & 0xFF), UInt8(count >> 8)]
        for index in 0..<count {
            var (tag, value): (UInt8, UInt8) = (9, 9)
            if index == 0 { (tag, value) = (0, 1) }
            if index == 1 { (tag, value) = (1, 2) }
            if index == count - 1 { (tag, value) = (0, 5) }
            bytes += [tag, 1, 3, 0, 1, 0, 0, 0, value, 0, 0, 0]
        }
        let blob = try Self.blob(bytes)
        #expect(blob.declaredSize == ImageSize(width: 5, height: 2))
    }

    @Test func `the copy of the first bytes counts where memory is counted`() throws {
        let bytes = Self.jpeg(afterSegmentsOf: 0, width: 80, height: 60)
        #expect(try Self.blob(bytes).memory == bytes.count + Blob.headLength)
        #expect(Blob(bytes).memory == bytes.count)
    }

    @Test func `text is looked at as a whole`() throws {
        let text = [UInt8](repeating: 0x20, count: Blob.headLength + 100) + Array("<svg/>".utf8)
        #expect(try Self.blob(text).servedType(announced: "image/svg+xml") == "image/svg+xml")
        #expect(try Self.blob(text).format == nil)
    }

    @Test func `bytes that are asked for by several at a time are the same`() async throws {
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        for _ in 0..<50 {
            let blob = try Self.blob(bytes)
            let places = await withTaskGroup(of: UInt.self) { group in
                for _ in 0..<8 { group.addTask { UInt(bitPattern: blob.bytes.baseAddress) } }
                return await group.reduce(into: Set<UInt>()) { $0.insert($1) }
            }
            #expect(places.count == 1)
            #expect(blob.copied() == bytes)
        }
    }
}
