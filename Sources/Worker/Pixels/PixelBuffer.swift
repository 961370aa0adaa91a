// SPDX-License-Identifier: Apache-2.0

internal import CResample
internal import Glibc
public import ImageJob

/// A whole picture in memory: rows without gaps, of 1 (gray), 3 (RGB) or 4 bytes to a pixel (RGBA, straight alpha).
public struct PixelBuffer: ~Copyable {
    public let size: ImageSize
    public let channels: Int
    public let start: UnsafeMutablePointer<UInt8>

    /// Memory for a picture, its contents undefined.
    public init(size: ImageSize, channels: Int) throws(JobFailure) {
        let (count, overflows) = size.area.multipliedReportingOverflow(by: channels)
        guard !overflows, count > 0, let memory = malloc(count) else { throw .outOfMemory }
        cr_provide(memory, count)
        self.size = size
        self.channels = channels
        self.start = memory.bindMemory(to: UInt8.self, capacity: count)
    }

    deinit { free(self.start) }

    /// Bytes from one row to the next.
    public var stride: Int { self.size.width * self.channels }

    public func row(_ y: Int) -> UnsafeMutablePointer<UInt8> { self.start + y * self.stride }

    public var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: self.start, count: self.size.height * self.stride)
    }

    /// Whether there is no alpha in it, or none that shows anything through.
    public var isOpaque: Bool {
        guard self.channels == 4 else { return true }
        for index in 0..<self.size.area where self.start[4 * index + 3] != 255 { return false }
        return true
    }
}
