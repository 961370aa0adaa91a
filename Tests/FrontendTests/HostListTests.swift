// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FrontendCore

private struct HostVector: Decodable {
    let hosts: [String]
    let url: String
    let match: Bool
}

struct HostListTests {
    /// Rows of the original's table that are answered otherwise, and why.
    private static let differences = [
        "*.b.test|http://evilb.test/": "a suffix counts at a dot only",
        "a.test|http://A.test/": "case does not matter",
        "A.test|http://a.test/": "case does not matter",
        "a.test|http://a.test./": "a dot at the end does not matter",
        "127.0.0.0/8|http://0177.0.0.1/": "every spelling of an address counts: libcurl dials it",
        "::1|http://[0:0::1]/": "every spelling of an address counts",
        "|/image": "what has no host is on no list",
        "*.|http://any.test/": "an empty name is below nothing",
        " a.test|http://a.test/": "spaces around an item do not count",
    ]

    @Test func `hosts match as on the original's lists, but for what could be evaded`() throws {
        var met: Set<String> = []
        for row: HostVector in try vectors("hosts") {
            let list = HostList(row.hosts.joined(separator: ","))
            let name = row.hosts.joined(separator: ",") + "|" + row.url
            let isMatch = (try? FetchTarget(parsing: row.url)).map { list.matches($0.host) } ?? false
            let isOtherwise = Self.differences[name] != nil
            if isOtherwise { met.insert(name) }
            #expect(isMatch == (row.match != isOtherwise), "\(name)")
        }
        #expect(met == Set(Self.differences.keys))
    }

    @Test(arguments: [
        ("a.test", true), ("x.a.test", false), ("b.test", true), ("x.b.test", true), ("x.y.b.test", true),
        ("c.test", false), ("xc.test", false), ("evilb.test", false), ("test", false), ("1.2.3.4", true),
        ("1.2.4.4", false), ("10.0.0.1", true), ("2001:db8::1", true), ("2001:db9::1", false), ("", false),
    ])
    func `a list has names, names with what is below them, and blocks`(host: String, isMatch: Bool) {
        let list = HostList("a.test, *.b.test,*c.test,1.2.3.0/24,10.0.0.1,2001:db8::/32")
        #expect(list.matches(host) == isMatch)
        #expect(list.unusable == ["*c.test"])
    }

    @Test(arguments: [
        ("127.1", "127.0.0.1"), ("0x7f.1", "127.0.0.1"), ("[0::1]", "::1"), ("::FFFF:1.2.3.4", "1.2.3.4"),
        ("Bücher.example.", "xn--bcher-kva.example"), ("A.TEST.", "a.test"), ("10.1.2.3/8", "10.200.0.1"),
    ])
    func `an item means what it means in a URL`(item: String, host: String) {
        #expect(HostList(item).matches(host))
    }

    @Test(arguments: ["*", "host:80", "http://host", "a b", "1.2.3.4/33", "*.*.test"])
    func `an item that can never match is named, and the list is not empty for it`(item: String) {
        let list = HostList(item)
        #expect(list.unusable == [item])
        #expect(!list.isEmpty)
        #expect(!list.matches("host") && !list.matches("1.2.3.4"))
    }
}
