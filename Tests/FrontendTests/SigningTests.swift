// SPDX-License-Identifier: Apache-2.0

import Foundation
import ImageJob
import Testing

@testable import FrontendCore

struct SigningTests {
    private static func keys(_ texts: String...) -> SigningKeys {
        var keys = SigningKeys()
        for text in texts { keys.add(Array(text.utf8)) }
        return keys
    }

    private static func isSigned(_ target: String, _ keys: SigningKeys) throws -> Bool {
        try keys.isSigned(RequestURL.parse(target: target, baseURL: nil))
    }

    @Test(arguments: [
        ("secretkey", "https://octodex.github.com/images/codercat.jpg", "cw34eyalj8YvpLpETxSIxv2k8QkLel2UAR5Cku2FzGM="),
        (
            "secretkey", "https://octodex.github.com/images/codercat.jpg#400x400,q40",
            "0sR2kjyfiF1RQRj4Jm2fFa3_6SDFqdAaDEmy1oD2U-4="
        ),
        ("c0ffee", "http://test/image", "NDx5zZHx7QfE8E-ijowRreq6CJJBZjwiRfOVk_mkfQQ="),
        ("c0ffee", "http://test/image#0x0,r90", "ZGTzEm32o4iZ7qcChls3EVYaWyrDd9u0etySo0-WkF8="),
        ("beer", "http://test/image", "FWIawYV4SEyI4zKJMeGugM-eJM1eI_jXPEQ20ZgRe4A="),
        ("c0ffee", "http://bad/image", "gWivrPhXBbsYEwpmWAKjbJEiAEgZwbXbltg95O2tgNI="),
        ("secret", "http://example.com/image.jpg#0x0", "w0xFtXWEdt_ZaxKkhI83xi2LjXfaBvi1EMmWPG4T2vA="),
        ("secret", "http://example.com/image.jpg", "k-pdI2ig_FCOkQe_PrMfSfcdgfF0_iU2_HT4gRX1WEA="),
    ])
    func `signatures are the original's`(key: String, message: String, signature: String) throws {
        #expect(
            Base64.encode(SigningKeys.authenticationCode(of: Array(message.utf8), key: Array(key.utf8))) == signature)
        let parts = message.split(separator: "#")
        let options = parts.count == 2 ? String(parts[1]) + "," : ""
        for given in [signature, String(signature.dropLast())] {
            #expect(try Self.isSigned("/\(options)s\(given)/\(parts[0])", Self.keys("other", key)))
            #expect(try !Self.isSigned("/\(options)s\(given)/\(parts[0])x", Self.keys("other", key)))
            #expect(try !Self.isSigned("/\(options)s\(given)/\(parts[0])", Self.keys("other")))
        }
    }

    @Test(arguments: [
        ("/sNDx5zZHx7QfE8E-ijowRreq6CJJBZjwiRfOVk_mkfQQ=,r90/http://test/image", true),  // of the URL: any options
        ("/r90,sZGTzEm32o4iZ7qcChls3EVYaWyrDd9u0etySo0-WkF8=/http://test/image", true),
        ("/0x0,sZGTzEm32o4iZ7qcChls3EVYaWyrDd9u0etySo0-WkF8,r90/http://test/image", true),
        ("/r180,sZGTzEm32o4iZ7qcChls3EVYaWyrDd9u0etySo0-WkF8=/http://test/image", false),
        ("/r90,sZGTzEm32o4iZ7qcChls3EVYaWyrDd9u0etySo0-WkF8=/http%3A%2F%2Ftest%2Fimage", true),
        ("/r90,sZGTzEm32o4iZ7qcChls3EVYaWyrDd9u0etySo0-WkF8=/http:/test/image", true),
        ("/sNDx5zZHx7QfE8E-ijowRreq6CJJBZjwiRfOVk_mkfQQ==/http://test/image", false),
        ("/sNDx5zZHx7QfE8E+ijowRreq6CJJBZjwiRfOVk_mkfQQ=/http://test/image", false),
        ("/sNDx5zZHx7QfE8E-ijowRreq6CJJBZjwiRfOVk_mkfQQ%3D/http://test/image", false),
        ("/sNDx5zZHx7QfE8E-ijowRreq6CJJBZjwiRfOVk_mkf/http://test/image", false),
        ("/s!!/http://test/image", false), ("/s/http://test/image", false), ("//http://test/image", false),
        ("/s=/http://test/image", false), ("/s====/http://test/image", false),
    ])
    func `a signature is of the URL, or of the URL with its options`(target: String, isValid: Bool) throws {
        #expect(try Self.isSigned(target, Self.keys("c0ffee")) == isValid)
    }

    /// A signature of `url#options` was one of a URL with that fragment, and so good for any options and any time.
    @Test(arguments: [
        "/60x40,sZGTzEm32o4iZ7qcChls3EVYaWyrDd9u0etySo0-WkF8=/http%3A%2F%2Ftest%2Fimage%230x0%2Cr90",
        "/60x40,sZGTzEm32o4iZ7qcChls3EVYaWyrDd9u0etySo0-WkF8=/aHR0cDovL3Rlc3QvaW1hZ2UjMHgwLHI5MA",
        "/60x40,sZGTzEm32o4iZ7qcChls3EVYaWyrDd9u0etySo0-WkF8=/http://test/image#0x0,r90",
    ])
    func `a fragment does not carry options past a signature`(target: String) throws {
        #expect(try !Self.isSigned(target, Self.keys("c0ffee")))
    }

    @Test func `a signature of URL and query does not pass for one of options`() throws {
        let key = Self.keys("k")
        let signature = Base64.encode(SigningKeys.authenticationCode(of: Array("http://h/a?q#10x10".utf8), key: [0x6B]))
        #expect(try Self.isSigned("/10,s\(signature)/http://h/a?q", key))
        #expect(try !Self.isSigned("/20,s\(signature)/http://h/a?q#10x10", key))
    }

    @Test func `an empty key signs nothing`() throws {
        let signature = Base64.encode(SigningKeys.authenticationCode(of: Array("http://h/".utf8), key: []))
        #expect(try !Self.isSigned("/s\(signature)/http://h/", Self.keys("")))
        #expect(!Self.keys("").isEmpty)
    }

    @Test(
        arguments: [
            (
                ["-key", "secretkey", "-url", "https://octodex.github.com/images/codercat.jpg"],
                "url: https://octodex.github.com/images/codercat.jpg\nsignature: cw34eyalj8YvpLpETxSIxv2k8QkLel2UAR5Cku2FzGM=\n",
                0
            ),
            (
                ["-key=c0ffee", "http://localhost:8080/r90,sabc/http://test/image"],
                "url: http://localhost:8080/r90,sabc/http://test/image\nsignature: ZGTzEm32o4iZ7qcChls3EVYaWyrDd9u0etySo0-WkF8=\n",
                0
            ),
            (
                ["-key", "c0ffee", "http://test/image#r90"],
                "url: http://test/image#r90\nsignature: ZGTzEm32o4iZ7qcChls3EVYaWyrDd9u0etySo0-WkF8=\n", 0
            ),
            ([], "imageproxy-sign url [key]\n", 1),
            (["http://[::1"], "unable to parse URL: http://[::1\n", 1),
            (["-key", "@/nowhere", "http://h/"], "error parsing key: open /nowhere: no such file or directory\n", 1),
        ] as [([String], String, Int32)])
    func `the tool that signs prints what the original's prints`(arguments: [String], text: String, status: Int32)
        throws
    {
        for (program, arguments) in [("/usr/bin/imageproxy-sign", arguments), ("imageproxy", ["sign"] + arguments)] {
            let outcome = try CommandLineReader.read(arguments, program: program, environment: [])
            guard case .answered(let answer, let exitStatus) = outcome else { throw UsageError(description: "run") }
            #expect(answer == text)
            #expect(exitStatus == status)
        }
    }

    @Test(arguments: [
        ("/", "/#0x0"), ("http://localhost:8080//http://example.com/", "http://example.com/#0x0"),
        ("http://localhost:8080/10,r90,jpeg/http://example.com/", "http://example.com/#10x10,jpeg,r90"),
        ("http://example.com/#r90,jpeg", "http://example.com/#0x0,jpeg,r90"),
        ("http://example.com/#r90,jpeg,sc0ffee", "http://example.com/#0x0,jpeg,r90"),
        ("http://localhost:8080/10,sc0ffee,jpeg/http://example.com/", "http://example.com/#10x10,jpeg"),
        ("http://example.com", "http://example.com#0x0"), ("http://h/a?b#vu9", "http://h/a?b#0x0,vu9"),
    ])
    func `what is signed is a request's URL and options, or a URL's with a fragment`(text: String, message: String)
        throws
    {
        let (url, options) = try #require(SignCommand.message(text))
        #expect(String(decoding: url, as: UTF8.self) + "#" + options.canonical == message)
    }

    @Test func `a key file is its bytes, the line end too`() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "key-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data("a b\n".utf8).write(to: file)
        let outcome = try CommandLineReader.read(
            ["-signatureKey", "one @\(file.path)"], environment: [(name: "IMAGEPROXY_SIGNATUREKEY", value: "zero")])
        guard case .run(let configuration) = outcome else { throw UsageError(description: "no configuration") }
        #expect(configuration.access.signingKeys.count == 3)
        for key in ["zero", "one", "a b\n"] {
            let code = SigningKeys.authenticationCode(of: Array("http://h/".utf8), key: Array(key.utf8))
            #expect(try Self.isSigned("/s\(Base64.encode(code))/http://h/", configuration.access.signingKeys))
        }
    }
}
