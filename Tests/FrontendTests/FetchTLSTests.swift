// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

@testable import FrontendCore

/// An `openssl s_server` with a certificate of its own for `localhost`.
private final class TLSOrigin {
    let port: Int
    let certificate: String
    private let folder: URL
    private let server = Process()

    init() throws {
        self.folder = FileManager.default.temporaryDirectory.appendingPathComponent("tls-\(UUID())")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        self.certificate = self.folder.appendingPathComponent("cert.pem").path
        let key = self.folder.appendingPathComponent("key.pem").path
        let maker = Self.openssl([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out",
            self.certificate,
        ])
        try maker.run()
        maker.waitUntilExit()
        // Port 0 lets the system choose; the server says which on its first line.
        let output = Pipe()
        self.server.executableURL = Self.program
        self.server.arguments = ["s_server", "-accept", "127.0.0.1:0", "-cert", self.certificate, "-key", key, "-www"]
        self.server.standardOutput = output
        self.server.standardError = FileHandle.nullDevice
        try self.server.run()
        var text = ""
        while !text.contains("ACCEPT"), case let data = output.fileHandleForReading.availableData, !data.isEmpty {
            text += String(decoding: data, as: UTF8.self)
        }
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("ACCEPT") })
        self.port = try #require(line.split(separator: ":").last.flatMap { Int($0) })
    }

    deinit {
        // Not SIGTERM: a child of a test's thread is born with that signal blocked.
        kill(self.server.processIdentifier, SIGKILL)
        try? FileManager.default.removeItem(at: self.folder)
    }

    private static let program = URL(fileURLWithPath: "/usr/bin/openssl")

    private static func openssl(_ arguments: [String]) -> Process {
        let process = Process()
        process.executableURL = Self.program
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        return process
    }
}

struct FetchTLSTests {
    @Test func `a certificate counts when the system or the operator trusts it, and for its own name`() async throws {
        let origin = try TLSOrigin()
        var settings = FetchTests.open
        #expect(try await FetchTests.failure("https://localhost:\(origin.port)/", settings)?.kind == "tls")
        settings.extraCertificates = origin.certificate
        let answer = try await FetchTests.fetch("https://localhost:\(origin.port)/", settings)
        #expect(answer.status == 200)
        #expect(answer.body.count > 0)
        #expect(try await FetchTests.failure("https://127.0.0.1:\(origin.port)/", settings)?.kind == "tls")
        settings.extraCertificates = "/nowhere.pem"
        #expect(try await FetchTests.failure("https://localhost:\(origin.port)/", settings)?.kind == "tls")
    }
}
