// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import Glibc

/// A process that this one started.
public struct ChildProcess: ~Copyable, Sendable {
    public let pid: Int32
    /// Readable when the process has ended.
    private let descriptor: OwnedDescriptor

    public var descriptorNumber: Int32 { self.descriptor.number }

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - environment: all of it; nothing is inherited.
    ///   - descriptors: become 3, 4, … in the new process; nothing else but the standard three stays open.
    /// - Throws: also when the program itself cannot be executed.
    public static func start(
        _ program: String, arguments: [String], environment: [String], descriptors: [Int32]
    ) throws(SystemError) -> ChildProcess {
        var pidfd: Int32 = -1
        let pid = withCStrings([program] + arguments) { argv in
            withCStrings(environment) { envp in
                cp_spawn(program, argv, envp, descriptors, Int32(descriptors.count), &pidfd)
            }
        }
        guard pid > 0 else { throw SystemError(-pid, "cannot start \(program)") }
        return ChildProcess(pid: pid, descriptor: OwnedDescriptor(adopting: pidfd))
    }

    /// Takes over a child that was forked.
    public init(forked pid: Int32) throws(SystemError) {
        self.pid = pid
        self.descriptor = try OwnedDescriptor(checking: cp_pidfd_open(pid), "cannot watch a child")
    }

    private init(pid: Int32, descriptor: consuming OwnedDescriptor) {
        self.pid = pid
        self.descriptor = descriptor
    }

    /// By pidfd, so never to another process that got the same number.
    public func send(_ signal: Int32) {
        cp_pidfd_signal(self.descriptor.number, signal)
    }

    /// Whether somebody has stopped it, as by SIGSTOP, and nobody has let it go on.
    public var isStopped: Bool { cp_is_stopped(self.descriptor.number) != 0 }

    /// Waits until it has ended, or until the peer of `connection` has hung up; whichever there is.
    ///
    /// - Parameters:
    ///   - connection: nil = only the process is looked at.
    ///   - limit: milliseconds; nil = for ever.
    public func wait(orHangUpOf connection: Int32?, atMost limit: Int32?) -> (hasEnded: Bool, hasHungUp: Bool) {
        let events = cp_wait_for_end(self.descriptor.number, connection ?? -1, limit ?? -1)
        return (events & 1 != 0, events & 2 != 0)
    }

    public struct End: Sendable, Equatable {
        /// The signal that ended it, or 0.
        public var signal: Int32
        public var exitCode: Int32

        /// The signal that ended it, or that ended its own child in the way that shells tell it: 128 and the signal.
        public var endingSignal: Int32 {
            self.signal == 0 && (129...192).contains(self.exitCode) ? self.exitCode - 128 : self.signal
        }

        /// Microseconds.
        public var cpuTime: UInt64
        public var peakMemoryKB: UInt32
    }

    /// Collects what is left of the process.
    ///
    /// - Returns: nil while it runs and `waits` is false, or when somebody else has collected it.
    public func reap(waits: Bool) -> End? {
        var end = End(signal: 0, exitCode: 0, cpuTime: 0, peakMemoryKB: 0)
        let status = cp_wait(self.pid, waits ? 1 : 0, &end.exitCode, &end.signal, &end.cpuTime, &end.peakMemoryKB)
        return status == 0 ? end : nil
    }
}

/// Lends strings as C's null-terminated array of strings.
private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
}
