// SPDX-License-Identifier: Apache-2.0

internal import Codecs
public import ImageJob
internal import Pixels

/// One picture, from bytes to bytes.
public enum JobRunner {
    public static let decodedFormats = PictureSource.formats
    public static let encodedFormats = EncodedPicture.formats
    /// As `codec_versions.h` says.
    public static var libraryVersions: [UInt32] { CodecLibraries.versions }

    /// - Parameter source: any bytes at all; must stay as they are until this returns.
    public static func run(
        _ request: JobRequest, source: UnsafeRawBufferPointer
    ) throws(JobFailure) -> JobResult {
        let start = JobTimings.now
        let bytes = source.assumingMemoryBound(to: UInt8.self).span
        guard let format = ImageFormat(magic: bytes), self.decodedFormats.contains(format) else {
            throw .unsupportedFormat
        }
        // Before any library has seen a byte of it.
        guard !request.policy.disabledFormats.contains(format) else { throw .disabledFormat }
        let job = PictureJob(
            request: request, source: source, format: format, metadata: PictureMetadata(of: bytes, format: format),
            declared: ImageHeader.size(of: bytes), start: start)
        return try job.run()
    }

    /// Makes the tables that every job needs, and touches every codec, so that a process forked from this one shares
    /// what would otherwise be made again for each picture.
    public static func warmUp() {
        CodecLibraries.warmUp()
        do throws(JobFailure) {
            let picture = try Self.sample(side: 64)
            var request = JobRequest(options: TransformOptions(), scaleUp: false, limits: .standard, deadline: 0)
            request.options.width = 24
            for format in self.encodedFormats {
                let file = try EncodedPicture(picture, format: format, quality: 80, limits: .standard, deadline: 0)
                guard self.decodedFormats.contains(format) else { continue }
                for target in [ImageFormat.jpeg, .png] {
                    request.options.format = target
                    _ = try Self.run(request, source: file.bytes)
                }
            }
        } catch {
            // Out of memory already: the first job will say so.
        }
    }

    /// A small JPEG file to warm up with; nil when there is no memory for it.
    public static func sampleFile() -> JobResult.Image? {
        do throws(JobFailure) {
            return JobResult.Image(
                try EncodedPicture(Self.sample(side: 256), format: .jpeg, quality: 80, limits: .standard, deadline: 0))
        } catch {
            return nil
        }
    }

    private static func sample(side: Int) throws(JobFailure) -> PixelBuffer {
        let picture = try PixelBuffer(size: ImageSize(width: side, height: side), channels: 3)
        for index in 0..<side * picture.stride { picture.start[index] = UInt8(truncatingIfNeeded: index &* 31) }
        return picture
    }

    /// After `warmUp`, and only where nothing but forks will follow: takes out what no picture needs, as every fork
    /// would copy it. The process has to end by `_exit`.
    public static func prepareForks() { CodecLibraries.prepareForks() }

    /// In a process that was forked after `prepareForks`, first of all.
    public static func beginFork() { CodecLibraries.beginFork() }
}
