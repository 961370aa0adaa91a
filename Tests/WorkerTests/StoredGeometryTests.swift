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

    /// To the last bit, where edges are as hard as they can be: it matters which axis comes first, and which end.
    @Test(arguments: Case.all, [1, 3, 4])
    func `resampling the stored picture is resampling the upright one`(turn: Case, channels: Int) throws {
        let stored = Picture.noise(41, 29, channels: channels)
        let upright = stored.oriented(turn.orientation)
        let source = PixelRect(x: 3, y: 2, width: upright.width - 7, height: upright.height - 3)
        for (width, height) in [(17, 13), (1, 1), (70, 9), (35, 90), (12, 210)] {
            let resampled = ImageSize(width: width, height: height)
            let window = PixelRect(x: width / 8, y: height / 10, width: width - width / 4, height: height - height / 5)
            func render(_ picture: Picture, _ orientation: Int, _ plan: TransformPlan) throws -> Picture {
                let orientation = Symmetry(orientation: orientation)
                return try Self.render(
                    picture, StoredGeometry(plan, orientation: orientation, part: PixelRect(picture.size)))
            }
            let made = try render(
                stored, turn.orientation, turn.plan(source: source, resampled: resampled, window: window))
            let unturned = Case(orientation: 1, turns: 0, flipVertical: false, flipHorizontal: false)
            let expected = try render(
                upright, 1, unturned.plan(source: source, resampled: resampled, window: window))
            #expect(made == turn.turn(expected), "\(resampled)")
        }
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
