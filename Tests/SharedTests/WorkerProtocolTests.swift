// SPDX-License-Identifier: Apache-2.0

import ImageJob
import Testing
import WorkerProtocol

struct WorkerProtocolTests {
    /// One frame of each type, with the bytes that `WorkerProtocol.md` prescribes for it.
    struct Sample: Sendable, CustomTestStringConvertible {
        let name: String
        let encoded: [UInt8]
        let expected: [UInt8]
        /// Decodes as this frame's type and encodes again.
        let recode: @Sendable ([UInt8]) throws -> [UInt8]

        var testDescription: String { self.name }
    }

    static let nonce = JobNonce(high: 0x0102_0304_0506_0708, low: 0x1112_1314_1516_1718)
    static let nonceBytes: [UInt8] = [8, 7, 6, 5, 4, 3, 2, 1, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11]

    static let job: Job = {
        var options = TransformOptions()
        options.width = 500
        options.height = 0.5
        options.cropX = -1
        options.fit = true
        options.trim = true
        options.rotate = -90
        options.quality = 80
        options.format = .png
        let limits = PixelLimits(maxSourcePixels: 0x1_0000_0001, maxOutputPixels: 2, maxResultBytes: 3)
        options.accepted = [.avif, .webp]
        options.background = RGBColour(red: 0x12, green: 0x34, blue: 0x56)
        var policy = ResultPolicy()
        policy.avifSpeed = 6
        policy.maxAVIFPixels = 5
        policy.makesProgressiveJPEG = true
        policy.disabledFormats = ImageFormatSet([.webp, .avif])
        return Job(
            nonce: Self.nonce, timeLimit: 20_000, limits: limits, scaleUp: true, options: options, policy: policy)
    }()

    static let samples: [Sample] = [
        Sample(
            name: "hello",
            encoded: Hello(
                sandbox: [.limits, .seccomp], decodes: 0x0006, encodes: 0x0106, versions: WorkerVersions([0x010203, 4])
            ).encoded(),
            expected: header(1, 60) + [33, 0, 0, 0, 6, 0, 6, 1, 3, 2, 1, 0, 4, 0, 0, 0]
                + [UInt8](repeating: 0, count: 36),
            recode: { try Hello(decoding: $0.span).encoded() }),
        Sample(
            name: "job", encoded: Self.job.encoded(),
            expected: header(2, 142) + Self.nonceBytes + bytes(UInt32(20_000))
                + bytes(UInt64(0x1_0000_0001)) + bytes(UInt64(2)) + bytes(UInt64(3))
                + bytes(UInt16(1 | 16 | 32 | 64 | 256))
                + bytes(UInt16(2))
                + [500, 0.5, -1, 0, 0, 0].flatMap { bytes(($0 as Double).bitPattern) }
                + bytes(UInt64(bitPattern: -90)) + bytes(UInt64(80)) + [7, 3, 0, 0] + bytes(UInt32(6))
                + bytes(UInt64(5)) + [0x12, 0x34, 0x56, 1, 0x88, 0],
            recode: { try Job(decoding: $0.span).encoded() }),
        Sample(
            name: "reply with a result",
            encoded: Reply(
                nonce: Self.nonce,
                outcome: .result(
                    Reply.Result(format: .jpeg, size: ImageSize(width: 500, height: 333), byteCount: 70_000)),
                cost: Reply.Cost(header: 1, decode: 2, resize: 3, encode: 4, peakMemoryKB: 5)
            ).encoded(),
            expected: header(3, 64) + Self.nonceBytes + [0, 0, 1, 0] + bytes(UInt32(500)) + bytes(UInt32(333))
                + bytes(UInt64(70_000)) + [1, 2, 3, 4, 5].flatMap { bytes($0 as UInt32) },
            recode: { try Reply(decoding: $0.span).encoded() }),
        Sample(
            name: "reply with a failure",
            encoded: Reply(nonce: Self.nonce, outcome: .failure(.corruptSource), cost: Reply.Cost()).encoded(),
            expected: header(3, 64) + Self.nonceBytes + [2, 0] + [UInt8](repeating: 0, count: 38),
            recode: { try Reply(decoding: $0.span).encoded() }),
        Sample(
            name: "report",
            encoded: Report(end: .signalled(11), cpuTime: 0x0102_0304_0506_0708, peakMemoryKB: 9).encoded(),
            expected: header(4, 24) + [2, 0, 11, 0, 8, 7, 6, 5, 4, 3, 2, 1, 9, 0, 0, 0],
            recode: { try Report(decoding: $0.span).encoded() }),
    ]

    private static func header(_ type: UInt8, _ length: UInt8) -> [UInt8] {
        Array("IPW1".utf8) + [type, 4, length, 0]
    }

    private static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    @Test(arguments: samples)
    func `a frame has the bytes that are documented`(sample: Sample) throws {
        #expect(sample.encoded == sample.expected)
        #expect(try sample.recode(sample.encoded) == sample.encoded)
        #expect(sample.encoded.count <= maximumFrameLength)
    }

    @Test func `a job arrives as it was sent`() throws {
        let decoded = try Job(decoding: Self.job.encoded().span)
        #expect(decoded == Self.job)
        for failure in JobFailure.allCases {
            let reply = Reply(nonce: Self.nonce, outcome: .failure(failure), cost: Reply.Cost(encode: 7))
            #expect(try Reply(decoding: reply.encoded().span) == reply)
        }
        for end: Report.End in [.exited(0), .exited(255), .signalled(9), .killedAtDeadline, .killedForFront] {
            let report = Report(end: end, cpuTime: 5, peakMemoryKB: .max)
            #expect(try Report(decoding: report.encoded().span) == report)
        }
    }

    @Test func `a worker learns neither signature nor expiry`() {
        var options = TransformOptions()
        options.signature = "secret"
        options.validUntil = 4_102_444_800
        let job = Job(
            nonce: Self.nonce, timeLimit: 1, limits: .standard, scaleUp: false, options: options,
            policy: ResultPolicy())
        let plain = Job(
            nonce: Self.nonce, timeLimit: 1, limits: .standard, scaleUp: false, options: TransformOptions(),
            policy: ResultPolicy())
        #expect(job.encoded() == plain.encoded())
    }

    @Test(arguments: samples)
    func `a frame cut short or too long is refused`(sample: Sample) {
        for count in 0..<sample.encoded.count {
            let short = Array(sample.encoded.prefix(count))
            #expect(throws: ProtocolError.wrongLength(count)) { try sample.recode(short) }
            // The same with a length field that agrees.
            guard count >= 8 else { continue }
            var agreeing = short
            agreeing[6] = UInt8(count)
            #expect(throws: ProtocolError.self) { try sample.recode(agreeing) }
        }
        #expect(throws: ProtocolError.self) { try sample.recode(sample.encoded + [0]) }
    }

    @Test(arguments: samples, samples)
    func `a frame is of one type only`(sample: Sample, other: Sample) {
        let isSameType = sample.encoded[4] == other.encoded[4]
        guard !isSameType else { return }
        #expect(throws: ProtocolError.self) { try sample.recode(other.encoded) }
        // With the other's length, so that only the type is wrong.
        var disguised = other.encoded
        disguised[4] = sample.encoded[4]
        #expect(throws: ProtocolError.self) { try sample.recode(disguised) }
    }

    @Test(arguments: samples, [-2, 0, 30])
    func `another version is known by its number, whatever its frames' length`(sample: Sample, more: Int) {
        var other = sample.encoded
        other[5] = protocolVersion + 1
        other = Array((other + [UInt8](repeating: 1, count: 30)).prefix(other.count + more))
        #expect(throws: ProtocolError.wrongVersion(protocolVersion + 1)) { try sample.recode(other) }
    }

    struct InvalidField: Sendable, CustomTestStringConvertible {
        let sample: String
        let offset: Int
        let value: [UInt8]
        let error: ProtocolError

        init(_ sample: String, _ offset: Int, _ value: [UInt8], _ error: ProtocolError) {
            (self.sample, self.offset, self.value, self.error) = (sample, offset, value, error)
        }

        var testDescription: String { "\(self.sample), byte \(self.offset): \(self.value)" }
    }

    static let invalidFields = invalidHeaders + invalidBodies + invalidNumbers

    private static let invalidHeaders = samples.flatMap { sample -> [InvalidField] in
        [
            InvalidField(sample.name, 0, [UInt8(ascii: "X")], .wrongMagic),
            InvalidField(sample.name, 3, [UInt8(ascii: "2")], .wrongMagic),
            InvalidField(sample.name, 4, [0], .wrongType(0)),
            InvalidField(sample.name, 4, [5], .wrongType(5)),
            InvalidField(sample.name, 5, [0], .wrongVersion(0)),
            InvalidField(sample.name, 5, [1], .wrongVersion(1)),
            InvalidField(sample.name, 6, [0, 0], .wrongLength(0)),
            InvalidField(sample.name, 7, [1], .wrongLength(sample.encoded.count + 256)),
        ]
    }

    private static let invalidBodies: [InvalidField] = [
        InvalidField("hello", 8, [64], .invalidField("sandbox")),
        InvalidField("hello", 11, [0x80], .invalidField("sandbox")),
        InvalidField("job", 28 + 7, [0x80], .invalidField("limits")),
        InvalidField("job", 36 + 7, [0xFF], .invalidField("limits")),
        InvalidField("job", 44 + 7, [0x80], .invalidField("limits")),
        InvalidField("job", 53, [2], .invalidField("flags")),
        InvalidField("job", 120, [8], .invalidField("accepted formats")),
        InvalidField("job", 121, [9], .invalidField("accepted formats")),
        InvalidField("job", 124, [11], .invalidField("AVIF speed")),
        InvalidField("job", 135, [255], .invalidField("AVIF pixels")),
        InvalidField("job", 139, [0], .invalidField("background")),
        InvalidField("job", 139, [2], .invalidField("background")),
        InvalidField("job", 140, [1], .invalidField("disabled formats")),
        InvalidField("job", 141, [1], .invalidField("disabled formats")),
        InvalidField("job", 53, [128], .invalidField("flags")),
        InvalidField("job", 54, [8], .invalidField("format")),
        InvalidField("job", 55, [1], .invalidField("format")),
        InvalidField("reply with a result", 24, [9], .invalidField("status")),
        InvalidField("reply with a result", 25, [1], .invalidField("status")),
        InvalidField("reply with a result", 24, [1], .invalidField("failure")),
        InvalidField("reply with a result", 26, [0], .invalidField("format")),
        InvalidField("reply with a result", 26, [8], .invalidField("format")),
        InvalidField("reply with a result", 27, [1], .invalidField("format")),
        InvalidField("reply with a result", 28, [0, 0, 0, 0], .invalidField("size")),
        InvalidField("reply with a result", 32, [0, 0, 0, 0], .invalidField("size")),
        InvalidField("reply with a result", 36, [0, 0, 0, 0, 0, 0, 0, 0], .invalidField("size")),
        InvalidField("reply with a result", 43, [0x80], .invalidField("size")),
        InvalidField("reply with a failure", 26, [1], .invalidField("failure")),
        InvalidField("reply with a failure", 28, [1], .invalidField("failure")),
        InvalidField("reply with a failure", 32, [1], .invalidField("failure")),
        InvalidField("reply with a failure", 36, [1], .invalidField("failure")),
        InvalidField("report", 8, [0], .invalidField("end")),
        InvalidField("report", 8, [5], .invalidField("end")),
        InvalidField("report", 9, [1], .invalidField("end")),
        InvalidField("report", 11, [1], .invalidField("end")),
        InvalidField("report", 8, [3], .invalidField("end")),
        InvalidField("report", 8, [4], .invalidField("end")),
    ]

    private static let invalidNumbers = (0..<6).flatMap { index -> [InvalidField] in
        [Double.nan, .infinity, -.infinity, .signalingNaN].map { number in
            InvalidField("job", 56 + 8 * index, bytes(number.bitPattern), .invalidField("number"))
        }
    }

    @Test(arguments: invalidFields)
    func `a field that holds what it must not is refused`(field: InvalidField) throws {
        let sample = try #require(Self.samples.first { $0.name == field.sample })
        var frame = sample.encoded
        frame.replaceSubrange(field.offset..<field.offset + field.value.count, with: field.value)
        #expect(throws: field.error) { try sample.recode(frame) }
    }

    @Test(arguments: samples)
    func `whatever is accepted means exactly its bytes`(sample: Sample) {
        for index in sample.encoded.indices {
            for bit in 0..<8 {
                var frame = sample.encoded
                frame[index] ^= 1 << bit
                guard let again = try? sample.recode(frame) else { continue }
                #expect(again == frame, "byte \(index), bit \(bit)")
            }
        }
    }

    @Test(
        arguments: [
            ("2.1.5", 0x020105), ("1.14", 0x010E00), ("4.5.0-rc1", 0x040500), ("1.300.2", 0x01FF02), ("3.", 0x030000),
            ("", 0), ("x", 0),
        ] as [(String, UInt32)])
    func `a version is three numbers`(text: String, number: UInt32) {
        #expect(WorkerVersions.number(text) == number)
    }

    @Test func `versions that are not known are not shown`() {
        let all = WorkerVersions([0x000100, 0, 0x010627]).all
        #expect(all.map(\.name) == ["imageproxy-worker", "libpng"])
        #expect(all.map(\.version) == ["0.1.0", "1.6.39"])
    }

    @Test func `layers are named, the missing ones too`() {
        #expect(
            SandboxLayers([.limits, .seccomp]).description
                == "limits, seccomp (not: namespaces, empty-root, landlock, no-privileges)")
        #expect(SandboxLayers.all.description.contains("landlock"))
        #expect(!SandboxLayers.all.description.contains("not"))
        #expect(SandboxLayers().description.hasPrefix("none (not: "))
    }
}
