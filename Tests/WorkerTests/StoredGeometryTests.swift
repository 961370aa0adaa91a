// SPDX-License-Identifier: Apache-2.0
import ImageJob
import Testing

@testable import Pixels
@testable import Transforms

struct StoredGeometryTests {
    /// Every orientation with every turn and flip.
    struct Case: Sendable, CustomTestStringConvertible {
        let orientation: Int
        let turns: Int
        let flipVertical: Bool
        let flipHorizontal: Bool

        static let all = (1...8).flatMap { orientation in
            (0...3).flatMap { turns in
                [(false, false), (false, true), (true, false), (true, true)].map {
                    Case(orientation: orientation, turns: turns, flipVertical: $0.0, flipHorizontal: $0.1)
                }
            }
        }

        var testDescription: String {
            "orientation \(orientation), \(turns) turns\(flipVertical ? ", fv" : "")\(flipHorizontal ? ", fh" : "")"
        }

        /// The steps in the order in which a request means them.
        func turn(_ picture: Picture) -> Picture {
            var picture = picture.turnedCounterClockwise(self.turns)
            if self.flipVertical { picture = picture.flippedVertically() }
            if self.flipHorizontal { picture = picture.flippedHorizontally() }
            return picture
        }

        func plan(source: PixelRect, resampled: ImageSize, window: PixelRect) -> TransformPlan {
            TransformPlan(
                crop: source, source: source, resampled: resampled, window: window, quarterTurns: self.turns,
                flipVertical: self.flipVertical, flipHorizontal: self.flipHorizontal)
        }
    }

    private static func render(_ picture: Picture, _ geometry: StoredGeometry) throws -> Picture {
        var source = PictureRows(picture)
        return Picture(try Rendering.render(&source, geometry, scale: .full) {})
    }

    @Test(arguments: Case.all, [1, 3, 4])
    func `a cut without resampling moves every pixel to its place`(turn: Case, channels: Int) throws {
        let stored = Picture.noise(11, 7, channels: channels)
        let upright = stored.oriented(turn.orientation)
        let source = PixelRect(x: 2, y: 1, width: upright.width - 3, height: upright.height - 2)
        let window = PixelRect(x: 1, y: 0, width: source.width - 1, height: source.height - 1)
        let plan = turn.plan(source: source, resampled: source.size, window: window)
        let geometry = StoredGeometry(
            plan, orientation: Symmetry(orientation: turn.orientation), part: PixelRect(stored.size))
        let expected = turn.turn(upright.cropped(source).cropped(window))
        let made = try Self.render(stored, geometry)
        #expect(geometry.output == expected.size)
        #expect(made == expected)
    }

    @Test(arguments: Case.all)
    func `resampling the stored picture is resampling the upright one`(turn: Case) throws {
        // Nothing reaches black or white, where it would matter which axis comes first.
        var stored = Picture.noise(41, 29, channels: 3)
        stored.samples = stored.samples.map { 96 + $0 / 4 }
        let upright = stored.oriented(turn.orientation)
        let source = PixelRect(x: 3, y: 2, width: upright.width - 7, height: upright.height - 3)
        let resampled = ImageSize(width: 17, height: 13)
        let window = PixelRect(x: 2, y: 1, width: 11, height: 10)
        let plan = turn.plan(source: source, resampled: resampled, window: window)
        let geometry = StoredGeometry(
            plan, orientation: Symmetry(orientation: turn.orientation), part: PixelRect(stored.size))
        let columns = AxisSpan(
            from: source.x, length: source.width, resampled: resampled.width, window: window.x, kept: window.width,
            isMirrored: false)
        let rows = AxisSpan(
            from: source.y, length: source.height, resampled: resampled.height, window: window.y,
            kept: window.height, isMirrored: false)
        let expected = turn.turn(Reference.resample(upright, columns: columns, rows: rows))
        #expect(try Self.render(stored, geometry).distance(to: expected) <= 1)
    }

    @Test(arguments: Case.all)
    func `a part that trimming has left is cut out first`(turn: Case) throws {
        let stored = Picture.noise(12, 9, channels: 3)
        let part = PixelRect(x: 2, y: 3, width: 7, height: 5)
        let upright = stored.cropped(part).oriented(turn.orientation)
        let plan = turn.plan(
            source: PixelRect(upright.size), resampled: upright.size, window: PixelRect(upright.size))
        let geometry = StoredGeometry(plan, orientation: Symmetry(orientation: turn.orientation), part: part)
        #expect(try Self.render(stored, geometry) == turn.turn(upright))
    }

    @Test func `one symmetry after another is the symmetry of both`() throws {
        let picture = Picture.noise(5, 4, channels: 1)
        func apply(_ symmetry: Symmetry, _ picture: Picture) -> Picture {
            var picture = picture
            if symmetry.mirrorsX { picture = picture.flippedHorizontally() }
            if symmetry.mirrorsY { picture = picture.flippedVertically() }
            // Rows become columns: a quarter turn, upside down.
            return symmetry.transposes ? picture.turnedCounterClockwise(1).flippedVertically() : picture
        }
        #expect(Set(Symmetry.allCases).count == 8)
        for first in Symmetry.allCases {
            for second in Symmetry.allCases {
                #expect(apply(second, apply(first, picture)) == apply(first.followed(by: second), picture))
            }
        }
    }
}
