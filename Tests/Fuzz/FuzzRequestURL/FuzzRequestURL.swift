// SPDX-License-Identifier: Apache-2.0

import ImageJob

@testable import FrontendCore

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
    checkOptions(url.options)
    checkPrinted(url)
    return 0
}

/// The canonical string is what is signed: it must mean what it was made of, and be its own canonical string.
private func checkOptions(_ options: TransformOptions) {
    let again = TransformOptions(parsing: options.canonical)
    precondition(again == options && again.canonical == options.canonical, options.canonical)
    // What is cached says the same, but for who may ask and until when.
    var anybody = options
    anybody.signature = ""
    anybody.validUntil = 0
    precondition(TransformOptions(parsing: options.canonicalForCache) == anybody, options.canonicalForCache)
}

/// Written out in its plain form, a request asks for the same.
private func checkPrinted(_ url: RequestURL) {
    guard RemoteURL(absolute: url.remote.string) != nil else { return }
    let target = "/\(url.options.canonical)/\(url.remote.string)"
    // A byte that may not stand in a path, as in a host of other letters, makes the service write the whole path anew.
    guard let read = try? RequestTarget(Array(target.utf8)), read.text == Array(target.utf8) else { return }
    let again = try? RequestURL.parse(target: target, baseURL: nil)
    precondition(again?.remote == url.remote && again?.options == url.options, target)
}
