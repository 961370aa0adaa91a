// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import Testing

@testable import FrontendCore

struct ConnectionSocketsTests {
    /// libcurl closes a socket on which no connection was made, and says so when its number may be another's already.
    @Test func `what was a socket's number can be watched by whoever has it next`() async throws {
        try await onLoop {
            let sockets = ConnectionSockets()
            let socket = sockets.open(family: AF_INET, type: Int32(SOCK_STREAM.rawValue), protocol: 0)
            sockets.watch(socket, .writable) { _ in Issue.record("told of another's descriptor") }
            var ends: [Int32] = [-1, -1]
            try #require(pipe(&ends) == 0)
            // Closes the socket, and gives its number to the pipe.
            try #require(dup2(ends[0], socket) == socket)
            sockets.unwatch(socket)

            let poller = try Poller(socket)
            LoopTimer(after: .milliseconds(5)) { _ = write(ends[1], "x", 1) }
            #expect(await poller.wait(for: .readable, atMost: .seconds(10)) == .readable)
            sockets.close()
            #expect(await poller.wait(for: .readable, atMost: .seconds(10)) == .readable)
            poller.close()
            for descriptor in ends + [socket] { close(descriptor) }
        }
    }
}
