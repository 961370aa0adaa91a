// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import Glibc
internal import Synchronization

/// Bytes in a memfd that nobody can change any more, mapped for reading.
///
/// `@unchecked`: the mapping and the bytes behind it never change, and are unmapped when the last owner is gone. Of
/// several that map at the same time, one wins.
public final class SealedMemory: @unchecked Sendable {
    public let count: Int
    private let descriptor: OwnedDescriptor
    /// The address of the bytes, 0 before it is asked for; one more than it where they are a copy in the heap.
    private let place = Atomic<UInt>(0)

    private static let live = Atomic<Int>(0)

    /// Whether these take so many of the descriptors that this process may have that one kept for long, as by a cache, is
    /// better kept without: connections need the other half.
    public static var isScarce: Bool { Self.live.load(ordering: .relaxed) > CurrentProcess.fileLimit / 2 }

    /// The descriptor, to be passed to another process. Valid as long as this lives.
    public var descriptorNumber: Int32 { self.descriptor.number }

    /// Maps a descriptor that is a regular, fully sealed memfd.
    ///
    /// - Parameter isMapped: false = not before somebody asks for the bytes.
    /// - Throws: `SystemError` with EINVAL when it is not, or is empty; what looking at it, or mapping, failed with.
    public init(_ descriptor: consuming OwnedDescriptor, isMapped: Bool = true) throws(SystemError) {
        guard let count = try sealedSize(of: descriptor), count > 0 else {
            throw SystemError(EINVAL, "not sealed memory")
        }
        self.count = count
        self.descriptor = descriptor
        Self.live.add(1, ordering: .relaxed)
        if isMapped { _ = try self.map() }
    }

    deinit {
        Self.live.subtract(1, ordering: .relaxed)
        Self.free(self.place.load(ordering: .acquiring), self.count)
    }

    /// Valid as long as this lives. Mapped when they are asked for first: of most pictures that a worker is given nobody
    /// does, and taking a mapping down again makes other processors wait.
    public var bytes: UnsafeRawBufferPointer {
        let known = self.place.load(ordering: .acquiring)
        if known != 0 { return self.bytes(at: known) }
        do throws(SystemError) { return try self.map() } catch { return self.copy() }
    }

    private func bytes(at place: UInt) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: place & ~1), count: self.count)
    }

    private func map() throws(SystemError) -> UnsafeRawBufferPointer {
        let start = mmap(nil, self.count, PROT_READ, MAP_SHARED, self.descriptor.number, 0)
        guard let start, start != MAP_FAILED else { throw SystemError(errno, "cannot map memory") }
        return self.settle(UInt(bitPattern: start))
    }

    /// For a process that may have no more mappings.
    private func copy() -> UnsafeRawBufferPointer {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: self.count, alignment: 16)
        let isWhole = try? readAll(self.descriptor, into: copy)
        // It cannot have shrunk, and it is no disk that could fail.
        precondition(isWhole == true, "cannot read sealed memory")
        return self.settle(UInt(bitPattern: copy.baseAddress) | 1)
    }

    private func settle(_ place: UInt) -> UnsafeRawBufferPointer {
        let (isFirst, known) = self.place.compareExchange(expected: 0, desired: place, ordering: .acquiringAndReleasing)
        guard !isFirst else { return self.bytes(at: place) }
        Self.free(place, self.count)
        return self.bytes(at: known)
    }

    private static func free(_ place: UInt, _ count: Int) {
        guard let start = UnsafeMutableRawPointer(bitPattern: place & ~1) else { return }
        if place & 1 == 0 { munmap(start, count) } else { start.deallocate() }
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
