// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc

/// Runs the shared loop on a thread of its own, started by whichever test needs it first.
enum LoopThread {
    static func start() { _ = Self.started }

    private static let started: Void = {
        let ready = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
        sem_init(ready, 0, 0)
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { ready in
                Loop.shared.bind()
                sem_post(ready!.assumingMemoryBound(to: sem_t.self))
                Loop.shared.run()
                return nil
            }, ready)
        sem_wait(ready)
    }()
}

/// Runs a test's body on the loop.
func onLoop<Value: Sendable>(_ body: @escaping @LoopActor () async throws -> Value) async throws -> Value {
    LoopThread.start()
    return try await spawn(body).value
}
