// SPDX-License-Identifier: Apache-2.0

/// One command as it goes over the wire. A large argument stays where it is until it is sent.
struct RedisCommand: Sendable {
    /// Everything before the body, or the whole command.
    let start: [UInt8]
    let body: Blob?
    /// Everything after the body.
    let end: [UInt8]
    /// What decides which server of a cluster is asked; nil = any.
    let key: [UInt8]?

    /// Bytes on the wire.
    var count: Int { self.start.count + (self.body?.count ?? 0) + self.end.count }

    init(_ arguments: String..., key: String? = nil) {
        self.init(arguments, key: key)
    }

    init(_ arguments: [String], key: String? = nil) {
        self.start = Self.encoded(arguments)
        self.body = nil
        self.end = []
        self.key = key.map { Array($0.utf8) }
    }

    /// `SET key value`, the value being the bytes of `head` and then those of `body`.
    ///
    /// - Parameter lifetime: nil = for ever.
    init(set key: String, head: [UInt8], body: Blob, lifetime: Duration?) {
        let expiry = lifetime.map { ["PX", "\(Self.milliseconds($0))"] } ?? []
        var start = Array("*\(3 + expiry.count)\r\n$3\r\nSET\r\n$\(key.utf8.count)\r\n".utf8)
        start.append(contentsOf: key.utf8)
        start.append(contentsOf: "\r\n$\(head.count + body.count)\r\n".utf8)
        start.append(contentsOf: head)
        self.start = start
        self.body = body
        var end = Array("\r\n".utf8)
        for argument in expiry { Self.append(argument, to: &end) }
        self.end = end
        self.key = Array(key.utf8)
    }

    /// Whole milliseconds, at least one and at most a hundred years: Redis refuses what overflows its clock.
    static func milliseconds(_ duration: Duration) -> Int {
        min(max(1, duration.roundedUpMilliseconds), 100 * 366 * 86_400_000)
    }

    private static func encoded(_ arguments: [String]) -> [UInt8] {
        var bytes = Array("*\(arguments.count)\r\n".utf8)
        for argument in arguments { Self.append(argument, to: &bytes) }
        return bytes
    }

    private static func append(_ argument: String, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: "$\(argument.utf8.count)\r\n".utf8)
        bytes.append(contentsOf: argument.utf8)
        bytes.append(contentsOf: "\r\n".utf8)
    }
}
