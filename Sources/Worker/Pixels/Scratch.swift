// SPDX-License-Identifier: Apache-2.0

internal import Glibc
public import ImageJob

/// Working memory, zero at first; an array would trap where there is none left.
public struct Scratch<Element: BitwiseCopyable>: ~Copyable {
    public let start: UnsafeMutablePointer<Element>

    public init(count: Int) throws(JobFailure) {
        guard let memory = calloc(max(1, count), MemoryLayout<Element>.stride) else { throw .outOfMemory }
        self.start = memory.bindMemory(to: Element.self, capacity: max(1, count))
    }

    deinit { free(self.start) }
}
