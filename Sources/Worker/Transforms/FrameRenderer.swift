// SPDX-License-Identifier: Apache-2.0

internal import CResample
public import ImageJob
public import Pixels

/// Makes the frames of a result from those of an animation: cuts, resamples and turns what has changed.
///
/// Owns the buffers behind the pointer, from `init` to `deinit`.
public struct FrameRenderer: ~Copyable {
    private let frames: OpaquePointer

    /// - Parameter canvas: the size of the animation's frames.
    public init(_ geometry: StoredGeometry, canvas: ImageSize) throws(JobFailure) {
        var columns = cr_span(geometry.columns)
        var rows = cr_span(geometry.rows)
        guard
            let frames = cr_frames_open(
                Int32(canvas.width), Int32(canvas.height), &columns, &rows, geometry.isDownFirst ? 1 : 0,
                geometry.symmetry.transposes ? 1 : 0)
        else { throw .outOfMemory }
        self.frames = frames
    }

    deinit { cr_frames_close(self.frames) }

    /// The frame, RGBA with straight alpha, rows without gaps. Changes with every update.
    public var pixels: UnsafePointer<UInt8> { cr_frames_pixels(self.frames) }

    /// Follows a canvas of which a part is new since the last time; the first time that must be all of it.
    ///
    /// - Returns: the part of the frame that has been made anew.
    public mutating func update(
        _ canvas: UnsafePointer<UInt8>, changed: PixelRect
    ) throws(JobFailure) -> PixelRect {
        let area = cr_area(
            x: Int32(changed.x), y: Int32(changed.y), width: Int32(changed.width), height: Int32(changed.height))
        var made = cr_area()
        guard cr_frames_update(self.frames, canvas, area, &made) == 0 else { throw .outOfMemory }
        return PixelRect(x: Int(made.x), y: Int(made.y), width: Int(made.width), height: Int(made.height))
    }
}
