// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A pipe, neither end of which survives an exec.
public struct Pipe: ~Copyable, Sendable {
    public let readEnd: OwnedDescriptor
    public let writeEnd: OwnedDescriptor

    public init() throws(SystemError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SystemError(errno, "no pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        self.readEnd = OwnedDescriptor(adopting: ends[0])
        self.writeEnd = OwnedDescriptor(adopting: ends[1])
    }
}
