// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A port on 127.0.0.1 whose queue is full, so that the kernel answers no more connections.
final class FullListener {
    let port: UInt16
    private var descriptors: [Int32] = []

    init() {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let flags = Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        // One that listens, and more than its queue of one can hold.
        self.descriptors = (0..<4).map { _ in socket(AF_INET, Int32(SOCK_STREAM.rawValue) | flags, 0) }
        withUnsafeMutablePointer(to: &address) { [descriptors] pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptors[0], pointer, length)
                listen(descriptors[0], 0)
                getsockname(descriptors[0], pointer, &length)
                for descriptor in descriptors.dropFirst() { _ = connect(descriptor, pointer, length) }
            }
        }
        self.port = UInt16(bigEndian: address.sin_port)
    }

    deinit { for descriptor in self.descriptors { close(descriptor) } }
}
