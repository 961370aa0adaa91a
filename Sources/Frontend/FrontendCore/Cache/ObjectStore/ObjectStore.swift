// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Keeps messages in an object store, under the names that the original program uses: the MD5 of the key.
///
/// A store that is down, slow, forbidden or lying costs misses, and a line in the log when that begins and when it is
/// over; for reading and for writing apart, since one may be allowed without the other.
@LoopActor
final class ObjectStore: ByteStore {
    nonisolated let name: String

    private let place: any ObjectPlace
    private let client: ObjectClient
    private let largestEntry: Int
    private let limits: Limits
    private let log: @LoopActor (String) -> Void
    private let clock = ContinuousClock()
    private var reading = ObjectHealth()
    private var writing = ObjectHealth()
    private var readers = 0
    private var isClosed = false

    struct Limits {
        /// How long an answer waits for one look. Two are made for a miss, one for the variant and one for its original.
        var read = Duration.milliseconds(500)
        /// For who has to know what is there, which no answer waits for.
        var ask = Duration.seconds(2)
        /// Nobody waits for these.
        var write = Duration.seconds(30)
        /// Answers that may wait at a time; the others are not held up.
        var readers = 64
    }

    init(
        _ place: any ObjectPlace, client: ObjectClient, largestEntry: Int, limits: Limits = Limits(),
        log: @escaping @LoopActor (String) -> Void = { Log.line($0) }
    ) {
        self.name = place.name
        self.place = place
        self.client = client
        self.largestEntry = largestEntry
        self.limits = limits
        self.log = log
    }

    var availability: StoreAvailability {
        StoreAvailability(canRead: self.reading.isWorking, canWrite: self.writing.isWorking)
    }

    func load(_ key: String) async -> Blob? {
        guard self.readers < self.limits.readers else { return nil }
        self.readers += 1
        defer { self.readers -= 1 }
        let answer = await self.perform(.read, key, atMost: self.limits.read)
        return answer?.status == 200 ? answer?.body : nil
    }

    func ask(_ key: String) async -> ByteStoreAnswer {
        await self.place.ready()
        guard let answer = await self.perform(.read, key, atMost: max(self.limits.ask, self.limits.read)) else {
            return .unknown
        }
        return answer.status == 200 ? .message(answer.body) : .nothing
    }

    func store(_ key: String, head: [UInt8], body: Blob, lifetime: Duration?) async -> Bool {
        guard head.count + body.count <= self.largestEntry else { return false }
        return await self.perform(.write([Blob(head), body]), key, atMost: self.limits.write) != nil
    }

    func remove(_ key: String) async {
        _ = await self.perform(.remove, key, atMost: self.limits.write)
    }

    func close() async {
        self.isClosed = true
        self.client.close()
    }

    // MARK: One request

    /// - Returns: nil when it could not be done.
    private func perform(_ action: ObjectAction, _ key: String, atMost limit: Duration) async -> ObjectAnswer? {
        let health = Self.health(for: action)
        guard !self.isClosed, let attempt = self[keyPath: health].attempt(at: self.clock.now) else { return nil }
        let object = self.place.prefix + DiskName(key: key).text
        do {
            var answer = try await self.exchange(action, object, atMost: limit)
            if let remedy = try self.place.remedy(for: answer, to: action) {
                let helped = try await self.client.send(remedy, mostBytes: Self.mostErrorBytes, atMost: limit)
                guard (200..<300).contains(helped.status) || helped.status == 409 else {
                    throw Self.failure(helped)
                }
                answer = try await self.exchange(action, object, atMost: limit)
            }
            if answer.status == 401 || answer.status == 403 { self.place.credentialsWereRefused() }
            guard Self.isDone(action, answer) else { throw Self.failure(answer) }
            if self[keyPath: health].succeeded() { self.say("can be \(action.word) again") }
            return answer
        } catch is CancellationError {
            // Whoever asked has gone, which says nothing about the place.
        } catch is CredentialsPending {
            // A miss.
        } catch {
            guard !self.isClosed, self[keyPath: health].failed(attempt, at: self.clock.now) else { return nil }
            self.say("cannot be \(action.word): \(error); it is tried again every few seconds")
        }
        return nil
    }

    private func exchange(_ action: ObjectAction, _ object: String, atMost limit: Duration) async throws -> ObjectAnswer
    {
        let request = try await self.place.request(for: action, object: object)
        let mostBytes = if case .read = action { self.largestEntry } else { Self.mostErrorBytes }
        return try await self.client.send(request, mostBytes: mostBytes, atMost: limit)
    }

    private static let mostErrorBytes = 64 << 10

    private static func health(for action: ObjectAction) -> ReferenceWritableKeyPath<ObjectStore, ObjectHealth> {
        if case .read = action { \.reading } else { \.writing }
    }

    private static func isDone(_ action: ObjectAction, _ answer: ObjectAnswer) -> Bool {
        if (200..<300).contains(answer.status) { return true }
        if case .write = action { return false }
        // What is not there is a miss, unless there is nowhere to look.
        return answer.status == 404 && answer.errorCode != "NoSuchBucket"
    }

    private static func failure(_ answer: ObjectAnswer) -> ObjectFailure {
        ObjectFailure("answers \(answer.status)" + (answer.errorCode.map { " (\($0))" } ?? ""))
    }

    private func say(_ what: String) {
        if self.place.logsErrors { self.log("cache \(self.place.title): \(what)") }
    }
}
