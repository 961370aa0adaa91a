// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The clock that HTTP's dates are written by; a test has one of its own.
struct WallClock: Sendable {
    /// Seconds of the Unix clock.
    var now: @Sendable () -> Int64 = { Int64(time(nil)) }
}
