// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// The log's lines about requests that failed: all of them as long as they are few.
@LoopActor
final class FailureLog {
    private let start = ContinuousClock.now
    private var limits: [RequestError.Kind: LineLimit] = [:]

    /// - Parameter line: what is to be written; not built for a line that is left out.
    func write(_ kind: RequestError.Kind, _ line: @autoclosure () -> String) {
        guard self.limits[kind, default: kind.lineLimit].admits(at: ContinuousClock.now - self.start) else { return }
        Log.line(line(), for: RequestTrace.current)
    }

    /// Says how many lines were left out since the last time; to be called every few seconds.
    func reportLeftOut() {
        for kind in RequestError.Kind.allCases {
            guard let count = self.limits[kind]?.takeLeftOut(), count > 0 else { continue }
            Log.line("left out \(count) lines about requests that failed with \(kind.metricLabel)")
        }
    }
}

extension RequestError.Kind {
    /// Who is told to come back does so, and one such line says as much as a thousand; the others name what was asked for.
    fileprivate var lineLimit: LineLimit {
        switch self {
        case .overloaded, .clientBusy: LineLimit(burst: 20, perSecond: 1)
        default: LineLimit(burst: 1000, perSecond: 100)
        }
    }
}
