// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import Glibc

/// A system call that failed.
public struct SystemError: Error, Equatable, CustomStringConvertible, Sendable {
    /// A positive errno.
    public let code: Int32
    public let action: String

    public init(_ code: Int32, _ action: String) {
        self.code = code
        self.action = action
    }

    public var description: String { "\(self.action): \(String(cString: strerror(self.code)))" }
}

/// One file descriptor, closed when its owner is gone.
public struct OwnedDescriptor: ~Copyable, Sendable {
    public let number: Int32

    /// Takes over a descriptor that nobody else closes.
    public init(adopting number: Int32) {
        self.number = number
    }

    /// Takes over the result of a call, or throws the negative errno that it is.
    init(checking result: Int32, _ action: String) throws(SystemError) {
        guard result >= 0 else { throw SystemError(-result, action) }
        self.number = result
    }

    /// A file as a place, neither read nor written. It can be reached as `/proc/self/fd/…` after its path is gone.
    public static func place(of path: String) throws(SystemError) -> OwnedDescriptor {
        try OwnedDescriptor(checking: cp_open_place(path), "cannot open \(path)")
    }

    deinit { Glibc.close(self.number) }
}
