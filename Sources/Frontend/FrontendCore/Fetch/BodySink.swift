// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Platform

/// Takes an answer's bytes as they arrive, and refuses the one that is too many.
///
/// Small bodies stay in the heap. Larger ones go straight into a memfd, so that a worker can be given them later
/// without anybody having copied them.
@LoopActor
final class BodySink {
    private var small: [UInt8] = []
    /// The first bytes of what is in the file.
    private var head: [UInt8] = []
    private var file: MemoryFile?
    /// Of what is in the file, while that is not too much.
    private var digest: RunningDigest?
    private let limit: Int
    private(set) var count = 0

    /// Up to here bytes are hashed as they come, when they are in the processor's cache and another thread need not be
    /// woken. Of more than that, hashing would hold up other requests.
    private static let longestDigested = 1 << 20

    /// - Parameters:
    ///   - announced: the bytes that the origin says will come; 0 when it does not say.
    ///   - digests: whether the blob will be asked for its digest.
    init(limit: Int, announced: Int, digests: Bool = false) throws(FetchError) {
        guard announced <= limit else { throw .tooLarge(limit: limit) }
        self.limit = limit
        if digests, announced <= Self.longestDigested { self.digest = RunningDigest() }
        if announced >= Blob.smallestSealed { try self.startFile() }
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(FetchError) {
        guard bytes.count <= self.limit - self.count else { throw .tooLarge(limit: self.limit) }
        self.count += bytes.count
        if self.file == nil, self.count >= Blob.smallestSealed { try self.startFile() }
        if self.file == nil {
            self.small.append(contentsOf: bytes)
        } else {
            try self.write(bytes)
        }
    }

    /// Gives up the bytes, which nobody can change from then on.
    func finish() throws(FetchError) -> Blob {
        guard let file = self.file.take() else { return Blob(self.small) }
        do throws(SystemError) {
            let blob = Blob(try SealedMemory(try file.seal(), isMapped: false), head: self.head)
            if let digest = self.digest.take() { blob.remember(ContentDigest(digest)) }
            return blob
        } catch {
            throw .internalFailure(error.description)
        }
    }

    private func startFile() throws(FetchError) {
        do throws(SystemError) {
            self.file = try MemoryFile()
        } catch {
            throw .internalFailure(error.description)
        }
        let small = self.small
        self.small = []
        let bytes = small.span.bytes
        try bytes.withUnsafeBytes { (bytes) throws(FetchError) in try self.write(bytes) }
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(FetchError) {
        if self.count > Self.longestDigested { self.digest = nil }
        self.digest?.append(bytes)
        if self.head.count < Blob.headLength {
            self.head.append(contentsOf: bytes.prefix(Blob.headLength - self.head.count))
        }
        do throws(SystemError) {
            try self.file?.append(bytes)
        } catch {
            throw .internalFailure(error.description)
        }
    }
}
