// SPDX-License-Identifier: Apache-2.0

import WorkerProtocol

/// Any bytes as each kind of frame: refused, or exactly what the frame that was read would be written as.
@c(LLVMFuzzerTestOneInput)
public func fuzzWorkerProtocol(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let frame = Array(UnsafeBufferPointer(start: data, count: count))
    let meanings = [
        (try? Hello(decoding: frame.span))?.encoded(), (try? Job(decoding: frame.span))?.encoded(),
        (try? Reply(decoding: frame.span))?.encoded(), (try? Report(decoding: frame.span))?.encoded(),
    ].compactMap(\.self)
    // No frame is of two kinds.
    precondition(meanings.count <= 1)
    for meaning in meanings { precondition(meaning == frame, "a frame means other bytes than it has") }
    return 0
}
