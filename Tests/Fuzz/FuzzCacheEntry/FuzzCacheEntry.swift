// SPDX-License-Identifier: Apache-2.0
//
// Gives the reader of stored messages any bytes, and checks what it promises of those that it takes. With the first byte
// it is told to believe a message of ours: its seal is made right before it is read, so that what comes after the seal's
// check is reached, too. Build with FUZZ=1 and --sanitize=fuzzer,address.

@testable import FrontendCore

private let key = "https://example.com/a.jpg#500x0"
private let rules = StoredMessage.Rules(seal: .digest, policy: CachePolicy())

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCacheEntry(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    var bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    if start[0] & 1 == 1 { bytes = sealed(bytes) }
    switch StoredMessage.decode(Blob(bytes), key: key, rules: rules) {
    case .entry(let entry):
        check(entry)
        // What was read is written as it was, as far as it is read again.
        let digest = ContentDigest(of: entry.body.bytes)
        guard let head = StoredMessage.head(of: entry, key: key, body: digest, seal: rules.seal) else { break }
        guard case .entry(let again) = StoredMessage.decode(Blob(head + entry.body.bytes), key: key, rules: rules)
        else {
            preconditionFailure("what was written cannot be read")
        }
        precondition(again.headers == entry.headers && again.contentType == entry.contentType)
        precondition(again.status == entry.status && again.freshness == entry.freshness)
        precondition(again.source == entry.source && again.variesBy == entry.variesBy)
    case .foreign(let entry, _):
        check(entry)
        precondition(entry.source == nil && entry.variantTag == nil && entry.variesBy.isEmpty)
    case .damaged, .unusable: break
    }
    return 0
}

private func check(_ entry: CacheEntry) {
    precondition((200...999).contains(entry.status))
    for field in entry.headers {
        precondition(!StoredMessage.isOurs(field.name) && field.name.utf8.allSatisfy(MessageHead.isTokenByte))
        precondition(field.value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 })
    }
    _ = entry.freshness.reuse(at: 1_700_000_000)
    _ = entry.freshness.usefulFor(at: 1_700_000_000)
    _ = entry.freshness.mayServeStale(at: 1_700_000_000, because: .unreachable)
}

/// The message with the right digests in place of whatever it has.
private func sealed(_ bytes: [UInt8]) -> [UInt8] {
    guard let head = bytes.withUnsafeBytes({ MessageHead($0) }) else { return bytes }
    let body = bytes[head.bytes.count...]
    var lines = head.bytes.dropLast(4).split(separator: 0x0A, omittingEmptySubsequences: false).map {
        $0.last == 0x0D ? $0.dropLast() : $0
    }
    lines.removeAll { line in
        line.starts(with: StoredMessage.Field.body.utf8) || line.starts(with: StoredMessage.Field.seal.utf8)
    }
    let digest = Array(body).withUnsafeBytes { ContentDigest(of: $0) }
    lines.append(Array("\(StoredMessage.Field.body): \(digest.hex)".utf8)[...])
    var sealed = Array(lines.joined(separator: [0x0D, 0x0A])) + [0x0D, 0x0A]
    sealed += Array("\(StoredMessage.Field.seal): \(rules.seal.mark(sealed))\r\n\r\n".utf8)
    return sealed + body
}
