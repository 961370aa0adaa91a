// SPDX-License-Identifier: Apache-2.0

internal import CCodecShims

/// Where a job's time went, in nanoseconds.
public struct JobTimings: Equatable, Sendable {
    /// What was learnt of the picture before its pixels: format, size, metadata. As far as that is not the decoder's work.
    public var header: UInt64 = 0
    public var decode: UInt64 = 0
    public var resize: UInt64 = 0
    public var encode: UInt64 = 0

    public init() {}

    /// By `CLOCK_MONOTONIC`.
    public static var now: UInt64 { codec_now() }
}
