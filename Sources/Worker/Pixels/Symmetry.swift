// SPDX-License-Identifier: Apache-2.0

public import ImageJob

/// One of the eight ways in which a picture can be turned and mirrored: mirrored first, then its rows become columns.
public struct Symmetry: Hashable, Sendable, CaseIterable {
    /// Left and right change places.
    public var mirrorsX: Bool
    /// Top and bottom change places.
    public var mirrorsY: Bool
    /// Then rows become columns: the top left corner stays.
    public var transposes: Bool

    public init(mirrorsX: Bool = false, mirrorsY: Bool = false, transposes: Bool = false) {
        self.mirrorsX = mirrorsX
        self.mirrorsY = mirrorsY
        self.transposes = transposes
    }

    /// What EXIF's number asks a viewer to do; a number that EXIF does not know asks nothing.
    public init(orientation: Int) {
        switch orientation {
        case 2: self.init(mirrorsX: true)
        case 3: self.init(mirrorsX: true, mirrorsY: true)
        case 4: self.init(mirrorsY: true)
        case 5: self.init(transposes: true)
        case 6: self.init(mirrorsY: true, transposes: true)
        case 7: self.init(mirrorsX: true, mirrorsY: true, transposes: true)
        case 8: self.init(mirrorsX: true, transposes: true)
        default: self.init()
        }
    }

    /// Counter-clockwise.
    public init(quarterTurns: Int) {
        switch quarterTurns {
        case 1: self.init(mirrorsX: true, transposes: true)
        case 2: self.init(mirrorsX: true, mirrorsY: true)
        case 3: self.init(mirrorsY: true, transposes: true)
        default: self.init()
        }
    }

    public static let allCases = [false, true].flatMap { x in
        [false, true].flatMap { y in [false, true].map { Symmetry(mirrorsX: x, mirrorsY: y, transposes: $0) } }
    }

    /// This one, and `next` on its result.
    public func followed(by next: Symmetry) -> Symmetry {
        // What is mirrored after rows have become columns is the other axis before.
        let isMirroredX = self.transposes ? next.mirrorsY : next.mirrorsX
        let isMirroredY = self.transposes ? next.mirrorsX : next.mirrorsY
        return Symmetry(
            mirrorsX: self.mirrorsX != isMirroredX, mirrorsY: self.mirrorsY != isMirroredY,
            transposes: self.transposes != next.transposes)
    }

    public func size(of size: ImageSize) -> ImageSize { self.transposes ? size.transposed : size }

    /// Where a rectangle of the result lies in the picture that it was made from, of the given size.
    public func origin(of rect: PixelRect, in size: ImageSize) -> PixelRect {
        var origin = rect
        if self.transposes {
            origin = PixelRect(x: rect.y, y: rect.x, width: rect.height, height: rect.width)
        }
        if self.mirrorsX { origin.x = size.width - origin.x - origin.width }
        if self.mirrorsY { origin.y = size.height - origin.y - origin.height }
        return origin
    }
}
