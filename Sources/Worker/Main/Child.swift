// SPDX-License-Identifier: Apache-2.0

internal import Codecs
internal import Glibc
internal import ImageJob
internal import JobRunner
internal import Platform
internal import Sandbox
internal import WorkerProtocol

/// One picture, and then gone. Holds its connection and its job's bytes, and nothing else.
enum Child {
    /// The descriptor that the connection is moved to; everything above it is closed.
    private static let connectionNumber: Int32 = 3
    /// The exit status of a child whose front speaks another version of the protocol. A child has nowhere to say so.
    static let foreignStatus: UInt8 = 4

    static func run(
        connection: Int32, null: Int32, _ arguments: borrowing WorkerArguments, _ sandbox: borrowing Sandbox
    ) -> Never {
        Fork.dieWithParent()
        JobRunner.beginFork()
        for standard: Int32 in 0...2 { dup2(null, standard) }
        if connection != Self.connectionNumber { dup2(connection, Self.connectionNumber) }
        CurrentProcess.closeDescriptors(from: Self.connectionNumber + 1)
        // A generous second more than the keeper allows: this bounds a child whose keeper is stopped.
        let isRestricted = sandbox.restrictChild(
            memory: arguments.memory, cpuSeconds: arguments.jobTimeout / 1000 + 2,
            resultBytes: UInt64(PixelLimits.standard.maxResultBytes))
        guard isRestricted else { Fork.exit(3) }

        Fork.exit(Self.serve(PacketSocket(adopting: OwnedDescriptor(adopting: Self.connectionNumber))))
    }

    /// Does in the keeper what every child does, with a picture of the keeper's own, so that children find made what is
    /// made at its first use: the metadata of generic types is the most of it.
    static func rehearse() {
        guard let picture = JobRunner.sampleFile() else { return }
        let job = Job(
            nonce: JobNonce(high: 0, low: 0), timeLimit: 1000, limits: .standard, scaleUp: false,
            options: TransformOptions(parsing: "100x,q80"), policy: ResultPolicy())
        var ends: [Int32] = [-1, -1]
        // Where that is not allowed, every child does it.
        guard let source = Self.sealed(picture.bytes),
            socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0
        else { return }
        let front = PacketSocket(adopting: OwnedDescriptor(adopting: ends[0]))
        let child = PacketSocket(adopting: OwnedDescriptor(adopting: ends[1]))
        guard (try? front.send(job.encoded(), passing: source.number)) != nil else { return }
        _ = Self.serve(child)
    }

    /// - Returns: the status to exit with.
    private static func serve(_ socket: consuming PacketSocket) -> Int32 {
        // No message: the front has hung up. A message that is no job: it is not a front, and gets no answer.
        guard var message = try? socket.receive(maximum: maximumFrameLength, waits: true) else { return 2 }
        let job: Job
        do throws(ProtocolError) {
            job = try message.bytes.withUnsafeBufferPointer { bytes throws(ProtocolError) in
                try Job(decoding: bytes.span)
            }
        } catch {
            if case .wrongVersion = error { return Int32(Self.foreignStatus) }
            return 2
        }
        guard let descriptor = message.descriptor.take(), let source = try? SealedMemory(descriptor) else { return 2 }
        Self.perform(job, source, socket)
        return 0
    }

    private static func perform(_ job: Job, _ source: SealedMemory, _ socket: borrowing PacketSocket) {
        let deadline = job.timeLimit == 0 ? 0 : CurrentProcess.monotonicNanoseconds + UInt64(job.timeLimit) * 1_000_000
        let request = JobRequest(
            options: job.options, scaleUp: job.scaleUp, limits: job.limits, policy: job.policy, deadline: deadline)
        do throws(JobFailure) {
            let result = try JobRunner.run(request, source: source.bytes)
            guard result.image.bytes.count <= job.limits.maxResultBytes else { throw .resultTooLarge }
            guard let memory = Self.sealed(result.image.bytes) else { throw .outOfMemory }
            let outcome = Reply.Outcome.result(
                Reply.Result(
                    format: result.image.format, size: result.image.size, byteCount: result.image.bytes.count))
            let cost = Reply.Cost(
                header: Self.microseconds(result.timings.header), decode: Self.microseconds(result.timings.decode),
                resize: Self.microseconds(result.timings.resize), encode: Self.microseconds(result.timings.encode),
                peakMemoryKB: CurrentProcess.peakMemoryKB)
            try? socket.send(
                Reply(nonce: job.nonce, outcome: outcome, cost: cost).encoded(), passing: memory.number)
        } catch {
            let cost = Reply.Cost(peakMemoryKB: CurrentProcess.peakMemoryKB)
            try? socket.send(Reply(nonce: job.nonce, outcome: .failure(error), cost: cost).encoded())
        }
    }

    private static func sealed(_ bytes: UnsafeRawBufferPointer) -> OwnedDescriptor? {
        do throws(SystemError) {
            var file = try MemoryFile()
            try file.append(bytes)
            return try file.seal()
        } catch {
            return nil
        }
    }

    private static func microseconds(_ nanoseconds: UInt64) -> UInt32 { UInt32(clamping: nanoseconds / 1000) }
}
