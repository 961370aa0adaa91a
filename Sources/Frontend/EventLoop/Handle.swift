// SPDX-License-Identifier: Apache-2.0

internal import CLibuv

/// Memory of one libuv handle, and the object that its callbacks talk to.
///
/// libuv reads a handle's memory until its close callback has run. So the handle keeps its owner alive from `attach`
/// until then, and the callback frees the memory and lets the owner go: an owner that was closed cannot be called any
/// more, and one that was not cannot go away.
@LoopActor
struct Handle<Kind> {
    let pointer: UnsafeMutablePointer<Kind>

    init() {
        self.pointer = .allocate(capacity: 1)
    }

    var base: UnsafeMutablePointer<uv_handle_t> {
        UnsafeMutableRawPointer(self.pointer).assumingMemoryBound(to: uv_handle_t.self)
    }

    /// After libuv's init function has succeeded.
    func attach(_ owner: AnyObject) {
        self.base.pointee.data = Unmanaged.passRetained(owner).toOpaque()
    }

    /// After libuv's init function has failed: nothing to close.
    func deallocate() {
        self.pointer.deallocate()
    }

    /// Asks libuv to close; memory and owner are released when it has.
    func close() {
        guard uv_is_closing(self.base) == 0 else { return }
        uv_close(self.base) { handle in
            guard let handle else { return }
            if let owner = handle.pointee.data { Unmanaged<AnyObject>.fromOpaque(owner).release() }
            UnsafeMutableRawPointer(handle).deallocate()
        }
    }

    /// The owner, from inside a callback.
    nonisolated static func owner<Owner: AnyObject>(
        of handle: UnsafeMutablePointer<Kind>, as type: Owner.Type = Owner.self
    ) -> Owner {
        let base = UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)
        guard let data = base.pointee.data else {
            preconditionFailure("a callback of a handle that was never attached")
        }
        return Unmanaged<Owner>.fromOpaque(data).takeUnretainedValue()
    }
}

/// What libuv says went wrong.
public struct LoopError: Error, Equatable, CustomStringConvertible {
    /// A negative errno.
    public let code: Int32
    public let action: String

    init(_ code: Int32, _ action: String) {
        self.code = code
        self.action = action
    }

    public var description: String { "\(self.action): \(String(cString: uv_strerror(self.code)))" }
}
