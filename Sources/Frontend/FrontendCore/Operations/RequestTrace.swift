// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// One request on its way through the front: its name in logs, and where its time went.
///
/// Whoever works for a request finds it as `current`. Work that several wait for belongs to the request that began it.
/// Nothing is formatted before somebody wants to read it, so a request that nobody looks at costs one small object.
final class RequestTrace: Sendable {
    @TaskLocal static var current: RequestTrace?

    /// The client's `X-Request-Id`, if it may stand in a log.
    private let given: String?
    private let number: UInt64
    /// W3C Trace Context, for the origin; nil when the client sent none, or something else.
    private let traceParent: String?
    private let traceState: String?

    /// Milliseconds by stage, in the order in which they came; the loop's alone.
    @LoopActor private var stages: [(stage: Metrics.Stage, milliseconds: Double)] = []
    @LoopActor private static var counter = UInt64.random(in: .min ... .max)

    @LoopActor
    init(_ request: HTTPRequest) {
        self.given = request.header("X-Request-Id").flatMap { Self.isSane($0) ? $0 : nil }
        // Unlike each other on all machines; nobody has to be unable to guess them.
        Self.counter &+= 0x9E37_79B9_7F4A_7C15
        self.number = Self.counter
        self.traceParent = request.header("traceparent").flatMap { Self.isTraceParent($0) ? $0 : nil }
        self.traceState =
            self.traceParent == nil
            ? nil : request.header("tracestate").flatMap { Self.isTraceState($0) ? $0 : nil }
    }

    /// The name, taken or made.
    var id: String {
        if let given { return given }
        var mixed = self.number
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        let text = String(mixed ^ (mixed >> 31), radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }

    @LoopActor
    func add(_ stage: Metrics.Stage, _ duration: Duration) {
        self.stages.append((stage, duration / .milliseconds(1)))
    }

    /// Each stage once, its times added up.
    @LoopActor var times: [(stage: Metrics.Stage, milliseconds: Double)] {
        guard !self.stages.isEmpty else { return [] }
        return Metrics.Stage.allCases.compactMap { stage in
            let times = self.stages.filter { $0.stage == stage }
            return times.isEmpty ? nil : (stage, times.reduce(0) { $0 + $1.milliseconds })
        }
    }

    /// The fields of a request to an origin, with what names this one, unless the operator passes such fields anyway.
    func carried(by fields: HTTPFields) -> HTTPFields {
        guard self.given != nil || self.traceParent != nil else { return fields }
        var carrying = fields
        for (name, value) in [
            ("X-Request-Id", self.given), ("traceparent", self.traceParent), ("tracestate", self.traceState),
        ] {
            if let value, fields[name] == nil { carrying.append(name, value) }
        }
        return carrying
    }

    @LoopActor
    func describe(
        _ headers: Set<DiagnosticHeader>, _ outcome: Metrics.Outcome, _ duration: Duration,
        in response: inout HTTPResponse
    ) {
        var added: [(String, String)] = []
        if headers.contains(.cache) { added.append(("X-Cache", outcome.rawValue)) }
        if headers.contains(.timing) {
            let times = self.times + [(.total, duration / .milliseconds(1))]
            added.append(
                (
                    "Server-Timing",
                    times.map { "\($0.stage.rawValue);dur=\(Self.thousandths($0.milliseconds))" }.joined(
                        separator: ", ")
                ))
        }
        if headers.contains(.request) { added.append(("X-Request-Id", self.id)) }
        // An origin's of the same name says something about another request.
        response.headers.removeAll { field in added.contains { $0.0.equalsIgnoringCase(field.0) } }
        response.headers += added
    }

    static func thousandths(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }

    // MARK: What may be passed on

    /// Short, and without anything that means something in a log or a header.
    static func isSane(_ id: String) -> Bool {
        (1...128).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || "-_.:+/=@".utf8.contains(byte)
            }
    }

    /// `00-{32 hex digits}-{16 hex digits}-{2 hex digits}`, in lower case; neither id may be all zeros. Of later versions
    /// only the same four parts are known (W3C Trace Context, section 3.2).
    static func isTraceParent(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 4, parts.map({ $0.utf8.count }) == [2, 32, 16, 2], parts[0] != "ff" else { return false }
        let isHex = parts.allSatisfy { part in
            part.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        }
        return isHex && parts[1].contains { $0 != "0" } && parts[2].contains { $0 != "0" }
    }

    private static func isTraceState(_ text: String) -> Bool {
        (1...512).contains(text.utf8.count) && text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    }
}
