// SPDX-License-Identifier: Apache-2.0

internal import Codecs
public import ImageJob

/// What has been made of a picture, and what it took.
public struct JobResult: ~Copyable {
    /// Nanoseconds.
    public struct Timings: Equatable, Sendable {
        public let header: UInt64
        public let decode: UInt64
        public let resize: UInt64
        public let encode: UInt64
    }

    /// The finished file. Owns its bytes.
    public struct Image: ~Copyable {
        private let picture: EncodedPicture

        init(_ picture: consuming EncodedPicture) { self.picture = picture }

        /// Valid as long as this lives.
        public var bytes: UnsafeRawBufferPointer { self.picture.bytes }
        public var format: ImageFormat { self.picture.format }
        public var size: ImageSize { self.picture.size }
    }

    public let image: Image
    public let timings: Timings

    init(_ picture: consuming EncodedPicture, _ timings: JobTimings) {
        self.image = Image(picture)
        self.timings = Timings(
            header: timings.header, decode: timings.decode, resize: timings.resize, encode: timings.encode)
    }
}
