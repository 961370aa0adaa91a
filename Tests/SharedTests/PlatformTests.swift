// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Platform
import Testing

/// One after the other, so that nobody else's `memfd` is counted.
@Suite(.serialized) struct PlatformTests {
    // MARK: Counting descriptors

    /// A file of its own name, so that its descriptors can be told from everybody else's in this process.
    final class MarkedFile {
        let path = NSTemporaryDirectory() + "imageproxy-test-\(UUID().uuidString)"
        let descriptor: Int32

        init() {
            self.descriptor = open(self.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        }

        deinit {
            close(self.descriptor)
            unlink(self.path)
        }

        /// Descriptors of this process that lead to the file.
        var openCount: Int { openDescriptors { $0 == self.path } }
    }

    private static func openDescriptors(_ isCounted: (String) -> Bool) -> Int {
        let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return numbers.count { number in
            guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(number)")
            else { return false }
            return isCounted(target)
        }
    }

    /// Descriptors of this process that lead to the same file as this one, which may have been closed since.
    private static func openCount(of file: stat) -> Int {
        let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return numbers.count { number in
            var other = stat()
            return fstat(Int32(number)!, &other) == 0 && other.st_ino == file.st_ino && other.st_dev == file.st_dev
        }
    }

    /// The two ends of a connection, each to be adopted.
    private static func connectedPair() throws -> [Int32] {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
        return ends
    }

    /// `sendmsg` with any number of descriptors, which `PacketSocket.send` cannot do.
    private static func send(_ message: [UInt8], descriptors: [Int32], on socket: Int32) -> Int {
        let headerLength = MemoryLayout<cmsghdr>.size
        let dataLength = descriptors.count * MemoryLayout<Int32>.size
        let control = UnsafeMutableRawBufferPointer.allocate(
            byteCount: headerLength + (dataLength + 7) & ~7, alignment: 8)
        defer { control.deallocate() }
        var header = cmsghdr()
        header.cmsg_len = headerLength + dataLength
        header.cmsg_level = SOL_SOCKET
        header.cmsg_type = Int32(SCM_RIGHTS)
        control.storeBytes(of: header, as: cmsghdr.self)
        for (index, descriptor) in descriptors.enumerated() {
            control.storeBytes(of: descriptor, toByteOffset: headerLength + 4 * index, as: Int32.self)
        }
        var bytes = message
        return bytes.withUnsafeMutableBytes { buffer in
            var part = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
            return withUnsafeMutablePointer(to: &part) { part in
                var message = msghdr()
                message.msg_iov = part
                message.msg_iovlen = 1
                message.msg_control = control.baseAddress
                message.msg_controllen = headerLength + dataLength
                return sendmsg(socket, &message, 0)
            }
        }
    }

    // MARK: Descriptors

    @Test func `a descriptor is closed with its owner`() {
        let file = MarkedFile()
        #expect(file.openCount == 1)
        do {
            let owned = OwnedDescriptor(adopting: dup(file.descriptor))
            #expect(file.openCount == 2)
            _ = owned
        }
        #expect(file.openCount == 1)
    }

    // MARK: Packet sockets

    /// What a test wants to know of a message; the message itself cannot be copied, which `#expect` would.
    private static func receive(_ socket: borrowing PacketSocket, waits: Bool = false) throws(SystemError) -> [UInt8]? {
        guard let message = try socket.receive(maximum: 16, waits: waits) else { return nil }
        return message.bytes
    }

    /// The errno that a call ends with, 0 for none.
    private static func code(_ body: () throws(SystemError) -> Void) -> Int32 {
        do throws(SystemError) {
            try body()
            return 0
        } catch {
            return error.code
        }
    }

    private static func codeOfMapping(_ descriptor: consuming OwnedDescriptor) -> Int32 {
        do throws(SystemError) {
            _ = try SealedMemory(descriptor)
            return 0
        } catch {
            return error.code
        }
    }

    @Test func `one descriptor travels with a message`() throws {
        let ends = try Self.connectedPair()
        let sender = PacketSocket(adopting: OwnedDescriptor(adopting: ends[0]))
        let receiver = PacketSocket(adopting: OwnedDescriptor(adopting: ends[1]))
        let file = MarkedFile()
        try sender.send([1, 2, 3], passing: file.descriptor)
        do {
            guard var message = try receiver.receive(maximum: 16, waits: false), let passed = message.descriptor.take()
            else {
                Issue.record("no message, or no descriptor with it")
                return
            }
            let bytes = message.bytes
            #expect(bytes == [1, 2, 3])
            #expect(file.openCount == 2)
            let flags = fcntl(passed.number, F_GETFD)
            #expect(flags & FD_CLOEXEC != 0)
        }
        #expect(file.openCount == 1)
    }

    @Test func `a message without a descriptor has none`() throws {
        let ends = try Self.connectedPair()
        let sender = PacketSocket(adopting: OwnedDescriptor(adopting: ends[0]))
        let receiver = PacketSocket(adopting: OwnedDescriptor(adopting: ends[1]))
        try sender.send([9])
        guard let message = try receiver.receive(maximum: 16, waits: true) else {
            Issue.record("no message")
            return
        }
        let bytes = message.bytes
        let hasDescriptor = message.descriptor != nil
        #expect(bytes == [9] && !hasDescriptor)
    }

    @Test(arguments: [2, 3, 8, 9, 64, 253])
    func `more than one descriptor is refused, and all are closed`(count: Int) throws {
        let ends = try Self.connectedPair()
        let sender = PacketSocket(adopting: OwnedDescriptor(adopting: ends[0]))
        let receiver = PacketSocket(adopting: OwnedDescriptor(adopting: ends[1]))
        let file = MarkedFile()
        #expect(Self.send([1], descriptors: Array(repeating: file.descriptor, count: count), on: sender.number) == 1)
        #expect(Self.code { () throws(SystemError) in _ = try Self.receive(receiver) } == EMSGSIZE)
        #expect(file.openCount == 1)
        // The connection itself is none the worse.
        try sender.send([7], passing: file.descriptor)
        let next = try Self.receive(receiver)
        #expect(next == [7])
        #expect(file.openCount == 1)
    }

    @Test func `a message that is too long is refused, and its descriptor closed`() throws {
        let ends = try Self.connectedPair()
        let sender = PacketSocket(adopting: OwnedDescriptor(adopting: ends[0]))
        let receiver = PacketSocket(adopting: OwnedDescriptor(adopting: ends[1]))
        let file = MarkedFile()
        try sender.send([UInt8](repeating: 1, count: 17), passing: file.descriptor)
        #expect(Self.code { () throws(SystemError) in _ = try Self.receive(receiver) } == EMSGSIZE)
        #expect(file.openCount == 1)
    }

    @Test func `nothing there is EAGAIN, a closed peer is nil`() throws {
        let ends = try Self.connectedPair()
        var sender: PacketSocket? = PacketSocket(adopting: OwnedDescriptor(adopting: ends[0]))
        let receiver = PacketSocket(adopting: OwnedDescriptor(adopting: ends[1]))
        #expect(Self.code { () throws(SystemError) in _ = try Self.receive(receiver) } == EAGAIN)
        sender = nil
        let message = try Self.receive(receiver, waits: true)
        #expect(message == nil)
        #expect(Self.code { () throws(SystemError) in try receiver.send([1]) } == EPIPE)
        _ = consume sender
    }

    @Test func `a listener's connections are told of, and a second listener is refused`() throws {
        let path = NSTemporaryDirectory() + "imageproxy-test-\(getpid()).sock"
        defer { unlink(path) }
        let listener = try PacketSocket.listen(path: path, backlog: 8)
        #expect(Self.code { () throws(SystemError) in _ = try listener.accept() } == EAGAIN)
        #expect(
            Self.code { () throws(SystemError) in _ = try PacketSocket.listen(path: path, backlog: 8) } == EADDRINUSE)
        // The attempt has looked whether anybody listens.
        _ = try listener.accept()
        let lifeline = try Platform.Pipe()
        let watch = try ConnectionWatch(listener, lifelines: [lifeline.readEnd.number])
        let front = try PacketSocket.connect(path: path)
        guard case .connection = watch.wait() else {
            Issue.record("no connection was told of")
            return
        }
        let keeper = try listener.accept()
        try keeper.send([5])
        let greeting = try Self.receive(front)
        #expect(greeting == [5])
        front.shutDown()
        let farewell = try Self.receive(keeper, waits: true)
        #expect(farewell == nil)
    }

    @Test func `a socket that was left behind is replaced, and nothing else is`() throws {
        let path = NSTemporaryDirectory() + "imageproxy-test-\(getpid())-3.sock"
        defer { unlink(path) }
        do { _ = try PacketSocket.listen(path: path, backlog: 8) }
        #expect(access(path, F_OK) == 0)
        let listener = try PacketSocket.listen(path: path, backlog: 8)
        let front = try PacketSocket.connect(path: path)
        _ = try listener.accept()
        front.shutDown()

        let file = MarkedFile()
        #expect(
            Self.code { () throws(SystemError) in _ = try PacketSocket.listen(path: file.path, backlog: 8) }
                == EADDRINUSE)
        #expect(access(file.path, F_OK) == 0)
        for directory in ["/", "/tmp"] {
            #expect(
                Self.code { () throws(SystemError) in _ = try PacketSocket.listen(path: directory, backlog: 8) } != 0)
        }
    }

    @Test func `whoever holds a lifeline is missed`() throws {
        let path = NSTemporaryDirectory() + "imageproxy-test-\(getpid())-2.sock"
        defer { unlink(path) }
        let listener = try PacketSocket.listen(path: path, backlog: 8)
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        let lifeline = OwnedDescriptor(adopting: ends[0])
        let watch = try ConnectionWatch(listener, lifelines: [lifeline.number])
        close(ends[1])
        guard case .lifelineEnded = watch.wait() else {
            Issue.record("the end of a lifeline was not told")
            return
        }
    }

    @Test func `a path that is too long for a socket is refused`() {
        let path = "/tmp/" + String(repeating: "x", count: 200)
        #expect(
            Self.code { () throws(SystemError) in _ = try PacketSocket.listen(path: path, backlog: 1) } == ENAMETOOLONG)
        #expect(Self.code { () throws(SystemError) in _ = try PacketSocket.connect(path: "/nonexistent/x") } == ENOENT)
    }

    // MARK: Sealed memory

    private static func sealed(_ bytes: [UInt8]) throws -> OwnedDescriptor {
        var file = try MemoryFile()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { buffer.deallocate() }
        buffer.copyBytes(from: bytes)
        try file.append(UnsafeRawBufferPointer(buffer))
        return try file.seal()
    }

    @Test func `sealed memory holds what was written, and nobody can change it`() throws {
        // Other tests have memory of their own meanwhile.
        var file = stat()
        do {
            let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
            let descriptor = try Self.sealed(bytes)
            let number = descriptor.number
            #expect(fstat(number, &file) == 0)
            let size = try sealedSize(of: descriptor)
            #expect(size == bytes.count)
            #expect(ftruncate(number, 1) == -1)
            #expect(ftruncate(number, 200_000) == -1)
            #expect(write(number, "x", 1) == -1)
            #expect(mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, number, 0) == MAP_FAILED)

            var copy = [UInt8](repeating: 0, count: bytes.count)
            let isWhole = try copy.withUnsafeMutableBytes { try readAll(descriptor, into: $0) }
            #expect(isWhole && copy == bytes)
            var longer = [UInt8](repeating: 0, count: bytes.count + 1)
            let isLonger = try longer.withUnsafeMutableBytes { try readAll(descriptor, into: $0) }
            #expect(!isLonger)

            let memory = try SealedMemory(descriptor)
            #expect(memory.bytes.elementsEqual(bytes))
            #expect(Self.openCount(of: file) == 1)
        }
        #expect(Self.openCount(of: file) == 0)
    }

    /// libc's, which Swift's Glibc module leaves out.
    private static func memfd(_ name: String, allowSealing: Bool) throws -> Int32 {
        typealias Create = @convention(c) (UnsafePointer<CChar>, UInt32) -> Int32
        let symbol = try #require(dlsym(nil, "memfd_create"))
        return unsafeBitCast(symbol, to: Create.self)(name, allowSealing ? 3 : 1)
    }

    private static let sealSeal: Int32 = 1
    private static let sealShrink: Int32 = 2
    private static let sealGrow: Int32 = 4
    private static let sealWrite: Int32 = 8
    private static let addSeals: Int32 = 1033

    @Test(arguments: [
        [], [sealShrink, sealGrow, sealWrite], [sealSeal, sealGrow, sealWrite], [sealSeal, sealShrink, sealWrite],
        [sealSeal, sealShrink, sealGrow],
    ])
    func `memory that lacks one seal is refused`(seals: [Int32]) throws {
        func openMemories() -> Int { Self.openDescriptors { $0.contains("memfd:imageproxy-unsealed") } }
        let before = openMemories()
        do {
            let number = try Self.memfd("imageproxy-unsealed", allowSealing: true)
            try #require(write(number, "bytes", 5) == 5)
            try #require(fcntl(number, Self.addSeals, seals.reduce(0, |)) == 0)
            let descriptor = OwnedDescriptor(adopting: number)
            let size = try sealedSize(of: descriptor)
            #expect(size == nil)
            #expect(Self.codeOfMapping(descriptor) == EINVAL)
        }
        #expect(openMemories() == before)
    }

    @Test func `what is no memory is refused`() throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        let others = [
            open("/dev/zero", O_RDONLY), open("/", O_RDONLY | O_DIRECTORY), open("/proc/self/exe", O_RDONLY), ends[0],
            socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0), try Self.memfd("imageproxy-x", allowSealing: false),
        ]
        close(ends[1])
        for number in others {
            try #require(number >= 0)
            let descriptor = OwnedDescriptor(adopting: number)
            let size = try sealedSize(of: descriptor)
            #expect(size == nil)
            #expect(Self.codeOfMapping(descriptor) == EINVAL)
        }
        // Sealed, but with nothing in it.
        let empty = try Self.sealed([])
        let size = try sealedSize(of: empty)
        #expect(size == 0)
        #expect(Self.codeOfMapping(empty) == EINVAL)
    }

    // MARK: Processes

    @Test func `a child has the descriptors and the environment it was given, and no other`() throws {
        let file = MarkedFile()
        let output = try Platform.Pipe()
        let child = try ChildProcess.start(
            "/bin/sh", arguments: ["-c", "ls /proc/$$/fd >&4; env >&4; exit 7"], environment: ["ONLY=this"],
            descriptors: [file.descriptor, output.writeEnd.number])
        let reaped = child.reap(waits: true)
        let end = try #require(reaped)
        #expect(end.exitCode == 7 && end.signal == 0 && end.endingSignal == 0 && end.peakMemoryKB > 0)
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(output.readEnd.number, &buffer, buffer.count)
        let lines = String(decoding: buffer[..<max(0, count)], as: UTF8.self).split(separator: "\n").map(String.init)
        let numbers = lines.compactMap { Int($0) }.sorted()
        // The shell keeps a copy of what it redirects at 10 and above.
        #expect(numbers.filter { $0 < 10 } == [0, 1, 2, 3, 4])
        let variables = lines.filter {
            $0.contains("=") && !$0.hasPrefix("PWD=") && !$0.hasPrefix("_=") && !$0.hasPrefix("SHLVL=")
        }
        #expect(variables == ["ONLY=this"])
        let second = child.reap(waits: true)
        #expect(second == nil)
    }

    @Test func `a signal's end is told from an exit`() throws {
        let child = try ChildProcess.start("/bin/sleep", arguments: ["60"], environment: [], descriptors: [])
        let early = child.reap(waits: false)
        #expect(early == nil)
        child.send(SIGKILL)
        let reaped = child.reap(waits: true)
        let end = try #require(reaped)
        #expect(end.signal == SIGKILL && end.exitCode == 0 && end.endingSignal == SIGKILL)
        // Told on by a process in between.
        let shell = try ChildProcess.start("/bin/sh", arguments: ["-c", "exit 137"], environment: [], descriptors: [])
        let told = shell.reap(waits: true)
        #expect(told?.signal == 0 && told?.endingSignal == SIGKILL)
    }

    @Test func `a program that cannot run is an error, not a child`() {
        for (program, code) in [("/nonexistent", ENOENT), ("/etc/passwd", EACCES)] {
            let failure = Self.code { () throws(SystemError) in
                _ = try ChildProcess.start(program, arguments: [], environment: [], descriptors: [])
            }
            #expect(failure == code)
        }
    }

    @Test func `random numbers differ, and time goes forward`() {
        let bits = (0..<50).map { _ in CurrentProcess.randomBits() }
        #expect(Set(bits.map(\.high) + bits.map(\.low)).count == 100)
        let start = CurrentProcess.monotonicNanoseconds
        usleep(2000)
        #expect(CurrentProcess.monotonicNanoseconds - start >= 2_000_000)
        #expect(CurrentProcess.peakMemoryKB > 1000)
    }
}
