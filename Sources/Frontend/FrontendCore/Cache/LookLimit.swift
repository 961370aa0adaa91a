// SPDX-License-Identifier: Apache-2.0

/// How long an answer waits for one look at a place on another machine, as `?timeout=` behind its address says.
enum LookLimit {
    /// - Parameter text: a duration as Go writes it, such as `80ms`.
    static func parse(_ text: some StringProtocol) throws(FlagError) -> Duration {
        guard let limit = Duration(goNotation: String(text)), limit >= .milliseconds(1), limit <= .seconds(60) else {
            throw FlagError(expected: "a time limit from 1ms to 60s behind the address, as in timeout=50ms")
        }
        return limit
    }
}
