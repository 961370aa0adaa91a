// SPDX-License-Identifier: Apache-2.0
import CResample
import Testing

@testable import Pixels

struct KernelTests {
    private static let kernels = [CR_SCALAR, CR_SSE2, CR_AVX2].filter { cr_supports($0) != 0 }

    @Test func `all vertical kernels give the same bits`() {
        var random = Xorshift(7)
        for _ in 0..<300 {
            let count = Int.random(in: 1...41, using: &random)
            let width = Int.random(in: 1...131, using: &random)
            let low = Int.random(in: 0..<width, using: &random)
            let rows = (0..<count).map { _ in
                (0..<width + 64).map { _ in UInt8.random(in: 0...255, using: &random) }
            }
            // Large enough to overflow a row's 16 bits now and then: all must saturate alike.
            let weights = (0..<count).map { _ in Int16.random(in: -9000...16_384, using: &random) }
            let pointers = rows.map { row in
                let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: row.count)
                copy.update(from: row, count: row.count)
                return copy
            }
            defer { for pointer in pointers { pointer.deallocate() } }
            let results = Self.kernels.map { kernel in
                var out = [Int16](repeating: 0, count: width + 64)
                var inputs = pointers.map { Optional(UnsafePointer($0)) }
                cr_vertical(kernel, &inputs, weights, CInt(count), CInt(low), CInt(width), &out)
                return Array(out[low..<width])
            }
            for result in results { #expect(result == results[0]) }
        }
    }

    @Test func `all horizontal kernels give the same bits`() throws {
        var random = Xorshift(8)
        for _ in 0..<300 {
            let length = Int.random(in: 1...200, using: &random)
            let resampled = Int.random(in: 1...150, using: &random)
            let span = AxisSpan(
                from: 0, length: length, resampled: resampled, window: 0, kept: resampled,
                isMirrored: Bool.random(using: &random))
            let taps = try Taps(span, samples: length, scale: .full)
            let row = (0..<length + taps.padding).map { _ in Int16.random(in: -4000...20_000, using: &random) }
            let results = Self.kernels.map { kernel in
                var out = [UInt8](repeating: 0, count: resampled)
                cr_horizontal(kernel, row, taps.table, &out)
                return out
            }
            for result in results { #expect(result == results[0]) }
        }
    }

    @Test func `a range of values is changed to the nearest ones on the way`() throws {
        let span = AxisSpan(from: 0, length: 90, resampled: 41, window: 0, kept: 41, isMirrored: false)
        let gain = 255.0 / 219
        let taps = try Taps(span, samples: 90, scale: .full)
        cr_taps_change(taps.table, gain, -16 * gain)
        for value in 0...255 {
            let row = [Int16](repeating: Int16(value) << CR_ROW_BITS, count: 90 + taps.padding)
            let expected = UInt8(min(255, max(0, (Double(value - 16) * gain).rounded())))
            for kernel in Self.kernels {
                var out = [UInt8](repeating: 0, count: 41)
                cr_horizontal(kernel, row, taps.table, &out)
                #expect(out.allSatisfy { $0 == expected })
                var scratch = [UInt8](repeating: 0, count: cr_rows_scratch(taps.table))
                let rows = [[UInt8]](repeating: out, count: Int(CR_ROWS))
                var made = [UInt8](repeating: 0, count: 41 * rows.count)
                row.withUnsafeBufferPointer { row in
                    made.withUnsafeMutableBufferPointer { made in
                        let inputs = rows.map { _ in Optional(row.baseAddress!) }
                        let targets = rows.indices.map { Optional(made.baseAddress! + 41 * $0) }
                        cr_horizontal_rows(kernel, inputs, CInt(CR_ROWS), taps.table, &scratch, targets)
                    }
                }
                #expect(made == rows.flatMap { $0 })
            }
        }
    }

    @Test func `many rows at once give the same bits as one by one`() throws {
        var random = Xorshift(10)
        for _ in 0..<300 {
            let length = Int.random(in: 1...200, using: &random)
            let resampled = Int.random(in: 1...150, using: &random)
            let from = Int.random(in: 0...20, using: &random)
            let span = AxisSpan(
                from: from, length: length, resampled: resampled, window: 0, kept: resampled,
                isMirrored: Bool.random(using: &random))
            let taps = try Taps(span, samples: from + length, scale: .full)
            let count = Int.random(in: 1...Int(CR_ROWS), using: &random)
            let rowLength = from + length + taps.padding
            let inputs = (0..<count * rowLength).map { _ in Int16.random(in: -4000...20_000, using: &random) }
            let expected = (0..<count).flatMap { row in
                var out = [UInt8](repeating: 0, count: resampled)
                cr_horizontal(CR_SCALAR, Array(inputs[(row * rowLength)...]), taps.table, &out)
                return out
            }
            for kernel in Self.kernels {
                var scratch = [UInt8](repeating: 0xA5, count: cr_rows_scratch(taps.table))
                var made = [UInt8](repeating: 0, count: count * resampled)
                inputs.withUnsafeBufferPointer { inputs in
                    made.withUnsafeMutableBufferPointer { made in
                        let rows = (0..<count).map { Optional(inputs.baseAddress! + $0 * rowLength) }
                        let targets = (0..<count).map { Optional(made.baseAddress! + $0 * resampled) }
                        cr_horizontal_rows(kernel, rows, CInt(count), taps.table, &scratch, targets)
                    }
                }
                #expect(made == expected)
            }
        }
    }

    @Test(arguments: [1, 3, 4]) func `a row is put together alike with and without vectors`(channels: Int) {
        var random = Xorshift(11)
        for count in 1...70 {
            let planes = (0..<3 * count).map { _ in UInt8.random(in: 0...255, using: &random) }
            func row(_ kernel: cr_kernel) -> [UInt8] {
                var row = [UInt8](repeating: 0, count: channels * count)
                planes.withUnsafeBufferPointer { planes in
                    let starts = (0..<3).map { Optional(planes.baseAddress! + $0 * count) }
                    cr_join(kernel, starts, CInt(count), CInt(channels), &row)
                }
                return row
            }
            let expected = (0..<channels * count).map { at in
                at % channels == 3 ? 255 : planes[at % channels * count + at / channels]
            }
            #expect(row(CR_BEST) == expected && row(CR_SCALAR) == expected)
        }
    }

    /// What is cut into parts must give what the whole gives.
    @Test func `all kernels that go down give the same bytes, at once and by parts`() {
        var random = Xorshift(15)
        for _ in 0..<200 {
            let count = Int.random(in: 1...41, using: &random)
            let width = Int.random(in: 1...131, using: &random)
            let low = Int.random(in: 0..<width, using: &random)
            let rows = Picture.noise(width, count, channels: 1, seed: random.next()).samples
            // Sums that are no byte, too.
            let weights = (0..<count).map { _ in Int16.random(in: -9000...16_384, using: &random) }
            let cuts = [0, Int.random(in: 0...count, using: &random), count].sorted()
            func made(_ kernel: cr_kernel, _ parts: [Range<Int>]) -> ArraySlice<UInt8> {
                var sums = [Int32](repeating: 0, count: width)
                var out = [UInt8](repeating: 0, count: width)
                rows.withUnsafeBufferPointer { rows in
                    for (number, part) in parts.enumerated() {
                        let inputs = part.map { Optional(rows.baseAddress! + $0 * width) }
                        cr_down(
                            kernel, inputs, Array(weights[part]), CInt(part.count), CInt(low), CInt(width),
                            1 << (CR_TAP_BITS + CR_ROW_BITS - 1),
                            cr_part(begins: number == 0, ends: number == parts.count - 1), &sums, &out)
                    }
                }
                return out[low...]
            }
            let half = Int(1) << (CR_TAP_BITS - 1)
            let expected: [UInt8] = (low..<width).map { x in
                var sum = half
                for row in 0..<count { sum += Int(rows[row * width + x]) * Int(weights[row]) }
                return UInt8(min(255, max(0, sum >> CR_TAP_BITS)))
            }
            for kernel in Self.kernels {
                #expect(made(kernel, [0..<count]) == expected[...])
                #expect(made(kernel, zip(cuts, cuts.dropFirst()).map { $0..<$1 }) == expected[...])
            }
        }
    }

    @Test func `all kernels for alpha give the same bits`() throws {
        var random = Xorshift(12)
        for round in 0..<100 {
            let width = Int.random(in: 1...90, using: &random)
            let resampled = Int.random(in: 1...70, using: &random)
            let span = AxisSpan(
                from: 0, length: width, resampled: resampled, window: 0, kept: resampled, isMirrored: false)
            let taps = try Taps(span, samples: width, scale: .full)
            let room = width + Int(CR_GROUP)
            let count = round % Int(CR_ROWS) + 1
            // Nothing, something and all of what alpha can be.
            var pixels = Picture.noise(room, count, channels: 4, seed: UInt64(round)).samples
            for at in stride(from: 3, to: pixels.count, by: 4) where pixels[at] % 3 == 0 {
                pixels[at] = pixels[at] < 128 ? 0 : 255
            }
            let stride = Int(cr_alpha_stride(CInt(resampled)))
            var weights = (0..<count).map { _ in Int16.random(in: -900...3000, using: &random) }
            weights[count / 2] += (1 << CR_TAP_BITS) - weights.reduce(0, +)
            let results = Self.kernels.map { kernel in
                var weighed = [Int16](repeating: 0, count: 4 * stride * count)
                var down = [UInt8](repeating: 0, count: 4 * resampled)
                var inParts = down
                var sums = [Int32](repeating: 0, count: 4 * stride)
                var scratch = [UInt8](repeating: 0xA5, count: cr_alpha_scratch(taps.table))
                pixels.withUnsafeBufferPointer { pixels in
                    weighed.withUnsafeMutableBufferPointer { weighed in
                        let starts = (0..<count).map { Optional(pixels.baseAddress! + $0 * 4 * room) }
                        let targets = (0..<count).map { Optional(weighed.baseAddress! + $0 * 4 * stride) }
                        cr_across_weighed(kernel, starts, CInt(count), taps.table, &scratch, targets)
                        let inputs = targets.map { Optional(UnsafePointer($0!)) }
                        cr_down_alpha(
                            kernel, inputs, weights, CInt(count), CInt(resampled), CR_WHOLE, nil, &down)
                        // The same in two parts.
                        let first = count / 2
                        cr_down_alpha(
                            kernel, inputs, weights, CInt(first), CInt(resampled), CR_BEGINS, &sums, &inParts)
                        cr_down_alpha(
                            kernel, Array(inputs[first...]), Array(weights[first...]), CInt(count - first),
                            CInt(resampled), CR_ENDS, &sums, &inParts)
                    }
                }
                #expect(inParts == down)
                let across = (0..<4 * count).flatMap { Array(weighed[$0 * stride..<$0 * stride + resampled]) }
                return across + down.map { Int16($0) }
            }
            for result in results { #expect(result == results[0]) }
        }
    }

    @Test(arguments: [3, 4]) func `a row is taken apart alike with and without vectors`(channels: Int) {
        let row = Picture.noise(77, 1, channels: channels).samples
        func planes(_ kernel: cr_kernel, _ low: Int) -> [[Int16]] {
            let memory = (0..<3).map { _ in UnsafeMutablePointer<Int16>.allocate(capacity: 77) }
            defer { for plane in memory { plane.deallocate() } }
            for plane in memory { plane.update(repeating: -1, count: 77) }
            cr_widen(kernel, row, CInt(channels), CInt(low), 77, memory.map { Optional($0) })
            return memory.map { Array(UnsafeBufferPointer(start: $0, count: 77)) }
        }
        for low in 0..<77 { #expect(planes(CR_BEST, low) == planes(CR_SCALAR, low)) }
        #expect(planes(CR_SCALAR, 0)[1][5] == Int16(row[5 * channels + 1]) << CR_ROW_BITS)
    }

    @Test func `what is weighed first gives what is weighed again on the way`() throws {
        let span = AxisSpan(from: 0, length: 61, resampled: 37, window: 0, kept: 37, isMirrored: false)
        let taps = try Taps(span, samples: 61, scale: .full)
        let room = 61 + Int(CR_GROUP)
        let stride = Int(cr_alpha_stride(37))
        for count in 1...Int(CR_ROWS) {
            let pixels = Picture.noise(room, count, channels: 4, seed: UInt64(count)).samples
            for kernel in Self.kernels {
                var scratch = [UInt8](repeating: 0xA5, count: cr_alpha_scratch(taps.table))
                var weighed = [Int16](repeating: 0, count: 4 * stride * count)
                var straight = [UInt8](repeating: 0, count: 4 * 37 * count)
                var weighedAfter = weighed
                pixels.withUnsafeBufferPointer { pixels in
                    let starts = (0..<count).map { Optional(pixels.baseAddress! + $0 * 4 * room) }
                    weighed.withUnsafeMutableBufferPointer { weighed in
                        let targets = (0..<count).map { Optional(weighed.baseAddress! + $0 * 4 * stride) }
                        cr_across_weighed(kernel, starts, CInt(count), taps.table, &scratch, targets)
                    }
                    straight.withUnsafeMutableBufferPointer { straight in
                        let targets = (0..<count).map { Optional(straight.baseAddress! + $0 * 4 * 37) }
                        cr_across_alpha(kernel, starts, CInt(count), taps.table, &scratch, targets)
                    }
                }
                straight.withUnsafeBufferPointer { straight in
                    weighedAfter.withUnsafeMutableBufferPointer { weighed in
                        for row in 0..<count {
                            let from = straight.baseAddress! + row * 4 * 37
                            cr_weigh(kernel, from, 37, weighed.baseAddress! + row * 4 * stride)
                        }
                    }
                }
                for plane in 0..<4 * count {
                    let columns = plane * stride..<plane * stride + 37
                    #expect(weighed[columns] == weighedAfter[columns])
                }
            }
        }
    }

    @Test func `weights add up to exactly one`() throws {
        for (length, resampled) in [(1, 1), (7, 3), (3, 7), (1000, 1), (1, 1000), (1600, 500), (33, 32)] {
            let span = AxisSpan(
                from: 0, length: length, resampled: resampled, window: 0, kept: resampled, isMirrored: false)
            for sharpening in [0, 0.04] {
                let taps = try Taps(
                    span, samples: length, scale: DecodedScale(density: 1, sharpening: sharpening))
                for output in 0..<taps.count {
                    let weights = UnsafeBufferPointer(
                        start: taps.weights(of: output), count: taps.inputs(of: output).count)
                    #expect(weights.reduce(0) { $0 + Int($1) } == 1 << CR_TAP_BITS)
                }
            }
        }
    }

    /// Rings of rows are as large as they are because of this.
    @Test func `what an output needs never begins or ends before what the one before it needs`() throws {
        var random = Xorshift(9)
        for _ in 0..<2000 {
            let length = Int.random(in: 1...1500, using: &random)
            let resampled = Int.random(in: 1...900, using: &random)
            let from = Int.random(in: 0...40, using: &random)
            let isMirrored = Bool.random(using: &random)
            let density = [1.0, 0.5, 0.25, 0.125].randomElement(using: &random)!
            let span = AxisSpan(
                from: from, length: length, resampled: resampled, window: 0, kept: resampled, isMirrored: isMirrored,
                isMirroredFirst: Bool.random(using: &random))
            let samples = Int((Double(from + length) * density).rounded(.up))
            let taps = try Taps(
                span, samples: samples, scale: DecodedScale(density: density, sharpening: density < 1 ? 0.04 : 0))
            var last = 0..<0
            for step in 0..<resampled {
                let inputs = taps.inputs(of: isMirrored ? resampled - 1 - step : step)
                let isInOrder = inputs.lowerBound >= last.lowerBound && inputs.upperBound >= last.upperBound
                #expect(isInOrder, "\(span) \(density) at \(step): \(last), then \(inputs)")
                #expect(inputs.lowerBound >= 0 && inputs.upperBound <= samples && !inputs.isEmpty)
                #expect(inputs.count <= taps.span)
                last = inputs
            }
        }
    }
}
