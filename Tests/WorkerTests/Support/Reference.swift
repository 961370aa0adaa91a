// SPDX-License-Identifier: Apache-2.0
import Foundation
import ImageJob
import Pixels

/// The resampler's oracle: straightforward and in doubles.
enum Reference {
    private static func lanczos(_ x: Double) -> Double {
        if x == 0 { return 1 }
        guard abs(x) < 3 else { return 0 }
        return 3 * sin(.pi * x) * sin(.pi * x / 3) / (.pi * .pi * x * x)
    }

    /// For each output: weights of all inputs in the span, by input.
    private static func weights(_ span: AxisSpan) -> [[(index: Int, weight: Double)]] {
        let scale = Double(span.length) / Double(span.resampled)
        let width = max(1, scale)
        return (0..<span.kept).map { output in
            let position = span.isMirrored ? span.window + span.kept - 1 - output : span.window + output
            let centre = Double(span.from) + (Double(position) + 0.5) * scale
            let low = max(span.from, Int(centre - 3 * width) - 1)
            let high = min(span.from + span.length, Int(centre + 3 * width) + 2)
            let all = (low..<high).map {
                (index: $0, weight: Self.lanczos((Double($0) + 0.5 - centre) / width))
            }.filter { $0.weight != 0 }
            let sum = all.reduce(0) { $0 + $1.weight }
            return all.map { ($0.index, $0.weight / sum) }
        }
    }

    /// Across, then down, rounded to 8 bits after each, alpha weighing the colours.
    static func resample(_ picture: Picture, columns: AxisSpan, rows: AxisSpan) -> Picture {
        let across = Self.weights(columns)
        let between = Picture(columns.kept, picture.height, channels: picture.channels) { x, y in
            Self.combine(across[x], of: picture) { y * picture.width + $0 }
        }
        let down = Self.weights(rows)
        return Picture(columns.kept, rows.kept, channels: picture.channels) { x, y in
            Self.combine(down[y], of: between) { $0 * between.width + x }
        }
    }

    private static func combine(
        _ inputs: [(index: Int, weight: Double)], of picture: Picture, at place: (_ index: Int) -> Int
    ) -> [UInt8] {
        func byte(_ value: Double) -> UInt8 { UInt8(min(255, max(0, value.rounded()))) }
        let channels = picture.channels
        var sums = [Double](repeating: 0, count: channels)
        for input in inputs {
            let at = place(input.index) * channels
            let alpha = channels == 4 ? Double(picture.samples[at + 3]) : 1
            for channel in 0..<channels {
                sums[channel] += input.weight * (channel == 3 ? alpha : Double(picture.samples[at + channel]) * alpha)
            }
        }
        guard channels == 4 else { return sums.map(byte) }
        let alpha = sums[3]
        return alpha < 0.5 ? [0, 0, 0, 0] : sums[..<3].map { byte($0 / alpha) } + [byte(alpha)]
    }

    /// A whole picture to another size.
    static func resize(_ picture: Picture, to size: ImageSize) -> Picture {
        func span(_ from: Int, _ to: Int) -> AxisSpan {
            AxisSpan(from: 0, length: from, resampled: to, window: 0, kept: to, isMirrored: false)
        }
        return Self.resample(
            picture, columns: span(picture.width, size.width), rows: span(picture.height, size.height))
    }
}
