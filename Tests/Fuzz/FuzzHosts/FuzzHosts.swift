// SPDX-License-Identifier: Apache-2.0
//
// Asks a list of hosts about a host, both of any bytes, and compares with a second, plain implementation. The first line
// of the input is the list, the second the host of a URL.

import CCurl
import Glibc

@testable import FrontendCore

@c(LLVMFuzzerTestOneInput)
func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    let lines = UnsafeBufferPointer(start: data, count: size).split(
        separator: 10, maxSplits: 2, omittingEmptySubsequences: false)
    guard lines.count >= 2, let items = String(validating: lines[0], as: UTF8.self),
        let written = String(validating: lines[1], as: UTF8.self)
    else { return 0 }
    let list = HostList(items)
    checkSpellings(of: items, list)
    guard let target = try? FetchTarget(parsing: "http://\(written)/a") else { return 0 }
    checkForm(of: target)
    let isMatch = list.matches(target.host)
    precondition(isMatch == plainMatch(list, target.host), "\(items.debugDescription) \(target.host)")
    // How a host is written makes no difference.
    for other in [written.lowercased(), written.uppercased(), written + "."] where !other.contains(where: isSeparator) {
        guard written.utf8.allSatisfy({ $0 < 0x80 }), !written.hasSuffix("."), !written.hasSuffix("]"),
            let again = try? FetchTarget(parsing: "http://\(other)/a")
        else { continue }
        precondition(again.host == target.host, "\(other) \(again.host) \(target.host)")
    }
    checkAccess(list, target)
    return 0
}

private func isSeparator(_ character: Character) -> Bool { "/?#@:\\%[] ".contains(character) }

/// A host is judged in one form, which reads back as itself.
private func checkForm(of target: FetchTarget) {
    let host = target.host
    precondition(!host.isEmpty && host == host.lowercased() && !host.hasSuffix("."), host)
    precondition(host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"/?#@%[]\\".utf8.contains($0) }, host)
    precondition(!host.contains(":") || target.literalAddress?.family == .v6, host)
    let again = try? FetchTarget(parsing: target.url)
    precondition(again?.host == host && again?.port == target.port && again?.url == target.url, target.url)
    // What libcurl will look up or dial.
    let dialled = (try? CurlURL(parsing: target.url).get(CURLUPART_HOST)) ?? ""
    precondition(dialled == (host.contains(":") ? "[\(host)]" : host), "\(dialled) \(host)")
}

/// Case and order of a list's items make no difference.
private func checkSpellings(of items: String, _ list: HostList) {
    guard items.utf8.allSatisfy({ $0 < 0x80 }) else { return }
    let reversed = items.split(separator: ",").reversed().joined(separator: ",")
    for other in [items.uppercased(), items.lowercased(), reversed] {
        precondition(Set(HostList(other).patterns) == Set(list.patterns), "\(items.debugDescription) \(other)")
    }
}

/// The rule in as few words as it has: one item after the other, one label or bit after the other.
private func plainMatch(_ list: HostList, _ host: String) -> Bool {
    list.patterns.contains { pattern in
        switch pattern {
        case .name(let name): return host == name
        case .subdomains(let parent):
            let (labels, below) = (parent.split(separator: "."), host.split(separator: "."))
            return below.count >= labels.count && Array(below.suffix(labels.count)) == labels
        case .network(let block):
            guard let address = bits(of: host), let network = bits(of: "\(block.network)") else { return false }
            // A block of IPv6 holds no IPv4 address, not even one of all of IPv6.
            guard block.network.family == .v4 || host.contains(":") else { return false }
            // In 128 bits an IPv4 block is 96 longer.
            let length = block.prefixLength + (block.network.family == .v4 ? 96 : 0)
            return address.prefix(length) == network.prefix(length)
        }
    }
}

/// The bits of an address, IPv4 ones as they are mapped into IPv6; by the C library's reading, not by ours.
private func bits(of text: String) -> [Bool]? {
    var bytes = [UInt8](repeating: 0, count: 16)
    if inet_pton(AF_INET6, text, &bytes) != 1 {
        guard inet_pton(AF_INET, text, &bytes) == 1 else { return nil }
        bytes = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + bytes[..<4]
    }
    return bytes.flatMap { byte in (0..<8).map { byte << $0 & 0x80 != 0 } }
}

/// The lists as they are used: an allowed host is allowed, and denied beats allowed.
private func checkAccess(_ list: HostList, _ target: FetchTarget) {
    guard let request = try? RequestURL.parse(target: "/x/\(target.url)", baseURL: nil), !list.isEmpty else { return }
    func isAllowed(allow: HostList, deny: HostList) -> Bool {
        var configuration = Configuration()
        configuration.access.allowHosts = allow
        configuration.access.denyHosts = deny
        return (try? Authorizer(configuration).check(request, referer: nil, now: 0)) != nil
    }
    let isMatch = list.matches(target.host)
    precondition(isAllowed(allow: list, deny: HostList()) == isMatch, target.url)
    precondition(isAllowed(allow: HostList(), deny: list) != isMatch, target.url)
    precondition(!isAllowed(allow: list, deny: list), target.url)
}
