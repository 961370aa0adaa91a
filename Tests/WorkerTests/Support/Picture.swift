// SPDX-License-Identifier: Apache-2.0
import CPictures
import Codecs
import Foundation
import ImageJob
import JobRunner
import Pixels
import Testing

/// A picture as tests see it: all samples in an array.
struct Picture: Equatable {
    var width: Int
    var height: Int
    var channels: Int
    var samples: [UInt8]

    init(width: Int, height: Int, channels: Int, samples: [UInt8]) {
        precondition(samples.count == width * height * channels)
        self.width = width
        self.height = height
        self.channels = channels
        self.samples = samples
    }

    /// Calls `pixel` for each pixel, row by row; it gives `channels` samples.
    init(_ width: Int, _ height: Int, channels: Int, _ pixel: (_ x: Int, _ y: Int) -> [UInt8]) {
        let samples = (0..<height).flatMap { y in (0..<width).flatMap { x in pixel(x, y) } }
        self.init(width: width, height: height, channels: channels, samples: samples)
    }

    subscript(_ x: Int, _ y: Int) -> ArraySlice<UInt8> {
        let at = (y * self.width + x) * self.channels
        return self.samples[at..<at + self.channels]
    }

    var size: ImageSize { ImageSize(width: self.width, height: self.height) }

    /// Soft shapes in colour, without a symmetry, that JPEG keeps well.
    static func soft(_ width: Int, _ height: Int, channels: Int = 3) -> Picture {
        Picture(width, height, channels: channels) { x, y in
            let u = Double(x) / Double(max(1, width - 1))
            let v = Double(y) / Double(max(1, height - 1))
            let values = [
                0.5 + 0.4 * sin(5.1 * u + 3.3 * v * v), 0.5 + 0.4 * cos(7.7 * v - 2.2 * u), 0.2 + 0.6 * u * (1 - v),
                0.3 + 0.6 * v * u,
            ]
            return (0..<channels).map { UInt8((values[$0] * 255).rounded()) }
        }
    }

    static func noise(_ width: Int, _ height: Int, channels: Int, seed: UInt64 = 1) -> Picture {
        var random = Xorshift(seed)
        return Picture(width, height, channels: channels) { _, _ in
            (0..<channels).map { _ in UInt8(truncatingIfNeeded: random.next() >> 24) }
        }
    }

    func cropped(_ rect: PixelRect) -> Picture {
        Picture(rect.width, rect.height, channels: self.channels) { x, y in Array(self[rect.x + x, rect.y + y]) }
    }

    func turnedCounterClockwise(_ times: Int) -> Picture {
        var picture = self
        for _ in 0..<times {
            let before = picture
            picture = Picture(before.height, before.width, channels: before.channels) { x, y in
                Array(before[before.width - 1 - y, x])
            }
        }
        return picture
    }

    func flippedHorizontally() -> Picture {
        Picture(self.width, self.height, channels: self.channels) { x, y in Array(self[self.width - 1 - x, y]) }
    }

    func flippedVertically() -> Picture {
        Picture(self.width, self.height, channels: self.channels) { x, y in Array(self[x, self.height - 1 - y]) }
    }

    /// As a viewer shows it that obeys EXIF's orientation, by the original service's table of turns and flips.
    func oriented(_ orientation: Int) -> Picture {
        switch orientation {
        case 2: self.flippedHorizontally()
        case 3: self.turnedCounterClockwise(2)
        case 4: self.flippedVertically()
        case 5: self.turnedCounterClockwise(1).flippedVertically()
        case 6: self.turnedCounterClockwise(3)
        case 7: self.turnedCounterClockwise(1).flippedHorizontally()
        case 8: self.turnedCounterClockwise(1)
        default: self
        }
    }

    /// Peak signal to noise ratio in decibels: 99 for no difference, 0 for another shape.
    func psnr(to other: Picture) -> Double {
        guard self.size == other.size, self.channels == other.channels else { return 0 }
        var sum = 0
        for index in self.samples.indices {
            let difference = Int(self.samples[index]) - Int(other.samples[index])
            sum += difference * difference
        }
        return sum == 0 ? 99 : 10 * log10(255 * 255 * Double(self.samples.count) / Double(sum))
    }

    /// The largest difference of two samples; 256 when the shapes differ.
    func distance(to other: Picture) -> Int {
        guard self.size == other.size, self.channels == other.channels else { return 256 }
        var most = 0
        for index in self.samples.indices {
            most = max(most, abs(Int(self.samples[index]) - Int(other.samples[index])))
        }
        return most
    }

    /// Colours multiplied by alpha, which is what shows.
    var premultiplied: Picture {
        var picture = self
        for pixel in stride(from: 0, to: picture.samples.count, by: 4) {
            let alpha = Int(picture.samples[pixel + 3])
            for index in pixel..<pixel + 3 {
                picture.samples[index] = UInt8((Int(picture.samples[index]) * alpha + 127) / 255)
            }
        }
        return picture
    }

    /// Gray and RGB as RGBA.
    var withAlpha: Picture {
        Picture(self.width, self.height, channels: 4) { x, y in
            let pixel = Array(self[x, y])
            return self.channels == 4 ? pixel : (self.channels == 1 ? [pixel[0], pixel[0], pixel[0]] : pixel) + [255]
        }
    }
}

/// A PRNG whose sequence is the same in every run.
struct Xorshift: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { self.state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func next() -> UInt64 {
        self.state ^= self.state << 13
        self.state ^= self.state >> 7
        self.state ^= self.state << 17
        return self.state
    }
}

/// A picture in memory that is read like a decoder's.
struct PictureRows: RowSource, ~Copyable {
    let picture: Picture
    private var next = 0

    init(_ picture: Picture) { self.picture = picture }

    var size: ImageSize { self.picture.size }
    var channels: Int { self.picture.channels }

    mutating func readRow(into row: UnsafeMutablePointer<UInt8>) throws(JobFailure) {
        let stride = self.picture.width * self.picture.channels
        guard self.next < self.picture.height else { throw .internalError }
        self.picture.samples.withUnsafeBufferPointer {
            row.update(from: $0.baseAddress! + self.next * stride, count: stride)
        }
        self.next += 1
    }
}

extension Picture {
    init(_ buffer: borrowing PixelBuffer) {
        self.init(
            width: buffer.size.width, height: buffer.size.height, channels: buffer.channels,
            samples: Array(buffer.bytes))
    }

    /// What a file shows, as stored: PNG by libpng as RGBA, JPEG by our own decoder at full size.
    init(decoding file: [UInt8]) throws {
        if file.starts(with: [0x89]) {
            var width: CInt = 0
            var height: CInt = 0
            let pixels = try #require(read_png(file, file.count, &width, &height))
            defer { free(pixels) }
            let samples = Array(UnsafeBufferPointer(start: pixels, count: Int(width) * Int(height) * 4))
            self.init(width: Int(width), height: Int(height), channels: 4, samples: samples)
        } else {
            self = try Self.decoded(file, format: .jpeg)
        }
    }

    /// By our own decoder.
    static func decoded(_ file: [UInt8], format: ImageFormat) throws -> Picture {
        try file.withUnsafeBytes { bytes in
            var source = try PictureSource(bytes, format: format, limits: .standard, deadline: 0, reduction: 1)
            let stride = source.size.width * source.channels
            var samples: [UInt8] = []
            let row = UnsafeMutablePointer<UInt8>.allocate(capacity: stride)
            defer { row.deallocate() }
            for _ in 0..<source.size.height {
                try source.readRow(into: row)
                samples.append(contentsOf: UnsafeBufferPointer(start: row, count: stride))
            }
            return Picture(
                width: source.size.width, height: source.size.height, channels: source.channels, samples: samples)
        }
    }

    func jpeg(_ change: (inout jpeg_recipe) -> Void = { _ in }) -> [UInt8] {
        var recipe = jpeg_recipe()
        recipe.width = CInt(self.width)
        recipe.height = CInt(self.height)
        recipe.kind = self.channels == 1 ? JPEG_GRAY : self.channels == 3 ? JPEG_YCC : JPEG_INK
        recipe.quality = 98
        change(&recipe)
        let file = make_jpeg(self.samples, &recipe)
        defer { free(file.bytes) }
        return Array(UnsafeBufferPointer(start: file.bytes, count: file.count))
    }

    func png(maxBytes: Int = PixelLimits.standard.maxResultBytes) throws -> [UInt8] {
        let buffer = try PixelBuffer(size: self.size, channels: self.channels)
        buffer.start.update(from: self.samples, count: self.samples.count)
        var limits = PixelLimits.standard
        limits.maxResultBytes = maxBytes
        let file = try EncodedPicture(buffer, format: .png, quality: 0, limits: limits, deadline: 0)
        return file.copy
    }
}

/// A finished job.
struct Outcome {
    let file: [UInt8]
    let format: ImageFormat
    let size: ImageSize
}

/// Runs a job on a copy of the file that ends where its memory ends.
func transform(
    _ file: [UInt8], _ options: String, scaleUp: Bool = false, limits: PixelLimits = .standard,
    policy: ResultPolicy = ResultPolicy(), deadline: UInt64 = 0
) throws(JobFailure) -> Outcome {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, file.count), alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: file)
    let request = JobRequest(
        options: TransformOptions(parsing: options), scaleUp: scaleUp, limits: limits, policy: policy,
        deadline: deadline)
    let result = try JobRunner.run(request, source: UnsafeRawBufferPointer(rebasing: copy[..<file.count]))
    return Outcome(file: result.copy, format: result.image.format, size: result.image.size)
}

/// Why a job fails; nil when it does not.
func failure(
    _ file: [UInt8], _ options: String = "10x", limits: PixelLimits = .standard, deadline: UInt64 = 0
) -> JobFailure? {
    do throws(JobFailure) {
        _ = try transform(file, options, limits: limits, deadline: deadline)
        return nil
    } catch {
        return error
    }
}

extension PictureMetadata {
    init(of file: [UInt8], _ format: ImageFormat) { self.init(of: file.span, format: format) }
}

// Bytes are only there as long as their owner is.
extension EncodedPicture {
    var copy: [UInt8] { Array(self.bytes) }
}

extension JobResult {
    var copy: [UInt8] { Array(self.image.bytes) }
}
