// SPDX-License-Identifier: Apache-2.0

/// How much time, and how many bytes, an origin may cost.
struct FetchLimits: Sendable {
    /// The largest source, in bytes.
    var maximumBytes = 64 << 20
    /// From the first look-up to the last byte, redirects included; zero = none.
    var total: Duration = .seconds(30)
    /// Look-up, TCP and TLS of one hop.
    var connect: Duration = .seconds(10)
    /// From the request's sending to the answer's first byte, on one hop.
    var firstByte: Duration = .seconds(15)
    /// An origin that has begun to answer, and then is slower than `lowSpeedBytesPerSecond` for as long as
    /// `lowSpeedWindow`, is given up; 0 turns it off.
    var lowSpeedBytesPerSecond = 1024
    var lowSpeedWindow: Duration = .seconds(10)
    /// Header fields of an answer, interim answers and trailers included.
    var maximumHeaderFields = 100
    /// Bytes of the same, with status lines and line ends.
    var maximumHeaderBytes = 64 * 1024
    var maximumRedirects = 10
    /// Requests to one host at a time; as many again wait.
    var maximumPerHost = 128
}
