// SPDX-License-Identifier: Apache-2.0

import FrontendCore

/// The first line is a base URL, possibly none; the rest is a request's target.
///
/// Beside not trapping it must be stable: what is signed and stored under must read back as itself, or one picture
/// could be had under two signatures.
@c(LLVMFuzzerTestOneInput)
func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    let input = Array(UnsafeBufferPointer(start: data, count: size))
    let lineEnd = input.firstIndex(of: 10) ?? 0
    let base = RemoteURL(absolute: String(decoding: input[..<lineEnd], as: UTF8.self))
    guard let url = try? RequestURL.parse(target: Array(input[lineEnd...].drop { $0 == 10 }), baseURL: base) else {
        return 0
    }
    precondition(!url.remote.string.contains("#"), "a fragment has survived")
    precondition(!url.cacheKey.isEmpty)
    // A URL without a host is written so that it cannot be mistaken for one that has some.
    if let again = RemoteURL(absolute: url.remote.string) {
        precondition(again.string == url.remote.string, "a URL reads back as another one")
    }
    return 0
}
