// SPDX-License-Identifier: Apache-2.0
import CResample
import Testing

struct TapsTests {
    /// The inputs that count, with their weights.
    private static func weights(of output: Int, _ taps: cr_taps) -> [Int: Int16] {
        let row = taps.weights + output * Int(taps.groups) * Int(CR_GROUP)
        let start = Int(taps.start[output])
        var found: [Int: Int16] = [:]
        for index in 0..<Int(taps.length[output]) where row[index] != 0 { found[start + index] = row[index] }
        return found
    }

    /// Sizes with few outputs that differ, and with none that are alike.
    @Test(arguments: [(1600, 500), (1067, 333), (6000, 500), (500, 1600), (4000, 300), (97, 31)])
    func `an output has the weights that it would have alone`(length: Int32, resampled: Int32) {
        for isMirrored: Int32 in 0...1 {
            var span = cr_span(
                from: 0, length: length, resampled: resampled, window: 0, kept: resampled, is_mirrored: isMirrored,
                is_mirrored_first: 0)
            var axis = cr_axis_make(&span, 1, 1, length, 0.1)
            var all = cr_taps()
            #expect(cr_taps_make(&all, &axis) == 0)
            defer { cr_taps_free(&all) }
            for output in 0..<Int(resampled) {
                var alone = axis
                alone.count = 1
                alone.first += alone.step * Double(isMirrored == 0 ? output : Int(resampled) - 1 - output)
                var one = cr_taps()
                #expect(cr_taps_make(&one, &alone) == 0)
                defer { cr_taps_free(&one) }
                #expect(Self.weights(of: output, all) == Self.weights(of: 0, one), "output \(output)")
            }
        }
    }

    /// So a picture that is stored mirrored, or whose result is, comes out as if it were neither.
    @Test(arguments: [(1600, 500), (97, 31), (500, 1600), (33, 200), (5, 3), (1, 4)])
    func `weights do not depend on where the picture begins`(length: Int32, resampled: Int32) {
        for (unit, window, kept) in [(1, 0, resampled), (2, 0, resampled), (1, resampled / 3, (resampled + 1) / 2)] {
            func taps(isMirrored: Bool, isMirroredFirst: Bool) -> [[Int: Int16]] {
                // Mirrored, what is before the part and the window is after it.
                let part: Int32 = isMirroredFirst ? 4 : 7
                let from = isMirroredFirst ? resampled - window - kept : window
                var span = cr_span(
                    from: part, length: length, resampled: resampled, window: from, kept: kept,
                    is_mirrored: isMirrored ? 1 : 0, is_mirrored_first: isMirroredFirst ? 1 : 0)
                var axis = cr_axis_make(&span, 1, CInt(unit), length + 11, 0)
                var all = cr_taps()
                #expect(cr_taps_make(&all, &axis) == 0)
                defer { cr_taps_free(&all) }
                return (0..<Int(all.count)).map { Self.weights(of: $0, all) }
            }
            let upright = taps(isMirrored: false, isMirroredFirst: false)
            let stored = taps(isMirrored: true, isMirroredFirst: true)
            let last = Int(length) + 10
            #expect(stored.map { Dictionary(uniqueKeysWithValues: $0.map { (last - $0.key, $0.value) }) } == upright)
            guard unit == 1 || kept % 2 == 0 else { continue }
            #expect(taps(isMirrored: true, isMirroredFirst: false) == upright.reversed())
            #expect(taps(isMirrored: false, isMirroredFirst: true) == stored.reversed())
        }
    }
}
