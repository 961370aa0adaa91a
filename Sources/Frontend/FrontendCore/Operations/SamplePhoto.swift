// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Platform

/// A photograph that needs no origin, for trying the service on a machine without a network.
///
/// It is an origin of its own: the remote URL `http://imageproxy.invalid/sample.jpg` names it. The top-level domain
/// `invalid` never exists (RFC 6761), so no real picture can be hidden by it, and nothing private is fetched.
public struct SamplePhoto: Sendable {
    /// The path under which the front serves the photograph itself.
    public static let path = "/imageproxy-sample.jpg"
    /// The remote URL under which it can be transformed.
    public static let remoteURL = "http://imageproxy.invalid/sample.jpg"

    let entry: CacheEntry

    /// - Throws: one line that says what is wrong with the file.
    public init(file path: String) throws(UsageError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            let reason = String(cString: strerror(errno))
            throw UsageError(description: "-samplePhoto: cannot read \(path): \(reason)", exitStatus: 1)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_size > 0, status.st_size <= 64 << 20 else {
            throw UsageError(description: "-samplePhoto: \(path) is empty or larger than 64 MiB")
        }
        let body = Blob(count: Int(status.st_size)) { buffer in
            var filled = 0
            while filled < buffer.count {
                let count = read(descriptor, buffer.baseAddress! + filled, buffer.count - filled)
                guard count > 0 else { return }
                filled += count
            }
        }
        guard body.withSpan({ ContentType.resolve(announced: "image/jpeg", bytes: $0) }) == "image/jpeg" else {
            throw UsageError(description: "-samplePhoto: \(path) is not a JPEG file")
        }
        let headers = HTTPFields([("Cache-Control", "public, max-age=3600"), ("Etag", "\"sample-\(status.st_size)\"")])
        self.entry = CacheEntry(
            status: 200, headers: headers, contentType: "image/jpeg", body: body,
            freshness: Freshness(status: 200, headers: headers, now: Int64(time(nil))))
    }
}
