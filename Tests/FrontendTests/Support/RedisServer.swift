// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// A real redis-server in a directory of its own, on a Unix socket and a free port of the loopback interface.
///
/// It ends with the test process, however that ends: its launcher waits on a pipe that only this process holds.
///
/// `@unchecked`: one test uses it, from one place at a time.
final class RedisServer: @unchecked Sendable {
    let directory: String
    let port: UInt16
    private let arguments: [String]
    private var launcher: Process?
    private var lifeline: Pipe?
    private(set) var pid: pid_t = 0

    var socketPath: String { self.directory + "/redis.sock" }
    var tcpURL: String { "redis://127.0.0.1:\(self.port)" }
    var unixURL: String { "unix://\(self.socketPath)" }

    /// Starts one; returns when it answers.
    init(_ arguments: [String] = [], port: UInt16? = nil) async throws {
        self.arguments = arguments
        self.port = port ?? freePort()
        self.directory = NSTemporaryDirectory() + "redis-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: self.directory, withIntermediateDirectories: true)
        try await self.start()
    }

    deinit {
        self.kill()
        try? self.lifeline?.fileHandleForWriting.close()
        try? FileManager.default.removeItem(atPath: self.directory)
    }

    func start(waits: Bool = true) async throws {
        let process = Process()
        let lifeline = Pipe()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        // A configuration file, not options: sentinels must be able to write theirs.
        let configuration = self.directory + "/redis.conf"
        if !FileManager.default.fileExists(atPath: configuration) {
            let common = [
                "port \(self.port)", "bind 127.0.0.1", "unixsocket \(self.socketPath)", "dir \(self.directory)",
                "logfile \(self.directory)/log", "save \"\"", "enable-debug-command yes", "protected-mode no",
            ]
            let isSentinel = self.arguments.contains("--sentinel")
            let lines =
                (isSentinel ? common.filter { !$0.hasPrefix("save") && !$0.hasPrefix("enable") } : common)
                + self.arguments.filter { $0 != "--sentinel" }
            try lines.joined(separator: "\n").appending("\n")
                .write(toFile: configuration, atomically: true, encoding: .utf8)
        }
        let script = "redis-server \"$@\" & echo $!; cat > /dev/null; kill -9 $! 2> /dev/null; wait"
        process.arguments =
            ["-c", script, "sh", configuration] + (self.arguments.contains("--sentinel") ? ["--sentinel"] : [])
        process.standardInput = lifeline
        process.standardOutput = output
        try process.run()
        self.launcher = process
        self.lifeline = lifeline
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        self.pid = pid_t(line.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
        guard waits else { return }
        for _ in 0..<500 {
            // Any answer: it may want a password.
            if !self.cli("PING").isEmpty, FileManager.default.fileExists(atPath: self.socketPath) { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw TestSetupError(description: "redis-server does not start, see \(self.directory)/log")
    }

    /// SIGKILL: nothing is flushed, no connection is closed in good order.
    func kill() {
        if self.pid > 0 { Glibc.kill(self.pid, SIGKILL) }
        // Gone when nobody listens any more; the launcher reaps it.
        for _ in 0..<500 where isListening(self.port) { usleep(2000) }
    }

    func signal(_ number: Int32) { Glibc.kill(self.pid, number) }

    /// Runs redis-cli; returns what it prints.
    @discardableResult
    func cli(_ arguments: String...) -> String {
        runTool("redis-cli", ["-h", "127.0.0.1", "-p", "\(self.port)"] + arguments)
    }

    /// The connections that are ours.
    var ourClients: Int {
        self.cli("CLIENT", "LIST").split(separator: "\n").count { $0.contains("name=imageproxy") }
    }
}

struct TestSetupError: Error, CustomStringConvertible {
    let description: String
}

/// Runs a program to its end; returns what it prints on standard output.
func runTool(_ name: String, _ arguments: [String]) -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [name] + arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return "" }
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return text.trimmingCharacters(in: .newlines)
}

/// A port that nobody listens on, and 10,000 above it another one, for the bus of a cluster.
///
/// Both below 32768, where the kernel begins to give ports to outgoing connections: none of those can take it before the
/// server has it.
func freePort() -> UInt16 {
    while true {
        let port = UInt16.random(in: 10_000..<22_000)
        if let first = TestListener(port), let second = TestListener(port + 10_000) {
            first.close()
            second.close()
            return port
        }
    }
}

func isListening(_ port: UInt16) -> Bool {
    guard let descriptor = connectTCP(port) else { return false }
    close(descriptor)
    return true
}

func connectTCP(_ port: UInt16) -> Int32? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = loopback(port)
    let status = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    guard status == 0 else {
        close(descriptor)
        return nil
    }
    return descriptor
}

private func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
}

/// A listening socket of the loopback interface.
struct TestListener {
    let descriptor: Int32
    let port: UInt16

    /// - Parameter port: 0 = any that is free.
    init?(_ port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = loopback(port)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isListening else {
            Glibc.close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        self.port = UInt16(bigEndian: address.sin_port)
    }

    func close() {
        // Wakes whoever waits in accept.
        shutdown(self.descriptor, Int32(SHUT_RDWR))
        Glibc.close(self.descriptor)
    }
}
