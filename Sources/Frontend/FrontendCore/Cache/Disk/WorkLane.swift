// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// A part of the thread pool: however slow what runs here may be, the other threads are left to others.
@LoopActor
final class WorkLane {
    private let width: Int
    private let mostWaiting: Int
    private var running = 0
    private var waiting: [UnsafeContinuation<Void, Never>] = []

    init(width: Int, mostWaiting: Int) {
        self.width = width
        self.mostWaiting = mostWaiting
    }

    var isIdle: Bool { self.running == 0 && self.waiting.isEmpty }

    /// - Returns: nil when too much is waiting already.
    func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value? {
        if self.running >= self.width {
            guard self.waiting.count < self.mostWaiting else { return nil }
            await withUnsafeContinuation { self.waiting.append($0) }
        } else {
            self.running += 1
        }
        let value = await work(body)
        // Whoever waited longest takes over the place.
        if self.waiting.isEmpty { self.running -= 1 } else { self.waiting.removeFirst().resume() }
        return value
    }
}
