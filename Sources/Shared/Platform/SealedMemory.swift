// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import Glibc
internal import Synchronization

/// Bytes in a memfd that nobody can change any more, mapped for reading.
///
/// `@unchecked`: the mapping and the bytes behind it never change, and are unmapped when the last owner is gone.
public final class SealedMemory: @unchecked Sendable {
    public let bytes: UnsafeRawBufferPointer
    private let descriptor: OwnedDescriptor

    private static let live = Atomic<Int>(0)

    /// Whether these take so many of the descriptors that this process may have that one kept for long, as by a cache, is
    /// better kept without: connections need the other half.
    public static var isScarce: Bool { Self.live.load(ordering: .relaxed) > CurrentProcess.fileLimit / 2 }

    /// The descriptor, to be passed to another process. Valid as long as this lives.
    public var descriptorNumber: Int32 { self.descriptor.number }

    /// Maps a descriptor that is a regular, fully sealed memfd.
    ///
    /// - Throws: `SystemError` with EINVAL when it is not, or is empty; what looking at it, or mapping, failed with.
    public init(_ descriptor: consuming OwnedDescriptor) throws(SystemError) {
        guard let count = try sealedSize(of: descriptor), count > 0 else {
            throw SystemError(EINVAL, "not sealed memory")
        }
        let start = mmap(nil, count, PROT_READ, MAP_SHARED, descriptor.number, 0)
        guard let start, start != MAP_FAILED else { throw SystemError(errno, "cannot map memory") }
        self.bytes = UnsafeRawBufferPointer(start: start, count: count)
        self.descriptor = descriptor
        Self.live.add(1, ordering: .relaxed)
    }

    deinit {
        munmap(UnsafeMutableRawPointer(mutating: self.bytes.baseAddress), self.bytes.count)
        Self.live.subtract(1, ordering: .relaxed)
    }
}

/// A memfd that is still being written.
public struct MemoryFile: ~Copyable {
    private let descriptor: OwnedDescriptor
    /// Bytes written so far.
    public private(set) var count = 0

    public init() throws(SystemError) {
        self.descriptor = try OwnedDescriptor(checking: cp_memfd_create("imageproxy"), "cannot create memory")
    }

    public mutating func append(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        var rest = bytes
        while !rest.isEmpty {
            let written = write(self.descriptor.number, rest.baseAddress, rest.count)
            if written < 0 {
                if errno == EINTR { continue }
                throw SystemError(errno, "cannot write memory")
            }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
        }
        self.count += bytes.count
    }

    /// Makes the bytes unchangeable, and gives up the file.
    public consuming func seal() throws(SystemError) -> OwnedDescriptor {
        let status = cp_memfd_seal(self.descriptor.number)
        guard status == 0 else { throw SystemError(-status, "cannot seal memory") }
        return self.descriptor
    }
}

/// Looks at a descriptor that came from somebody who is not trusted.
///
/// - Returns: its size when it is a regular file that is sealed in every way; nil otherwise.
/// - Throws: when the kernel does not tell, for a reason that says nothing about the descriptor.
public func sealedSize(of descriptor: borrowing OwnedDescriptor) throws(SystemError) -> Int? {
    var size: Int64 = 0
    let status = cp_is_sealed(descriptor.number, &size)
    guard status >= 0 else { throw SystemError(-status, "cannot look at memory") }
    return status == 1 ? Int(size) : nil
}

/// Reads a file from its beginning; false when it ends early.
public func readAll(
    _ descriptor: borrowing OwnedDescriptor, into buffer: UnsafeMutableRawBufferPointer
) throws(SystemError) -> Bool {
    var filled = 0
    while filled < buffer.count {
        let count = pread(
            descriptor.number, buffer.baseAddress! + filled, buffer.count - filled, off_t(filled))
        if count < 0 {
            if errno == EINTR { continue }
            throw SystemError(errno, "cannot read memory")
        }
        guard count > 0 else { return false }
        filled += count
    }
    return true
}
