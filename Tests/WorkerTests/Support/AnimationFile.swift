// SPDX-License-Identifier: Apache-2.0
import Testing
import ImageJob

@testable import Codecs

/// A GIF built block by block, and what its frames show by the letter of the format.
struct AnimationFile {
    struct Frame {
        var x = 0
        var y = 0
        var width: Int
        var height: Int
        /// Row by row, as shown; of the colours of `table`.
        var indices: [UInt8]
        var table: [[UInt8]]?
        var transparent: Int?
        var disposal = 0
        var delay = 0
        var isInterlaced = false
        /// When codes are to be longer than the table's colours need.
        var bits: Int?
        var codes = GIFCodes.literal
    }

    var width: Int
    var height: Int
    /// Eight of them.
    var colours: [[UInt8]]
    /// As the file counts: repetitions, 0 = for ever; nil when it does not say.
    var loops: Int?
    var frames: [Frame] = []

    static func random(_ seed: UInt64) -> AnimationFile {
        var random = Xorshift(seed)
        func colour() -> [UInt8] { (0..<3).map { _ in UInt8.random(in: 0...255, using: &random) } }
        var file = AnimationFile(
            width: .random(in: 3...30, using: &random), height: .random(in: 3...30, using: &random),
            colours: (0..<8).map { _ in colour() }, loops: [nil, 0, 1, 7].randomElement(using: &random)!)
        for number in 0..<Int.random(in: 2...7, using: &random) {
            // Some lie partly outside.
            let width = Int.random(in: 1...file.width + 4, using: &random)
            let height = Int.random(in: 1...file.height + 4, using: &random)
            let hasTable = Bool.random(using: &random)
            let table = hasTable ? (0..<16).map { _ in colour() } : nil
            file.frames.append(
                Frame(
                    x: .random(in: 0..<file.width, using: &random), y: .random(in: 0..<file.height, using: &random),
                    width: width, height: height,
                    indices: (0..<width * height).map { _ in .random(in: 0..<(hasTable ? 16 : 8), using: &random) },
                    table: table, transparent: Bool.random(using: &random) ? .random(in: 0..<8, using: &random) : nil,
                    disposal: .random(in: 0...3, using: &random), delay: number * 7,
                    isInterlaced: Bool.random(using: &random)))
        }
        return file
    }

    var bytes: [UInt8] {
        var file = Array("GIF89a".utf8) + little(self.width, 2) + little(self.height, 2) + [0xF2, 3, 0]
        file += self.colours.joined()
        if let loops { file += [0x21, 0xFF, 11] + Array("NETSCAPE2.0".utf8) + [3, 1] + little(loops, 2) + [0] }
        for frame in self.frames {
            let flags = UInt8(frame.disposal << 2 | (frame.transparent == nil ? 0 : 1))
            file += [0x21, 0xF9, 4, flags] + little(frame.delay, 2) + [UInt8(frame.transparent ?? 0), 0]
            file += [0x2C] + little(frame.x, 2) + little(frame.y, 2) + little(frame.width, 2) + little(frame.height, 2)
            // A table has a power of two of them.
            let size = frame.table.map { 0x80 | UInt8($0.count.trailingZeroBitCount - 1) }
            file += [(size ?? 0) | (frame.isInterlaced ? 0x40 : 0)] + (frame.table ?? []).joined()
            file += frame.codes.compress(frame.stored, bits: frame.bits ?? (frame.table == nil ? 3 : 4))
        }
        return file + [0x3B]
    }

    /// Each frame as it is shown, on a canvas that is clear at first.
    var shown: [Picture] {
        var canvas = Picture(self.width, self.height, channels: 4) { _, _ in [0, 0, 0, 0] }
        return self.frames.map { frame in
            let before = canvas
            for y in 0..<frame.height where frame.y + y < self.height {
                for x in 0..<frame.width where frame.x + x < self.width {
                    let index = Int(frame.indices[y * frame.width + x])
                    if index == frame.transparent { continue }
                    canvas.set(frame.x + x, frame.y + y, (frame.table ?? self.colours)[index] + [255])
                }
            }
            let picture = canvas
            switch frame.disposal {
            case 2:
                for y in frame.y..<min(self.height, frame.y + frame.height) {
                    for x in frame.x..<min(self.width, frame.x + frame.width) { canvas.set(x, y, [0, 0, 0, 0]) }
                }
            case 3: canvas = before
            default: break
            }
            return picture
        }
    }

    /// How often it is played; 0 = for ever.
    var plays: Int { self.loops.map { $0 == 0 ? 0 : $0 + 1 } ?? 1 }
}

extension AnimationFile.Frame {
    /// The rows in the order in which the file has them.
    fileprivate var stored: [UInt8] {
        guard self.isInterlaced else { return self.indices }
        let passes = [(0, 8), (4, 8), (2, 4), (1, 2)].flatMap { Array(stride(from: $0.0, to: self.height, by: $0.1)) }
        return passes.flatMap { self.indices[$0 * self.width..<($0 + 1) * self.width] }
    }
}

extension Picture {
    mutating func set(_ x: Int, _ y: Int, _ pixel: [UInt8]) {
        let at = (y * self.width + x) * self.channels
        self.samples.replaceSubrange(at..<at + self.channels, with: pixel)
    }
}

/// An animation as our own decoder hands it out.
struct DecodedAnimation {
    var frames: [Picture] = []
    var changed: [PixelRect] = []
    var milliseconds: [Int] = []
    var plays = 0

    init(_ file: [UInt8], limits: PixelLimits = .standard) throws {
        let found = ImageFormat(magic: file.span)
        let format = try #require(found)
        try file.withUnsafeBytes { bytes in
            var source = try AnimationSource(bytes, format: format, limits: limits, deadline: 0)
            self.plays = Int(source.plays)
            for _ in 0..<source.frameCount {
                try source.readFrame()
                self.frames.append(
                    Picture(
                        width: source.size.width, height: source.size.height, channels: 4,
                        samples: Array(UnsafeBufferPointer(start: source.pixels, count: source.size.area * 4))))
                self.changed.append(source.changed)
                self.milliseconds.append(Int(source.milliseconds))
            }
        }
    }
}
