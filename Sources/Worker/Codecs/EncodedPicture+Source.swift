// SPDX-License-Identifier: Apache-2.0

internal import CCodecShims
internal import Glibc
public import ImageJob
public import Pixels

/// Files that are made of their source's own coded data: nothing is decoded and coded again, so nothing is lost.
extension EncodedPicture {
    /// The source without its metadata.
    ///
    /// - Parameters:
    ///   - size: the picture's, which the caller knows.
    /// - Returns: nil when the file cannot be taken apart.
    public static func stripped(
        _ source: UnsafeRawBufferPointer, format: ImageFormat, size: ImageSize, limits: PixelLimits
    ) throws(JobFailure) -> EncodedPicture? {
        let bytes = source.assumingMemoryBound(to: UInt8.self)
        guard let parts = PictureParts.find(in: bytes.span, format: format) else { return nil }
        let keepsPlaces = PictureParts.keepsPlaces(format)
        let count = parts.reduce(0) { keepsPlaces ? max($0, $1.upperBound) : $0 + $1.count }
        guard count <= limits.maxResultBytes else { return nil }
        guard let memory = calloc(1, count) else { throw .outOfMemory }
        let copy = UnsafeMutableRawBufferPointer(start: memory, count: count)
        var filled = 0
        for part in parts {
            UnsafeMutableRawBufferPointer(rebasing: copy[(keepsPlaces ? part.lowerBound : filled)...]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: source[part]))
            filled += part.count
        }
        if format == .webp { Self.repairRIFF(copy) }
        if format == .bmp { BMPParts.repair(copy, front: parts[0].count) }
        let image = encoded_image(bytes: memory.assumingMemoryBound(to: UInt8.self), count: count)
        return try EncodedPicture(image, format: format, size: size)
    }

    /// The header counts what follows it, and tells of the chunks that there are.
    private static func repairRIFF(_ file: UnsafeMutableRawBufferPointer) {
        file.storeBytes(of: UInt32(truncatingIfNeeded: file.count - 8).littleEndian, toByteOffset: 4, as: UInt32.self)
        let profileExifXMP: UInt8 = 0x20 | 0x08 | 0x04
        if file.count > 20, file[12..<16].elementsEqual("VP8X".utf8) { file[20] &= ~profileExifXMP }
    }

    /// A JPEG turned without loss, or only coded anew, with Huffman tables of its own.
    ///
    /// - Parameter makesProgressive: whatever it was.
    /// - Returns: nil when that cannot be: its sides are no whole number of blocks, or it is of a rare kind. Also when
    ///   there is nothing to do, as it is not to be turned and progressive.
    public static func turned(
        jpeg bytes: UnsafeRawBufferPointer, by symmetry: Symmetry, makesProgressive: Bool,
        limits: PixelLimits, deadline: UInt64
    ) throws(JobFailure) -> EncodedPicture? {
        var turn = jpeg_turn(
            mirrored_x: symmetry.mirrorsX ? 1 : 0, mirrored_y: symmetry.mirrorsY ? 1 : 0,
            transposed: symmetry.transposes ? 1 : 0, makes_progressive: makesProgressive ? 1 : 0,
            max_bytes: limits.maxResultBytes, max_memory: PictureSource.maxMemory, deadline: deadline)
        var image = encoded_image()
        var width: Int32 = 0
        var height: Int32 = 0
        let status = jpeg_lossless_turn(
            bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count, &turn, &image, &width, &height)
        // What is damaged is for the decoder to tell.
        if status == CODEC_UNSUPPORTED || status == CODEC_CORRUPT { return nil }
        try status.check()
        return try EncodedPicture(image, format: .jpeg, size: ImageSize(width: Int(width), height: Int(height)))
    }
}
