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
    private var file: MemoryFile?
    private let limit: Int
    private(set) var count = 0

    /// - Parameter announced: the bytes that the origin says will come; 0 when it does not say.
    init(limit: Int, announced: Int) throws(FetchError) {
        guard announced <= limit else { throw .tooLarge(limit: limit) }
        self.limit = limit
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
            return Blob(try SealedMemory(try file.seal()))
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
        do throws(SystemError) {
            try self.file?.append(bytes)
        } catch {
            throw .internalFailure(error.description)
        }
    }
}
