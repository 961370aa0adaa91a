// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Why a file could not be read, in the words of the original's library: `open /etc/key: no such file or directory`.
struct FileError: Error, CustomStringConvertible {
    let description: String

    init(_ operation: String, _ path: String, _ number: Int32) {
        let reason = String(cString: strerror(number))
        self.description = "\(operation) \(path): \(reason.prefix(1).lowercased())\(reason.dropFirst())"
    }
}

/// Reads small files that an operator names: keys, settings.
enum FileContent {
    /// Nothing that is meant here comes near it; a device would never end.
    private static let maximumLength = 1 << 20

    static func read(_ path: String) throws(FileError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError("open", path, errno) }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Glibc.read(descriptor, &part, part.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError("read", path, errno) }
            guard count > 0 else { return content }
            content += part[..<count]
            guard content.count <= Self.maximumLength else { throw FileError("read", path, EFBIG) }
        }
    }
}
