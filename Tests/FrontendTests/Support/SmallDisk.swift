// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A file system of a few megabytes, which another process has mounted where only it sees it; `path` leads there.
///
/// Who is not root gets a user namespace in which mounting is allowed. It ends with the test process, however that ends:
/// the other one waits on a pipe that only this process holds.
///
/// `@unchecked`: one test uses it, from one place at a time.
final class SmallDisk: @unchecked Sendable {
    let path: String
    private let holder = Process()
    private let lifeline = Pipe()
    private let folder: String

    /// - Parameters:
    ///   - size: as tmpfs takes it, such as `1m`.
    ///   - folder: an empty one, to mount it on.
    init(size: String, on folder: String) throws {
        self.folder = folder
        let output = Pipe()
        self.holder.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        let script = "mount -t tmpfs -o size=\(size) none '\(folder)' && echo mounted && exec cat > /dev/null"
        self.holder.arguments =
            ["--mount", "--propagation", "private"] + (geteuid() == 0 ? [] : ["--map-root-user"])
            + ["sh", "-c", script]
        self.holder.standardInput = self.lifeline
        self.holder.standardOutput = output
        try self.holder.run()
        self.path = "/proc/\(self.holder.processIdentifier)/root\(folder)"
        guard output.fileHandleForReading.availableData == Data("mounted\n".utf8) else { throw POSIXError(.EPERM) }
    }

    deinit {
        try? self.lifeline.fileHandleForWriting.close()
        self.holder.waitUntilExit()
    }

    func mayOnlyBeReadFromNowOn() throws {
        let mount = Process()
        mount.executableURL = URL(fileURLWithPath: "/usr/bin/nsenter")
        mount.arguments =
            ["--target", "\(self.holder.processIdentifier)", "--mount"]
            + (geteuid() == 0 ? [] : ["--user", "--preserve-credentials"])
            // With its source, or a user that only exists outside would be among the options.
            + ["mount", "-o", "remount,ro", "none", self.folder]
        try mount.run()
        mount.waitUntilExit()
        guard mount.terminationStatus == 0 else { throw POSIXError(.EPERM) }
    }
}
