// SPDX-License-Identifier: Apache-2.0

internal import CHiredis

/// Makes our replies of what hiredis' reader finds, in place of hiredis' own functions for that.
///
/// A value is copied once, from the reader's buffer to where the cache keeps it, and a server cannot make us allocate
/// more than it sends: hiredis would take its word for an array of two billion elements.
///
/// Used on the loop's thread, inside the reader's calls.
final class RedisReplyBuilder {
    /// A reply in the making. An array owns its elements; whoever asked the reader owns the root.
    final class Node {
        fileprivate enum Content {
            case whole(RedisReply)
            case array([Node?])
        }

        fileprivate var content: Content

        fileprivate init(_ content: Content) {
            self.content = content
        }

        /// The reader bounds the depth (7).
        fileprivate var reply: RedisReply {
            switch self.content {
            case .whole(let reply): reply
            case .array(let nodes): .array(nodes.map { $0?.reply ?? .null })
            }
        }
    }

    /// Elements that one reply may have, nested ones included: the slots of a cluster in 16,384 pieces fit.
    private static let maximumElements = 1 << 18
    /// An error or a status is a line; ours need no more of it.
    private static let longestLine = 512

    /// Bytes that one reply may have, all its strings together.
    private let maximumBytes: Int
    private var elements = 0
    private var bytes = 0

    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// Counts what a reply is about to take.
    ///
    /// - Returns: false when it is too much. The reader calls that "out of memory", and it ends the connection as any
    ///   other nonsense does.
    private static func allows(elements: Int = 0, bytes: Int = 0, _ task: UnsafePointer<redisReadTask>) -> Bool {
        guard let data = task.pointee.privdata else { return false }
        let builder = Unmanaged<RedisReplyBuilder>.fromOpaque(data).takeUnretainedValue()
        if task.pointee.parent == nil { (builder.elements, builder.bytes) = (0, 0) }
        builder.elements += elements
        builder.bytes += bytes
        return builder.elements <= Self.maximumElements && builder.bytes <= builder.maximumBytes
    }

    /// Takes the reply that `redisGetReplyFromReader` has handed out.
    static func take(_ root: UnsafeMutableRawPointer) -> RedisReply {
        Unmanaged<Node>.fromOpaque(root).takeRetainedValue().reply
    }

    /// For `redisReader.fn`. It lives as long as the process: readers keep its address.
    ///
    /// Written here and never again.
    nonisolated(unsafe) static let functions: UnsafeMutablePointer<redisReplyObjectFunctions> = {
        let functions = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
        functions.initialize(
            to: redisReplyObjectFunctions(
                createString: { task, bytes, count in
                    guard let task, let bytes, RedisReplyBuilder.allows(bytes: count, task) else { return nil }
                    let text = UnsafeRawBufferPointer(start: bytes, count: count)
                    let reply: RedisReply
                    switch task.pointee.type {
                    case REDIS_REPLY_ERROR: reply = .error(RedisServerError(message: RedisReplyBuilder.line(text)))
                    case REDIS_REPLY_STATUS: reply = .status(RedisReplyBuilder.line(text))
                    default: reply = .bytes(Blob(count: count) { $0.copyMemory(from: text) })
                    }
                    return RedisReplyBuilder.add(Node(.whole(reply)), task)
                },
                createArray: { task, count in
                    guard let task, count >= 0, RedisReplyBuilder.allows(elements: Int(count), task) else { return nil }
                    return RedisReplyBuilder.add(Node(.array(Array(repeating: nil, count: Int(count)))), task)
                },
                createInteger: { task, value in
                    task.flatMap { RedisReplyBuilder.add(Node(.whole(.integer(value))), $0) }
                },
                createNil: { task in
                    task.flatMap { RedisReplyBuilder.add(Node(.whole(.null)), $0) }
                },
                // Only ever called for a root: of a reply that was cut off in the middle.
                freeObject: { root in
                    if let root { Unmanaged<Node>.fromOpaque(root).release() }
                }))
        return functions
    }()

    /// Puts a node where the reader is: into the array around it, or at the root.
    private static func add(_ node: Node, _ task: UnsafePointer<redisReadTask>) -> UnsafeMutableRawPointer? {
        guard let parent = task.pointee.parent else { return Unmanaged.passRetained(node).toOpaque() }
        guard let object = parent.pointee.obj else { return nil }
        let array = Unmanaged<Node>.fromOpaque(object).takeUnretainedValue()
        let index = Int(task.pointee.idx)
        guard case .array(var nodes) = array.content, nodes.indices.contains(index) else { return nil }
        array.content = .whole(.null)  // so that `nodes` is not copied
        nodes[index] = node
        array.content = .array(nodes)
        return Unmanaged.passUnretained(node).toOpaque()
    }

    private static func line(_ text: UnsafeRawBufferPointer) -> String {
        String(decoding: text.prefix(Self.longestLine), as: UTF8.self)
    }
}
