// SPDX-License-Identifier: Apache-2.0

internal import CLibuv

/// Runs something that blocks, or takes long, on libuv's thread pool.
@LoopActor
public func work<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    let box = WorkBox(body)
    await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
        box.continuation = continuation
        let request = UnsafeMutablePointer<uv_work_t>.allocate(capacity: 1)
        request.pointee.data = Unmanaged.passRetained(box as WorkItem).toOpaque()
        uv_queue_work(
            Loop.shared.handle, request, runItem,
            { request, _ in
                let item = Unmanaged<WorkItem>.fromOpaque(request!.pointee.data).takeRetainedValue()
                request!.deallocate()
                item.continuation?.resume()
            })
    }
    guard let value = box.value else { preconditionFailure("libuv has finished work that never ran") }
    return value
}

/// Runs on the pool's thread. A closure inside `work` would belong to the loop's actor, and be stopped for not being on
/// its thread.
private func runItem(_ request: UnsafeMutablePointer<uv_work_t>?) {
    Unmanaged<WorkItem>.fromOpaque(request!.pointee.data).takeUnretainedValue().run()
}

/// `@unchecked`: the pool's thread writes between queueing and the callback on the loop, nobody else does meanwhile.
private class WorkItem: @unchecked Sendable {
    var continuation: UnsafeContinuation<Void, Never>?
    func run() {}
}

private final class WorkBox<Value: Sendable>: WorkItem, @unchecked Sendable {
    private let body: @Sendable () -> Value
    private(set) var value: Value?

    init(_ body: @escaping @Sendable () -> Value) {
        self.body = body
    }

    override func run() { self.value = self.body() }
}
