// SPDX-License-Identifier: Apache-2.0

public import Platform
internal import Synchronization

/// The bytes of one picture, shared by the cache, the answers being written and the jobs that read them.
///
/// Either a heap buffer, or a mapping of a sealed memfd, or a part of another blob. Sealed means nobody can shrink or
/// change the bytes, so reading the mapping cannot fault and a worker can be given the same descriptor without a copy.
public final class Blob: Sendable {
    private enum Storage: Sendable {
        case heap(Heap)
        case sealed(SealedMemory)
        case part(Blob, Range<Int>)
    }

    /// A heap buffer that is written once, before it is shared.
    ///
    /// `@unchecked`: the pointer is never written after `init`, and freed when the last owner is gone.
    private final class Heap: @unchecked Sendable {
        let bytes: UnsafeRawBufferPointer

        init(count: Int, fill: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
            self.bytes = UnsafeRawBufferPointer(buffer)
            try fill(buffer)
        }

        deinit { UnsafeMutableRawBufferPointer(mutating: self.bytes).deallocate() }
    }

    private let storage: Storage
    /// A copy of the first bytes of sealed memory, which need not be mapped for these; empty for all else.
    private let head: [UInt8]
    private let digestMemo = Mutex<ContentDigest?>(nil)

    /// Below this many bytes a copy in the heap is cheaper than a descriptor and a mapping of its own.
    public static let smallestSealed = 16 << 10

    /// As much of a picture as its header takes in most cases.
    static let headLength = 8 << 10

    /// Allocates `count` bytes and has them filled once.
    public init(count: Int, fill: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
        self.head = []
        self.storage = .heap(try Heap(count: count, fill: fill))
    }

    /// Takes over sealed memory, or copies it while descriptors are scarce.
    ///
    /// - Parameter head: its first bytes; empty = they are looked for where they are.
    public init(_ memory: SealedMemory, head: [UInt8] = []) {
        let isScarce = SealedMemory.isScarce
        self.head = isScarce ? [] : head
        self.storage =
            isScarce ? .heap(Heap(count: memory.count) { $0.copyMemory(from: memory.bytes) }) : .sealed(memory)
    }

    /// Shares the bytes in `range`, which must be within the whole, and keeps all of it alive.
    init(_ whole: Blob, range: Range<Int>) {
        precondition(range.upperBound <= whole.count, "a part beyond the end")
        self.head = []
        self.storage = .part(whole, range)
    }

    public convenience init(_ bytes: some Collection<UInt8>) {
        self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
    }

    public var count: Int {
        switch self.storage {
        case .heap(let heap): heap.bytes.count
        case .sealed(let memory): memory.count
        case .part(_, let range): range.count
        }
    }

    /// The bytes, and the copy of the first ones.
    var memory: Int { self.count + self.head.count }

    /// Valid as long as the blob lives. A variable is no owner: it may let go of the blob after its last use, before the
    /// bytes are read. Where nothing else holds the blob, `withBytes` does.
    public var bytes: UnsafeRawBufferPointer {
        switch self.storage {
        case .heap(let heap): heap.bytes
        case .sealed(let memory): memory.bytes
        case .part(let whole, let range): UnsafeRawBufferPointer(rebasing: whole.bytes[range])
        }
    }

    /// The digest, if somebody has computed it already.
    var knownDigest: ContentDigest? { self.digestMemo.withLock { $0 } }

    func remember(_ digest: ContentDigest) { self.digestMemo.withLock { $0 = digest } }

    /// The same bytes as sealed memory, to be given to a worker; a heap buffer is copied.
    func sealed() throws(SystemError) -> SealedMemory {
        if case .sealed(let memory) = self.storage { return memory }
        var file = try MemoryFile()
        try file.append(self.bytes)
        return try SealedMemory(try file.seal(), isMapped: false)
    }

    /// A copy of the first bytes, which outlives the blob.
    func copied(atMost limit: Int = .max) -> [UInt8] { withExtendedLifetime(self) { Array(self.bytes.prefix(limit)) } }

    /// Lends the bytes, and keeps the blob meanwhile.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(self) { try body(self.bytes) }
    }

    /// Lends the first bytes, at least `headLength` if there are as many.
    func withHead<Result>(_ body: (Span<UInt8>) throws -> Result) rethrows -> Result {
        let head = self.head
        return head.isEmpty ? try self.withSpan(body) : try body(head.span)
    }

    /// Lends the bytes as a span.
    public func withSpan<Result>(_ body: (Span<UInt8>) throws -> Result) rethrows -> Result {
        try self.bytes.withMemoryRebound(to: UInt8.self) { try body($0.span) }
    }
}
