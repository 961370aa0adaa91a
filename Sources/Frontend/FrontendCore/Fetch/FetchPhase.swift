// SPDX-License-Identifier: Apache-2.0

/// Which of a fetch's clocks ran out.
enum FetchPhase: String, Sendable {
    case resolve, connect, firstByte, lowSpeed, total
}
