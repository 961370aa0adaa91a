// SPDX-License-Identifier: Apache-2.0
import CCodecShims
import ImageJob
import Testing

@testable import Codecs

/// Our reader of LZW codes against giflib's.
struct GIFCodesTests {
    /// What a file says in the end.
    private enum Answer: Equatable {
        case frames([Picture], [PixelRect])
        case failure(JobFailure)
    }

    private static func answer(_ file: [UInt8], byGiflib: Bool) throws -> (Answer, taken: UInt) {
        defer { gif_lzw_enable(1) }
        gif_lzw_enable(byGiflib ? 0 : 1)
        let before = gif_lzw_taken()
        do {
            let decoded = try DecodedAnimation(file)
            return (.frames(decoded.frames, decoded.changed), gif_lzw_taken() - before)
        } catch let failure as JobFailure {
            return (.failure(failure), gif_lzw_taken() - before)
        }
    }

    /// Flat, noisy and in between, of all code sizes, with rows of one pixel and rows longer than strings.
    private static func random(_ seed: UInt64) -> AnimationFile {
        var random = Xorshift(seed)
        var file = AnimationFile.random(seed)
        file.width = [1, 3, 40, 700].randomElement(using: &random)!
        file.height = .random(in: 1...12_000 / file.width, using: &random)
        file.frames = (0..<3).map { number in
            let colours = [2, 8, 200].randomElement(using: &random)!
            let run = [1, 3, 5000].randomElement(using: &random)!
            var index: UInt8 = 0
            let indices = (0..<file.width * file.height).map { _ in
                if Int.random(in: 0..<run, using: &random) == 0 {
                    index = UInt8.random(in: 0..<UInt8(colours), using: &random)
                }
                return index
            }
            return .init(
                width: file.width, height: file.height, indices: indices,
                table: (0..<256).map { [UInt8($0), UInt8(255 - $0), UInt8($0 ^ 85)] },
                transparent: number == 1 ? 1 : nil, disposal: number, isInterlaced: Bool.random(using: &random),
                bits: colours > 8 ? 8 : 3, codes: GIFCodes.allCases.randomElement(using: &random)!)
        }
        return file
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `frames are what giflib reads, and what was written`(seed: UInt64) throws {
        let file = Self.random(seed)
        let (ours, taken) = try Self.answer(file.bytes, byGiflib: false)
        #expect(try ours == Self.answer(file.bytes, byGiflib: true).0)
        guard case .frames(let frames, _) = ours else {
            Issue.record("\(ours)")
            return
        }
        #expect(frames == file.shown && taken == 3)
    }

    /// The first code after a clear one fills what codes of two bits can say, and readers differ on what comes of that.
    @Test func `codes for one bit are what they are to giflib`() throws {
        var random = Xorshift(79)
        for _ in 0..<300 {
            var file = AnimationFile.random(.random(in: 1...1000, using: &random))
            file.frames = []
            file.width = .random(in: 1...3, using: &random)
            file.height = .random(in: 1...2, using: &random)
            let (width, height) = (file.width, file.height)
            let side = [UInt8(width & 255), UInt8(width >> 8), UInt8(height & 255), UInt8(height >> 8)]
            // Clear first, and then whatever there is.
            let codes = [0b10] + (0..<200).map { _ in UInt8.random(in: 0...255, using: &random) }
            let bytes =
                file.bytes.dropLast() + [0x2C, 0, 0, 0, 0] + side + [0, 1, UInt8(codes.count)] + codes + [0, 0x3B]
            #expect(
                try Self.answer(Array(bytes), byGiflib: false).0 == Self.answer(Array(bytes), byGiflib: true).0)
        }
    }

    @Test func `a damaged file is what it is to giflib, or has a code that is not defined`() throws {
        var random = Xorshift(77)
        var failures = 0
        var undefined = 0
        for _ in 0..<1500 {
            var file = AnimationFile.random(.random(in: 1...1000, using: &random))
            for frame in file.frames.indices {
                file.frames[frame].codes = GIFCodes.allCases.randomElement(using: &random)!
            }
            var bytes = file.bytes
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                // Behind the header and its colours.
                bytes[.random(in: 40..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            let ours = try Self.answer(bytes, byGiflib: false).0
            let (theirs, none) = try Self.answer(bytes, byGiflib: true)
            if case .frames = theirs, ours == .failure(.corruptSource) {
                undefined += 1
            } else {
                #expect(ours == theirs && none == 0)
            }
            if case .failure = theirs { failures += 1 }
        }
        // All three kinds have been tried.
        #expect((1...1400).contains(failures) && (1...1400).contains(undefined))
    }

    @Test func `the nearest colour is the nearest, and of those that are equally near the first`() {
        var random = Xorshift(78)
        let map = UnsafeMutablePointer<colour_map>.allocate(capacity: 1)
        defer { map.deallocate() }
        for (count, spread) in [(1, 255), (2, 9), (3, 255), (4, 255), (5, 9), (17, 255), (255, 20), (256, 255)] {
            let colours = (0..<3 * count).map { _ in UInt8.random(in: 0...UInt8(spread), using: &random) }
            colours.withUnsafeBytes {
                colour_map_set(map, $0.assumingMemoryBound(to: (UInt8, UInt8, UInt8).self).baseAddress, CInt(count))
            }
            for _ in 0..<400 {
                // The middle of a bin stands for all of it.
                let red = Int.random(in: 0...31, using: &random) * 8 + 4
                let green = Int.random(in: 0...63, using: &random) * 4 + 2
                let blue = Int.random(in: 0...31, using: &random) * 8 + 4
                let differences = (0..<count).map { index in
                    let colour = colours[3 * index..<3 * index + 3].map { Int($0) }
                    return [colour[0] - red, colour[1] - green, colour[2] - blue]
                }
                // One with colours of the table in it is one of these.
                let isTaken = differences.contains {
                    (-4...3).contains($0[0]) && (-2...1).contains($0[1]) && (-4...3).contains($0[2])
                }
                if isTaken { continue }
                let distances = differences.map { $0.reduce(0) { $0 + $1 * $1 } }
                let found = colour_map_find(map, UInt32(red), UInt32(green), UInt32(blue))
                #expect(Int(found) == distances.firstIndex(of: distances.min()!))
            }
        }
    }
}
