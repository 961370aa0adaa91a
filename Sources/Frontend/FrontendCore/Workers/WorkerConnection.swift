// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Glibc
internal import ImageJob
internal import Platform
internal import WorkerProtocol

/// How a job ended on one connection.
enum JobEnd {
    case done(TransformedPicture)
    case failed(JobFailure)
    /// The child ended by a crash, or was still busy at its deadline: its bytes are to blame.
    case died(String)
    /// What came is not what an honest worker sends.
    case lied(String)
    /// It could not be read what came, for a reason on this side.
    case unread(String)
    /// The deadline came, and the child had not used its time: it was stopped, or others had the machine.
    case stalled(String)
    /// The child, its keeper or the connection went away, and the bytes are not to blame.
    case lost(String)
    /// Nobody waits for it any more.
    case unwanted
}

/// The front's end of one connection to a worker, which carries one job.
///
/// Everything that arrives here is hostile: what is not exactly right ends the connection, upon which the keeper kills
/// the child.
@LoopActor
final class WorkerConnection {
    private let socket: PacketSocket
    private let poller: Poller
    private var isClosed = false

    /// The keeper kills at the deadline, too, and knows better how it went: it gets this much longer.
    private static let grace = Duration.seconds(2)
    /// How often a running job is asked whether it is still wanted.
    private static let wantedInterval = Duration.milliseconds(100)

    /// - Throws: EAGAIN when all queues are full.
    init(path: String) throws(SystemError) {
        self.socket = try PacketSocket.connect(path: path)
        do throws(LoopError) {
            self.poller = try Poller(self.socket.number)
        } catch {
            throw SystemError(-error.code, error.action)
        }
    }

    func close() {
        guard !self.isClosed else { return }
        self.isClosed = true
        self.poller.close()
        // The descriptor is closed with this object; the keeper is to know at once.
        self.socket.shutDown()
    }

    /// What the other side has said first.
    enum Offer {
        case hello(Hello)
        /// It speaks another version of the protocol.
        case foreign(UInt8)
        /// Nothing, or nothing that makes sense.
        case none
    }

    /// Waits until a keeper has accepted, or the connection has ended.
    func offer() async -> Offer {
        guard case .frame(let frame, nil) = await self.receive(atMost: nil) else { return .none }
        do throws(ProtocolError) {
            return .hello(try Hello(decoding: frame.span))
        } catch .wrongVersion(let version) {
            return .foreign(version)
        } catch {
            return .none
        }
    }

    /// Has one job done.
    ///
    /// - Parameter isWanted: asked now and then; the child is killed when it says no.
    func perform(_ job: PictureJob, while isWanted: @escaping @LoopActor () -> Bool) async -> JobEnd {
        let random = CurrentProcess.randomBits()
        let nonce = JobNonce(high: random.high, low: random.low)
        let frame = Job(
            nonce: nonce, timeLimit: UInt32(clamping: job.timeLimit.roundedUpMilliseconds), limits: job.limits,
            scaleUp: job.scaleUp, options: job.options, policy: job.policy)
        do throws(SystemError) {
            let source = try job.source.sealed()
            try self.socket.send(frame.encoded(), passing: source.descriptorNumber)
        } catch {
            return .lost("\(error)")
        }

        let watchdog = LoopTimer(after: Self.wantedInterval, every: Self.wantedInterval) { [weak self] in
            if !isWanted() { self?.close() }
        }
        defer { watchdog.stop() }
        // One limit for the reply and for what follows it, so that a worker cannot win time by saying something.
        let deadline = ContinuousClock().now + job.timeLimit + Self.grace
        let first = await self.receive(atMost: ContinuousClock().now.duration(to: deadline))
        guard isWanted() else { return .unwanted }
        switch consume first {
        case .timedOut: return .stalled("did not end a child by its deadline")
        case .ended(let how): return .lost(how)
        case .frame(let bytes, let descriptor): return self.conclude(bytes, descriptor, nonce, job)
        }
    }

    private func conclude(
        _ bytes: [UInt8], _ descriptor: consuming OwnedDescriptor?, _ nonce: JobNonce, _ job: PictureJob
    ) -> JobEnd {
        if let report = bytes.withUnsafeBufferPointer({ try? Report(decoding: $0.span) }) {
            return Self.end(report, within: job.timeLimit)
        }
        guard let reply = bytes.withUnsafeBufferPointer({ try? Reply(decoding: $0.span) }), reply.nonce == nonce else {
            return .lied("sent nonsense")
        }
        switch reply.outcome {
        case .failure(let failure):
            return descriptor == nil ? .failed(failure) : .lied("sent a failure and a result")
        case .result: return Self.picture(in: descriptor, reply.cost, job)
        }
    }

    private static func picture(
        in descriptor: consuming OwnedDescriptor?, _ cost: Reply.Cost, _ job: PictureJob
    ) -> JobEnd {
        do {
            guard let descriptor, let count = try sealedSize(of: descriptor),
                (1...job.limits.maxResultBytes).contains(count)
            else { return .lied("sent a result that is no sealed memory of the right size") }
            // Copied rather than mapped: a mapping would stay charged to the worker, and is slower at these sizes.
            var isWhole = false
            let body = try Blob(count: count) { isWhole = try readAll(descriptor, into: $0) }
            guard isWhole, let checked = body.withSpan({ ResultCheck.read($0, for: job) }) else {
                return .lied("sent a result that is not what was asked for")
            }
            return .done(TransformedPicture(body: body, format: checked.format, size: checked.size, cost: cost))
        } catch {
            return .unread("\(error)")
        }
    }

    /// Whose fault the end of a child without a reply was.
    private static func end(_ report: Report, within limit: Duration) -> JobEnd {
        switch report.end {
        // A picture that takes for ever takes the processor: half of the time is left for a machine that is busy.
        case .killedAtDeadline where .microseconds(Int64(clamping: report.cpuTime)) * 2 >= limit:
            .died("was killed at its deadline")
        case .killedAtDeadline: .stalled("has killed a child at its deadline that had hardly run")
        case .signalled(let signal)
        where [SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGXCPU, SIGTRAP, SIGXFSZ]
            .contains(Int32(signal)):
            .died("was ended by signal \(signal)")
        case .signalled(let signal): .lost("killed from outside by signal \(signal)")
        case .exited(let code): .lost("child left without an answer, status \(code)")
        case .killedForFront: .lost("killed for a front that hung up")
        }
    }

    // MARK: Receiving

    private enum Received: ~Copyable {
        case frame([UInt8], OwnedDescriptor?)
        case ended(String)
        case timedOut
    }

    private func receive(atMost limit: Duration?) async -> Received {
        guard await self.poller.wait(for: .readable, atMost: limit) != nil else {
            return self.isClosed ? .ended("closed") : .timedOut
        }
        guard !self.isClosed else { return .ended("closed") }
        do throws(SystemError) {
            guard var message = try self.socket.receive(maximum: maximumFrameLength, waits: false) else {
                return .ended("the worker hung up")
            }
            return .frame(message.bytes, message.descriptor.take())
        } catch {
            return .ended("\(error)")
        }
    }
}
