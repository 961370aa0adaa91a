// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import FrontendCore

struct CommandLineTests {
    private static func read(_ arguments: String..., environment: [(String, String)] = []) throws -> Configuration {
        let outcome = try CommandLineReader.read(
            arguments, environment: environment.map { (name: $0.0, value: $0.1) })
        guard case .run(let configuration) = outcome else { throw UsageError(description: "help") }
        return configuration
    }

    @Test func `one dash or two, a space or an equals sign`() throws {
        for arguments in [["-addr", ":1"], ["--addr", ":1"], ["-addr=:1"], ["--addr=:1"]] {
            let outcome = try CommandLineReader.read(arguments, environment: [])
            guard case .run(let configuration) = outcome else { throw UsageError(description: "help") }
            #expect(configuration.address == ":1")
        }
    }

    @Test func `booleans with and without a word`() throws {
        #expect(try Self.read("-scaleUp").scaleUp)
        #expect(try Self.read("-scaleUp=true").scaleUp)
        #expect(try !Self.read("-scaleUp=0").scaleUp)
        let both = try Self.read("-scaleUp", "true", "-verbose")
        #expect(both.scaleUp && both.verbose)
        #expect(try !Self.read("-followRedirects=false").followRedirects)
    }

    @Test func `flags win over the environment`() throws {
        let environment = [
            ("IMAGEPROXY_ADDR", ":1"), ("IMAGEPROXY_USERAGENT", "x"), ("HOME", "/"), ("IMAGEPROXY_CACHE", ""),
        ]
        let configuration = try Self.read("-addr", ":2", environment: environment)
        #expect(configuration.address == ":2")
        #expect(configuration.userAgent == "x")
        #expect(configuration.caches.isEmpty)
    }

    @Test(arguments: [
        (["-adr", ":1"], "unknown flag -adr; did you mean -addr?; see imageproxy -help"),
        (["-timeout", "5"], "invalid value \"5\" for -timeout: expected a duration such as 300ms, 5s or 1h30m"),
        (["-workers", "0"], "invalid value \"0\" for -workers: expected a whole number from 1 to 1024"),
        (["-addr"], "flag -addr needs a value: -addr host:port"),
        (["nonsense"], "unexpected argument \"nonsense\"; flags start with a dash"),
        (["-scaleUp=maybe"], "invalid value \"maybe\" for -scaleUp: expected true or false"),
        (["-onTransformError", "x"], "invalid value \"x\" for -onTransformError: expected original or reject"),
        (
            ["-cache", "memory:x"],
            "invalid value \"memory:x\" for -cache: expected memory:MB, a whole number of megabytes from 1 to 1000000"
        ),
    ])
    func `a mistake is one line that says what is wrong`(arguments: [String], line: String) {
        do {
            _ = try CommandLineReader.read(arguments, environment: [])
            Issue.record("accepted")
        } catch {
            #expect(error.description == line)
        }
    }

    @Test(arguments: [
        ["-cache", "redis://:s3cret"], ["-cache", "redis://user:s3cret@host:port"],
        ["-cache", "redis://h/0?pw=s3cret"],
        ["-cache", "rediss://:s3cret@host"], ["-cache", "gcs://s3cret@bucket"], ["-baseURL", "ftp://u:s3cret@host/"],
        ["-baseURL", "http://u:s3cret@ho st/"], ["-baseURL", "u:s3cret@host"], ["redis://:s3cret@host"],
        ["u:s3cret@host"], ["-cacheSecret", ""], ["-signatureKy=s3cret"],
    ])
    func `what could be a password is not shown`(arguments: [String]) {
        do {
            _ = try CommandLineReader.read(arguments, environment: [])
            Issue.record("accepted")
        } catch {
            #expect(!error.description.contains("s3cret") && !error.description.isEmpty)
        }
    }

    @Test func `an unknown variable is named with the nearest right one`() {
        #expect(throws: UsageError.self) { try Self.read(environment: [("IMAGEPROXY_ADR", "x")]) }
    }

    @Test(
        arguments: [
            ("0", 0), ("300ms", 300_000_000), ("5s", 5_000_000_000), ("1h30m", 5_400_000_000_000),
            ("1.5h", 5_400_000_000_000),
            ("-2s", -2_000_000_000), ("10us", 10_000), ("10µs", 10_000), ("7ns", 7), (".5s", 500_000_000),
        ] as [(String, Int64)])
    func `durations are Go's`(text: String, nanoseconds: Int64) {
        #expect(Duration(goNotation: text) == .nanoseconds(nanoseconds))
    }

    @Test(arguments: ["", "5", "s", ".s", "5 s", "5d", "1h30", "--5s", "1..5s", "9999999999h"])
    func `what is no duration is none`(text: String) {
        #expect(Duration(goNotation: text) == nil)
    }

    @Test func `every flag is in the help, with its variable`() {
        for flag in Flag.all {
            #expect(CommandLineReader.helpText.contains("  -\(flag.name)"))
            #expect(CommandLineReader.helpText.contains("[\(flag.environmentName)]"))
        }
    }

    // MARK: Files of settings

    private static func withFile(_ text: String, _ body: (String) throws -> Void) throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "settings-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(text.utf8).write(to: file)
        try body(file.path)
    }

    @Test func `a file is read first, and what may stand several times adds up`() throws {
        let text = """
            # comment
            addr  :1
            userAgent  two words
            \tverbose
            scaleUp=true
            followRedirects false

            -signatureKey one
            contentTypes
            """
        try Self.withFile(text) { path in
            let environment = [
                ("IMAGEPROXY_CONFIG", path), ("IMAGEPROXY_ADDR", ":2"), ("IMAGEPROXY_SIGNATUREKEY", "two"),
            ]
            let configuration = try Self.read("-signatureKey", "three four", environment: environment)
            #expect(configuration.address == ":2")
            #expect(configuration.userAgent == "two words")
            #expect(configuration.verbose && configuration.scaleUp && !configuration.followRedirects)
            #expect(configuration.contentTypes.isEmpty)
            #expect(configuration.access.signingKeys.count == 4)
            #expect(try Self.read("-config", path, "-addr", ":3").address == ":3")
        }
    }

    @Test(arguments: [
        ("addr :1\nadr :2", "line 2 of FILE: unknown setting adr; did you mean addr?"),
        (
            "timeout 5",
            "invalid value \"5\" for timeout (line 1 of FILE): expected a duration such as 300ms, 5s or 1h30m"
        ),
        ("config x", "line 1 of FILE: unknown setting config; did you mean config?"),
    ])
    func `a mistake in a file is named with its line`(text: String, line: String) throws {
        try Self.withFile(text) { path in
            do {
                _ = try Self.read("-config", path)
                Issue.record("accepted")
            } catch let error as UsageError {
                #expect(error.description == line.replacingOccurrences(of: "FILE", with: path))
                #expect(error.exitStatus == 2)
            }
        }
    }

    @Test(arguments: [["-config", "/nowhere"], ["-signatureKey", "@/nowhere"]])
    func `a file that is not there is the machine's fault`(arguments: [String]) {
        do {
            _ = try CommandLineReader.read(arguments, environment: [])
            Issue.record("accepted")
        } catch {
            #expect(error.exitStatus == 1)
            #expect(error.description.contains("open /nowhere: no such file or directory"))
        }
    }

    // MARK: Access

    @Test(arguments: [
        (
            ["-allowPorts", "80,22"],
            "invalid value \"80,22\" for -allowPorts: expected ports from 1 to 65535 that browsers speak HTTP to"
        ),
        (
            ["-passResponseHeaders", "Link,Clear-Site-Data"],
            "invalid value \"Link,Clear-Site-Data\" for -passResponseHeaders: expected names of headers other than Clear-Site-Data, with which an origin would speak for this service"
        ),
        (
            ["-trustedProxies", "10.0.0.0/8,proxy.test"],
            "invalid value \"10.0.0.0/8,proxy.test\" for -trustedProxies: expected addresses, blocks such as 10.0.0.0/8, or unix"
        ),
        (["-pathPrefix", "images"], "invalid value \"images\" for -pathPrefix: expected a path such as /images"),
        (
            ["-passRequestHeaders", "Accept,Host"],
            "invalid value \"Accept,Host\" for -passRequestHeaders: expected names of headers other than Host, which the service sets itself"
        ),
    ])
    func `a mistake about access is one line, too`(arguments: [String], line: String) {
        do {
            _ = try CommandLineReader.read(arguments, environment: [])
            Issue.record("accepted")
        } catch {
            #expect(error.description == line)
        }
    }

    @Test func `the referrer is passed on with the other headers`() throws {
        #expect(try Self.read("-includeReferer").passRequestHeaders == ["Referer"])
        #expect(
            try Self.read("-includeReferer", "-passRequestHeaders", "referer, Accept").passRequestHeaders == [
                "referer", "Accept",
            ])
        #expect(
            try Self.read("-includeReferer=false", "-passRequestHeaders", "Accept").passRequestHeaders == ["Accept"])
    }

    @Test(
        arguments: [
            ("", "/a", "/a"), ("/img", "/img/x/http://h", "/x/http://h"), ("/img/", "/img", "/"),
            ("/img", "/img?q", "/?q"),
            ("/img", "/imgx/y", nil), ("/img", "/x/img/", nil), ("/", "/a", "/a"),
            ("/a/b", "/a/b//http://h", "//http://h"),
        ] as [(String, String, String?)])
    func `a prefix is taken off where it is one`(prefix: String, target: String, rest: String?) throws {
        #expect(PathPrefix(prefix)?.strip(target) == rest)
    }

    @Test(arguments: ["img", "//img", "/a?b", "/ä", "/a b", "/a#b"])
    func `what is no path is no prefix`(text: String) {
        #expect(PathPrefix(text) == nil)
    }

    @Test func `a configuration can be read out in plain words`() throws {
        let arguments = [
            "check", "-allowHosts", "*.a.test,10.0.0.0/8,*", "-signatureKey", "hidden", "-denyHosts", "b.test",
            "-strictRedirects", "-passRequestHeaders", "Authorization",
        ]
        guard case .answered(let text, 0) = try CommandLineReader.read(arguments, environment: []) else {
            throw UsageError(description: "not answered")
        }
        #expect(
            text.contains("Pictures may come from: a.test and all below it, the addresses 10.0.0.0/8, and all public"))
        #expect(text.contains("Never from: b.test."))
        #expect(text.contains("Redirects may lead only to hosts that are listed."))
        #expect(text.contains("Origins see clients' Authorization."))
        #expect(text.contains("remark: \"*\" in -allowHosts can never match a host"))
        #expect(!text.contains("hidden"))
        #expect(throws: UsageError.self) { try CommandLineReader.read(["check", "-nonsense"], environment: []) }
    }

    @Test func `the documentation of the flags is the program's own`() throws {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let file = tests.deletingLastPathComponent().appending(path: "docs/configuration.md")
        let documented = try String(contentsOf: file, encoding: .utf8)
        #expect(documented == CommandLineReader.markdown, "run scripts/update-docs")
    }

    @Test(arguments: [
        ("", ""), (" ", ""), ("\t \t", ""), ("a", "a"), (" a", "a"), ("a\t", "a"), ("  a b  ", "a b"), (" ä ", "ä"),
        ("\u{A0}a\n", "\u{A0}a\n"),
    ])
    func `spaces and tabs at the ends are no part of a value`(text: String, expected: String) {
        #expect(text.trimmed == expected)
    }
}
