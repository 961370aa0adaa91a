// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// A place beyond this process's memory where stored messages are kept: disk, Redis, an object store.
///
/// It keeps bytes and knows nothing of what they mean. Every failure is a miss, or a store that did not happen: it is
/// logged by the place itself, once per change of state, and never delays an answer beyond the place's own time limit.
@LoopActor
protocol ByteStore: AnyObject, Sendable {
    /// For logs and metrics: `disk`, `redis`, `s3`, …
    nonisolated var name: String { get }

    /// Whether it is asked at all at present, and whether it is given anything.
    var availability: StoreAvailability { get }

    /// The message stored under a key, whole; nil for a miss and for every failure.
    func load(_ key: String) async -> Blob?

    /// The same for somebody who has to know whether there is nothing, and can wait for that.
    func ask(_ key: String) async -> ByteStoreAnswer

    /// Keeps a message: the bytes of `head`, then those of `body`.
    ///
    /// - Parameter lifetime: after which nobody will want it, revalidation included; nil = as long as there is room.
    /// - Returns: whether it is there now.
    @discardableResult
    func store(_ key: String, head: [UInt8], body: Blob, lifetime: Duration?) async -> Bool

    func remove(_ key: String) async

    /// Lets go of connections and handles, so that the loop can end.
    func close() async
}

/// What a place says when it is asked for a message.
enum ByteStoreAnswer {
    case message(Blob)
    case nothing
    /// It could not be asked.
    case unknown
}

extension ByteStore {
    func ask(_ key: String) async -> ByteStoreAnswer {
        if let message = await self.load(key) { return .message(message) }
        return self.availability.canRead ? .nothing : .unknown
    }
}
