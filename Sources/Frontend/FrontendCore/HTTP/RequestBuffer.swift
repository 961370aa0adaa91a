// SPDX-License-Identifier: Apache-2.0

/// What a client has sent and no request was made of yet: half a head, or the requests after the one being answered.
///
/// A head may come in any number of pieces. One that comes byte by byte is not read from its start at every byte: it can
/// only be complete where a line ends, so it is read again there, and when there is twice as much as the last time, which
/// finds what is wrong in a line that never ends.
struct RequestBuffer {
    private var bytes: [UInt8] = []
    /// Where the bytes begin that belong to no request yet.
    private var start = 0
    /// How many bytes there were when they were last read.
    private var tried = 0
    private var hasNewLine = false
    /// Bytes that the parser was given, all attempts together.
    private(set) var parsed = 0

    var count: Int { self.bytes.count - self.start }
    var isEmpty: Bool { self.count == 0 }

    mutating func append(_ arrived: UnsafeRawBufferPointer.SubSequence) {
        self.bytes += arrived
        self.hasNewLine = self.hasNewLine || arrived.contains(10)
    }

    mutating func removeAll() { self = RequestBuffer() }

    /// The next of the requests that have arrived; nil when more must arrive first.
    mutating func next(_ limits: RequestHeadParser.Limits) throws(RequestHeadParser.Failure) -> RequestHead? {
        self.parsed += self.count
        guard let (head, consumed) = try self.parse(limits) else {
            self.tried = self.count
            self.hasNewLine = false
            return nil
        }
        self.consume(consumed)
        return head
    }

    /// The same, with bytes that arrive now. If they are the first they are read where they are, and only what no
    /// request is made of is kept.
    mutating func next(
        adding arrived: UnsafeRawBufferPointer, _ limits: RequestHeadParser.Limits
    ) throws(RequestHeadParser.Failure) -> RequestHead? {
        guard self.isEmpty else {
            self.append(arrived[...])
            let isWorthIt = self.hasNewLine || self.count >= 2 * self.tried || self.count >= limits.head
            return isWorthIt ? try self.next(limits) : nil
        }
        self.parsed += arrived.count
        guard let (head, consumed) = try RequestHeadParser.parse(arrived, limits: limits) else {
            self.append(arrived[...])
            self.tried = self.count
            self.hasNewLine = false
            return nil
        }
        self.append(arrived.dropFirst(consumed))
        return head
    }

    private func parse(
        _ limits: RequestHeadParser.Limits
    ) throws(RequestHeadParser.Failure) -> (head: RequestHead, consumed: Int)? {
        let whole = self.bytes.span.bytes
        return try whole.withUnsafeBytes { (whole) throws(RequestHeadParser.Failure) in
            try RequestHeadParser.parse(UnsafeRawBufferPointer(rebasing: whole[self.start...]), limits: limits)
        }
    }

    private mutating func consume(_ count: Int) {
        self.start += count
        self.tried = 0
        if self.start == self.bytes.count {
            self.bytes = []
            self.start = 0
            self.hasNewLine = false
        } else if self.start > self.bytes.count / 2 {
            self.bytes.removeFirst(self.start)
            self.start = 0
        }
    }
}
