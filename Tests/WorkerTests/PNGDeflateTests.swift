// SPDX-License-Identifier: Apache-2.0
import CCodecShims
import CPictures
import Testing

struct PNGDeflateTests {
    /// Rows of a gray picture, none of them filtered, all of one width.
    struct Rows: Sendable, CustomTestStringConvertible {
        let name: String
        let width: Int
        let samples: [UInt8]

        var height: Int { self.samples.count / self.width }
        var testDescription: String { "\(self.name), \(self.width)x\(self.height)" }

        init(_ name: String, width: Int = 500, height: Int = 500, _ sample: (Int) -> UInt8) {
            self.name = name
            self.width = width
            self.samples = (0..<width * height).map(sample)
        }

        /// As they are compressed, each after the number of its filter.
        var data: [UInt8] {
            (0..<self.height).flatMap { [0] + self.samples[$0 * self.width..<($0 + 1) * self.width] }
        }

        static let all: [Rows] = {
            var random = Xorshift(50)
            func upTo(_ most: Int) -> Int { Int.random(in: 0...most, using: &random) }
            // Twice as many of each value as of the next: codes as long as they may be.
            let rare = Rows("rarer and rarer") { _ in UInt8(min(upTo(.max).leadingZeroBitCount, 40)) }
            // By Fibonacci's numbers, the shortest data of which codes without a limit are as long.
            var fibonacci: [UInt8] = []
            var (last, count) = (1, 1)
            for value in 0..<22 as Range<UInt8> {
                fibonacci += [UInt8](repeating: value &* 3, count: count)
                (last, count) = (count, last + count)
            }
            fibonacci.shuffle(using: &random)
            var lengths: [UInt8] = []
            for length in Array(1...300) + [516, 517, 5000, 70_000] {
                lengths += [UInt8](repeating: UInt8(upTo(255)), count: length)
            }
            // One kind of noise after another, so that blocks end.
            let kinds = Rows("kinds of noise") { at in
                let kind = at / 9000
                return UInt8(truncatingIfNeeded: kind * 37 + upTo([3, 255, 15, 100][kind % 4]))
            }
            return [
                Rows("one value") { _ in 0 }, Rows("another one", width: 1, height: 1) { _ in 9 }, rare, kinds,
                Rows("any value") { _ in UInt8(upTo(255)) }, Rows("two values") { _ in UInt8(upTo(1)) },
                Rows("Fibonacci", width: 100, height: fibonacci.count / 100) { fibonacci[$0] },
                Rows("runs of all lengths", width: 97, height: lengths.count / 97) { lengths[$0] },
                Rows("few at a time", width: 3, height: 2731) { _ in UInt8(upTo(5)) },
            ]
                + [(8191, 1), (4095, 2), (8192, 1), (32_766, 2), (65_534, 1), (65_535, 1), (1, 5)].map {
                    width, height in
                    Rows("noise", width: width, height: height) { _ in UInt8(upTo(60)) }
                }
        }()
    }

    typealias Deflate =
        @Sendable (UnsafePointer<UInt8>, Int, UnsafeMutablePointer<UInt8>, Int, UnsafeMutablePointer<Int>)
        -> codec_status

    private static let noise: Deflate = { png_deflate_noise($0, $1, 0, $2, $3, $4) }
    private static let either: Deflate = { png_deflate($0, $1, 6, 0, $2, $3, $4) }

    /// The stream; nil when it has no room.
    private static func deflated(_ data: [UInt8], room: Int? = nil, _ deflate: Deflate) -> [UInt8]? {
        let room = room ?? png_deflate_room(data.count)
        var count = 0
        // What is beyond the room stays as it was.
        var out = [UInt8](repeating: 0xA5, count: room + 64)
        let status = deflate(data, data.count, &out, room, &count)
        #expect(out[room...].allSatisfy { $0 == 0xA5 })
        guard status == CODEC_OK else {
            #expect(status == CODEC_TOO_LARGE)
            return nil
        }
        return Array(out[..<count])
    }

    @Test(arguments: Rows.all) func `libpng reads what is written, whatever it is`(rows: Rows) throws {
        for deflate in [Self.noise, Self.either] {
            let stream = try #require(Self.deflated(rows.data, deflate))
            func word(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
            let file =
                [0x89] + Array("PNG\r\n\u{1A}\n".utf8)
                + chunk("IHDR", word(rows.width) + word(rows.height) + [8, 0, 0, 0, 0])
                + chunk("IDAT", stream) + chunk("IEND", [])
            let read = try Picture(decoding: file)
            let samples = stride(from: 0, to: read.samples.count, by: 4).map { read.samples[$0] }
            #expect(samples == rows.samples)
        }
    }

    @Test(arguments: Rows.all) func `the size of noise is known before it is written`(rows: Rows) throws {
        let data = rows.data
        let size = try #require(Self.deflated(data, Self.noise)).count
        let expected = png_size_as_noise(data, data.count)
        #expect(size <= expected && expected <= size + 2 + data.count / 8192, "\(expected) instead of \(size)")
    }

    @Test(arguments: Rows.all) func `the smaller of the two ways is taken, as far as pieces can tell`(rows: Rows) throws
    {
        let data = rows.data
        let noise = try #require(Self.deflated(data, Self.noise)).count
        let taken = try #require(Self.deflated(data, Self.either)).count
        #expect(taken <= noise + noise / 20)
    }

    @Test func `what repeats is found`() throws {
        var random = Xorshift(51)
        let word = (0..<1000).map { _ in UInt8.random(in: 0...255, using: &random) }
        let data = Rows("", width: 999, height: 300) { word[($0 + $0 / 999) % 1000] }.data
        #expect(try #require(Self.deflated(data, Self.either)).count < data.count / 20)
    }

    @Test func `there is never more written than there is room for`() throws {
        for rows in Rows.all where rows.samples.count < 70_000 {
            let data = rows.data
            let whole = try #require(Self.deflated(data, Self.noise))
            for room in [0, 1, 15, 16, 17, 40, whole.count / 2, whole.count - 1] where room < whole.count {
                #expect(Self.deflated(data, room: room, Self.noise) == nil)
                #expect((Self.deflated(data, room: room, Self.either)?.count ?? 0) <= room)
            }
        }
    }
}
