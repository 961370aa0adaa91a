// SPDX-License-Identifier: Apache-2.0

/// The clock that HTTP's dates are written by; a test has one of its own.
struct WallClock: Sendable {
    /// Milliseconds of the Unix clock, for what takes less than the seconds that HTTP counts in.
    var milliseconds: @Sendable () -> Int64 = {
        let now = Log.now()
        return Int64(now.seconds) * 1000 + Int64(now.milliseconds)
    }

    /// Seconds of the Unix clock.
    func now() -> Int64 { self.milliseconds() / 1000 }
}

extension WallClock {
    /// A clock that knows nothing less than seconds.
    init(now: @escaping @Sendable () -> Int64) { self.init(milliseconds: { now() * 1000 }) }
}
