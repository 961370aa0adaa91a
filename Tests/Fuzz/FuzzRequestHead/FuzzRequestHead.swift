// SPDX-License-Identifier: Apache-2.0

import FrontendCore

/// Any bytes: the parser answers, never beyond what it was given, and the same when they come in two parts.
@c(LLVMFuzzerTestOneInput)
public func fuzzRequestHead(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: data, count: count)
    switch outcome(input) {
    case .head(let head, let consumed):
        precondition(consumed > 0 && consumed <= count)
        // A head that was taken is taken again without what follows, and not without its last byte.
        guard case .head(let again, consumed) = outcome(UnsafeRawBufferPointer(rebasing: input.prefix(consumed))),
            again.target == head.target, again.method == head.method, again.keepsAlive == head.keepsAlive
        else { preconditionFailure("what follows a head has changed it") }
        guard case .needsMore = outcome(UnsafeRawBufferPointer(rebasing: input.prefix(consumed - 1))) else {
            preconditionFailure("a head was decided before its end")
        }
        precondition(!head.method.isEmpty && (head.target.utf8.first == UInt8(ascii: "/") || head.target == "*"))
        for name: StaticString in ["Host", "Accept", "If-None-Match"] { _ = head.header(name) }
    case .needsMore:
        // More bytes can only be wanted within the limits.
        precondition(count < RequestHeadParser.Limits().head)
    case .refused:
        break
    }
    return 0
}

private enum Outcome {
    case head(RequestHead, consumed: Int)
    case needsMore
    case refused
}

private func outcome(_ input: UnsafeRawBufferPointer) -> Outcome {
    do {
        guard let (head, consumed) = try RequestHeadParser.parse(input) else { return .needsMore }
        return .head(head, consumed: consumed)
    } catch {
        precondition([400, 414, 431, 505].contains(error.status))
        return .refused
    }
}
