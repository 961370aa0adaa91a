// SPDX-License-Identifier: Apache-2.0

public import ImageJob

/// Bytes that are no frame of this protocol, or not the one that was due.
public enum ProtocolError: Error, Equatable, Sendable {
    case wrongLength(Int)
    case wrongMagic
    case wrongType(UInt8)
    case wrongVersion(UInt8)
    case invalidField(String)
}

/// The kinds of frame, in the order in which they come on a connection.
enum FrameType: UInt8 {
    case hello = 1
    case job = 2
    case reply = 3
    case report = 4
}

/// The layers of a worker's sandbox that are in force.
public struct SandboxLayers: OptionSet, Sendable, Hashable, CustomStringConvertible {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let limits = SandboxLayers(rawValue: 1 << 0)
    public static let namespaces = SandboxLayers(rawValue: 1 << 1)
    public static let emptyRoot = SandboxLayers(rawValue: 1 << 2)
    public static let landlock = SandboxLayers(rawValue: 1 << 3)
    public static let noPrivileges = SandboxLayers(rawValue: 1 << 4)
    public static let seccomp = SandboxLayers(rawValue: 1 << 5)
    public static let all: SandboxLayers = [.limits, .namespaces, .emptyRoot, .landlock, .noPrivileges, .seccomp]

    /// Every layer with its name in logs and metrics.
    public static let named: [(layer: SandboxLayers, name: String)] = [
        (.limits, "limits"), (.namespaces, "namespaces"), (.emptyRoot, "empty-root"), (.landlock, "landlock"),
        (.noPrivileges, "no-privileges"), (.seccomp, "seccomp"),
    ]

    public var description: String {
        let present = Self.named.filter { self.contains($0.layer) }.map(\.name)
        let missing = Self.named.filter { !self.contains($0.layer) }.map(\.name)
        let text = present.isEmpty ? "none" : present.joined(separator: ", ")
        return missing.isEmpty ? text : text + " (not: " + missing.joined(separator: ", ") + ")"
    }
}

/// Keeper to front, first thing on every connection: a worker is free, and this is what it can do.
public struct Hello: Equatable, Sendable {
    public var sandbox: SandboxLayers
    /// Bit n stands for the format with raw value n.
    public var decodes: UInt16
    public var encodes: UInt16
    public var versions: WorkerVersions

    public init(sandbox: SandboxLayers, decodes: UInt16, encodes: UInt16, versions: WorkerVersions) {
        self.sandbox = sandbox
        self.decodes = decodes
        self.encodes = encodes
        self.versions = versions
    }

    static let length = FrameHeader.length + 8 + 4 * WorkerVersions.names.count

    public func encoded() -> [UInt8] {
        var writer = FrameWriter(.hello, length: Self.length)
        writer.put(self.sandbox.rawValue)
        writer.put(self.decodes)
        writer.put(self.encodes)
        for number in self.versions.numbers { writer.put(number) }
        return writer.bytes
    }

    public init(decoding bytes: Span<UInt8>) throws(ProtocolError) {
        var reader = try FrameReader(bytes, .hello, length: Self.length)
        let layers = SandboxLayers(rawValue: reader.take())
        guard SandboxLayers.all.isSuperset(of: layers) else { throw .invalidField("sandbox") }
        let (decodes, encodes): (UInt16, UInt16) = (reader.take(), reader.take())
        self.init(
            sandbox: layers, decodes: decodes, encodes: encodes,
            versions: WorkerVersions(WorkerVersions.names.map { _ in reader.take() }))
    }
}

/// 128 bits that name a job on its connection; whoever does not know them cannot answer it.
public struct JobNonce: Hashable, Sendable {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// Front to child, with one descriptor: a sealed memfd that holds the source.
public struct Job: Equatable, Sendable {
    public var nonce: JobNonce
    /// Milliseconds of wall time, counted from when the child has the job.
    public var timeLimit: UInt32
    public var limits: PixelLimits
    /// The server's setting.
    public var scaleUp: Bool
    /// Without signature and expiry, which are none of a worker's business.
    public var options: TransformOptions
    public var policy: ResultPolicy

    public init(
        nonce: JobNonce, timeLimit: UInt32, limits: PixelLimits, scaleUp: Bool, options: TransformOptions,
        policy: ResultPolicy
    ) {
        self.nonce = nonce
        self.timeLimit = timeLimit
        self.limits = limits
        self.scaleUp = scaleUp
        self.options = options
        self.options.signature = ""
        self.options.validUntil = 0
        self.options.scaleUp = false
        self.policy = policy
    }

    public static let length = FrameHeader.length + 16 + 4 + 24 + 4 + 48 + 16 + 16 + 4 + 2

    /// As many as four bytes hold.
    private static let maxAccepted = 4

    public func encoded() -> [UInt8] {
        var writer = FrameWriter(.job, length: Self.length)
        writer.put(self.nonce.high)
        writer.put(self.nonce.low)
        writer.put(self.timeLimit)
        writer.put(UInt64(clamping: self.limits.maxSourcePixels))
        writer.put(UInt64(clamping: self.limits.maxOutputPixels))
        writer.put(UInt64(clamping: self.limits.maxResultBytes))
        writer.put(self.flags.rawValue)
        writer.put(UInt16(self.options.format?.rawValue ?? 0))
        for number in [
            self.options.width, self.options.height, self.options.cropX, self.options.cropY, self.options.cropWidth,
            self.options.cropHeight,
        ] {
            writer.put(number.bitPattern)
        }
        writer.put(UInt64(bitPattern: Int64(self.options.rotate)))
        writer.put(UInt64(bitPattern: Int64(self.options.quality)))
        let accepted = self.options.accepted.prefix(Self.maxAccepted).map { UInt32($0.rawValue) }
        writer.put(accepted.reversed().reduce(UInt32(0)) { $0 << 8 | $1 })
        writer.put(UInt32(clamping: self.policy.avifSpeed))
        writer.put(UInt64(clamping: self.policy.maxAVIFPixels))
        writer.put(Self.packed(self.options.background))
        writer.put(self.policy.disabledFormats.rawValue)
        return writer.bytes
    }

    public init(decoding bytes: Span<UInt8>) throws(ProtocolError) {
        var reader = try FrameReader(bytes, .job, length: Self.length)
        let nonce = JobNonce(high: reader.take(), low: reader.take())
        let timeLimit: UInt32 = reader.take()
        guard let source = Int(exactly: reader.take() as UInt64), let output = Int(exactly: reader.take() as UInt64),
            let result = Int(exactly: reader.take() as UInt64)
        else { throw .invalidField("limits") }

        let flags = Flags(rawValue: reader.take())
        guard Flags.all.isSuperset(of: flags) else { throw .invalidField("flags") }
        var options = TransformOptions()
        options.fit = flags.contains(.fit)
        options.flipVertical = flags.contains(.flipVertical)
        options.flipHorizontal = flags.contains(.flipHorizontal)
        options.smartCrop = flags.contains(.smartCrop)
        options.trim = flags.contains(.trim)

        let format: UInt16 = reader.take()
        if format != 0 {
            guard let known = UInt8(exactly: format).flatMap(ImageFormat.init(rawValue:)) else {
                throw .invalidField("format")
            }
            options.format = known
        }
        var numbers: [Double] = []
        for _ in 0..<6 {
            let number = Double(bitPattern: reader.take())
            guard number.isFinite else { throw .invalidField("number") }
            numbers.append(number)
        }
        (options.width, options.height) = (numbers[0], numbers[1])
        (options.cropX, options.cropY, options.cropWidth, options.cropHeight) = (
            numbers[2], numbers[3], numbers[4], numbers[5]
        )
        options.rotate = Int(Int64(bitPattern: reader.take()))
        options.quality = Int(Int64(bitPattern: reader.take()))
        options.accepted = try Self.accepted(reader.take())
        var policy = ResultPolicy()
        policy.keepsSmaller = flags.contains(.keepsSmaller)
        policy.optimizesJPEG = flags.contains(.optimizesJPEG)
        policy.makesProgressiveJPEG = flags.contains(.makesProgressiveJPEG)
        policy.avifSpeed = Int(reader.take() as UInt32)
        guard (0...10).contains(policy.avifSpeed) else { throw .invalidField("AVIF speed") }
        guard let pixels = Int(exactly: reader.take() as UInt64) else { throw .invalidField("AVIF pixels") }
        policy.maxAVIFPixels = pixels
        options.background = try Self.background(reader.take())
        policy.disabledFormats = ImageFormatSet(rawValue: reader.take())
        guard ImageFormatSet(ImageFormat.allCases).isSuperset(of: policy.disabledFormats) else {
            throw .invalidField("disabled formats")
        }
        self.init(
            nonce: nonce, timeLimit: timeLimit,
            limits: PixelLimits(maxSourcePixels: source, maxOutputPixels: output, maxResultBytes: result),
            scaleUp: flags.contains(.scaleUp), options: options, policy: policy)
    }

    /// 0 for none; else red, green and blue in the lower bytes, 1 above them.
    private static func packed(_ colour: RGBColour?) -> UInt32 {
        colour.map { UInt32($0.red) | UInt32($0.green) << 8 | UInt32($0.blue) << 16 | 1 << 24 } ?? 0
    }

    private static func background(_ packed: UInt32) throws(ProtocolError) -> RGBColour? {
        guard packed != 0 else { return nil }
        guard packed >> 24 == 1 else { throw .invalidField("background") }
        return RGBColour(
            red: UInt8(truncatingIfNeeded: packed), green: UInt8(truncatingIfNeeded: packed >> 8),
            blue: UInt8(truncatingIfNeeded: packed >> 16))
    }

    /// One format to a byte, the first in the lowest; zeros after the last.
    private static func accepted(_ packed: UInt32) throws(ProtocolError) -> [ImageFormat] {
        var formats: [ImageFormat] = []
        var rest = packed
        while rest != 0 {
            guard let format = ImageFormat(rawValue: UInt8(truncatingIfNeeded: rest)) else {
                throw .invalidField("accepted formats")
            }
            formats.append(format)
            rest >>= 8
        }
        return formats
    }
}

/// Child to front. A result comes with one descriptor, a sealed memfd that holds it; a failure with none.
public struct Reply: Equatable, Sendable {
    public struct Result: Equatable, Sendable {
        public var format: ImageFormat
        public var size: ImageSize
        public var byteCount: Int

        public init(format: ImageFormat, size: ImageSize, byteCount: Int) {
            self.format = format
            self.size = size
            self.byteCount = byteCount
        }
    }

    public enum Outcome: Equatable, Sendable {
        case result(Result)
        case failure(JobFailure)
    }

    /// Where the time went, in microseconds, and what memory was needed; a worker's word, for statistics only.
    public struct Cost: Equatable, Sendable {
        public var header: UInt32
        public var decode: UInt32
        public var resize: UInt32
        public var encode: UInt32
        public var peakMemoryKB: UInt32

        public init(
            header: UInt32 = 0, decode: UInt32 = 0, resize: UInt32 = 0, encode: UInt32 = 0, peakMemoryKB: UInt32 = 0
        ) {
            self.header = header
            self.decode = decode
            self.resize = resize
            self.encode = encode
            self.peakMemoryKB = peakMemoryKB
        }
    }

    public var nonce: JobNonce
    public var outcome: Outcome
    public var cost: Cost

    public init(nonce: JobNonce, outcome: Outcome, cost: Cost) {
        self.nonce = nonce
        self.outcome = outcome
        self.cost = cost
    }

    public static let length = FrameHeader.length + 16 + 4 + 16 + 20

    public func encoded() -> [UInt8] {
        var writer = FrameWriter(.reply, length: Self.length)
        writer.put(self.nonce.high)
        writer.put(self.nonce.low)
        switch self.outcome {
        case .failure(let failure):
            writer.put(UInt16(failure.rawValue))
            writer.put(UInt16(0))
            for _ in 0..<2 { writer.put(UInt64(0)) }
        case .result(let result):
            writer.put(UInt16(0))
            writer.put(UInt16(result.format.rawValue))
            writer.put(UInt32(clamping: result.size.width))
            writer.put(UInt32(clamping: result.size.height))
            writer.put(UInt64(clamping: result.byteCount))
        }
        for number in [
            self.cost.header, self.cost.decode, self.cost.resize, self.cost.encode, self.cost.peakMemoryKB,
        ] {
            writer.put(number)
        }
        return writer.bytes
    }

    public init(decoding bytes: Span<UInt8>) throws(ProtocolError) {
        var reader = try FrameReader(bytes, .reply, length: Self.length)
        let nonce = JobNonce(high: reader.take(), low: reader.take())
        let status: UInt16 = reader.take()
        let format: UInt16 = reader.take()
        let width: UInt32 = reader.take()
        let height: UInt32 = reader.take()
        let count: UInt64 = reader.take()
        let cost = Cost(
            header: reader.take(), decode: reader.take(), resize: reader.take(), encode: reader.take(),
            peakMemoryKB: reader.take())

        if status == 0 {
            guard let format = UInt8(exactly: format).flatMap(ImageFormat.init(rawValue:)) else {
                throw .invalidField("format")
            }
            guard let byteCount = Int(exactly: count), byteCount > 0, width > 0, height > 0 else {
                throw .invalidField("size")
            }
            let result = Result(
                format: format, size: ImageSize(width: Int(width), height: Int(height)), byteCount: byteCount)
            self.init(nonce: nonce, outcome: .result(result), cost: cost)
        } else {
            guard let failure = UInt8(exactly: status).flatMap(JobFailure.init(rawValue:)) else {
                throw .invalidField("status")
            }
            guard format == 0, width == 0, height == 0, count == 0 else { throw .invalidField("failure") }
            self.init(nonce: nonce, outcome: .failure(failure), cost: cost)
        }
    }
}

/// Keeper to front, last thing on a connection that it closes itself: how the child ended.
public struct Report: Equatable, Sendable {
    public enum End: Equatable, Sendable {
        case exited(UInt8)
        /// By a signal that the keeper did not send.
        case signalled(UInt8)
        /// By the keeper, because the time for a job was over.
        case killedAtDeadline
        /// By the keeper, because the front hung up.
        case killedForFront
    }

    public var end: End
    /// Microseconds of CPU time.
    public var cpuTime: UInt64
    public var peakMemoryKB: UInt32

    public init(end: End, cpuTime: UInt64, peakMemoryKB: UInt32) {
        self.end = end
        self.cpuTime = cpuTime
        self.peakMemoryKB = peakMemoryKB
    }

    static let length = FrameHeader.length + 2 + 2 + 8 + 4

    public func encoded() -> [UInt8] {
        var writer = FrameWriter(.report, length: Self.length)
        let (kind, value): (UInt16, UInt16) =
            switch self.end {
            case .exited(let code): (1, UInt16(code))
            case .signalled(let signal): (2, UInt16(signal))
            case .killedAtDeadline: (3, 0)
            case .killedForFront: (4, 0)
            }
        writer.put(kind)
        writer.put(value)
        writer.put(self.cpuTime)
        writer.put(self.peakMemoryKB)
        return writer.bytes
    }

    public init(decoding bytes: Span<UInt8>) throws(ProtocolError) {
        var reader = try FrameReader(bytes, .report, length: Self.length)
        let kind: UInt16 = reader.take()
        let value: UInt16 = reader.take()
        let end: End
        switch (kind, UInt8(exactly: value)) {
        case (1, let code?): end = .exited(code)
        case (2, let signal?): end = .signalled(signal)
        case (3, 0): end = .killedAtDeadline
        case (4, 0): end = .killedForFront
        default: throw .invalidField("end")
        }
        self.init(end: end, cpuTime: reader.take(), peakMemoryKB: reader.take())
    }
}
