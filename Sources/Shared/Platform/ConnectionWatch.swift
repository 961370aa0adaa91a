// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import Glibc

/// Waits for connections, together with other processes that accept from the same socket.
public struct ConnectionWatch: ~Copyable {
    public enum Event: Sendable {
        /// There is a connection; another process may be faster.
        case connection
        /// Somebody who must not be outlived is gone.
        case lifelineEnded
        /// A signal was handled, or the wait failed.
        case interrupted
        /// The time given to the wait has passed.
        case timePassed
    }

    private let descriptor: OwnedDescriptor

    /// - Parameter lifelines: pipes whose other end is held by others.
    public init(_ socket: borrowing PacketSocket, lifelines: [Int32]) throws(SystemError) {
        self.descriptor = try OwnedDescriptor(
            checking: cp_watch_create(socket.number, lifelines, Int32(lifelines.count)), "cannot wait for connections")
    }

    /// - Parameter limit: rounded down to milliseconds; nil = for ever.
    public func wait(atMost limit: Duration? = nil) -> Event {
        let milliseconds = limit.map { Int32(clamping: Int64($0 / .milliseconds(1))) } ?? -1
        return switch cp_watch_wait(self.descriptor.number, milliseconds) {
        case 1: .connection
        case 0: .lifelineEnded
        case 2: .timePassed
        default: .interrupted
        }
    }
}
