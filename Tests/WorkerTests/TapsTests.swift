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
                from: 0, length: length, resampled: resampled, window: 0, kept: resampled, is_mirrored: isMirrored)
            var axis = cr_axis_make(&span, 1, 1, length, 0.1)
            var all = cr_taps()
            #expect(cr_taps_make(&all, &axis) == 0)
            defer { cr_taps_free(&all) }
            for output in 0..<Int(resampled) {
                var alone = axis
                alone.count = 1
                alone.first += alone.step * Double(output)
                var one = cr_taps()
                #expect(cr_taps_make(&one, &alone) == 0)
                defer { cr_taps_free(&one) }
                #expect(Self.weights(of: output, all) == Self.weights(of: 0, one), "output \(output)")
            }
        }
    }
}
