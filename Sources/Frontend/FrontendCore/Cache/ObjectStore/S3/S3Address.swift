// SPDX-License-Identifier: Apache-2.0

/// Where an S3 bucket is: `s3://region/bucket[/prefix][?endpoint=…&disableSSL=1&s3ForcePathStyle=1&timeout=…]`.
public struct S3Address: Sendable, Equatable {
    let region: String
    let bucket: String
    /// Empty, or ends in a slash.
    let prefix: String
    let endpoint: ServiceEndpoint
    /// The bucket is in the path; else it is part of the host's name.
    let isPathStyle: Bool
    let timeout: Duration?

    /// - Parameter text: what comes after `s3:`.
    init(_ text: Substring, environment: OperatorEnvironment = .process) throws(FlagError) {
        let hint = FlagError(
            expected: "s3://region/bucket[/prefix][?endpoint=host&disableSSL=1&s3ForcePathStyle=1&timeout=500ms]")
        guard let url = ObjectURL(text), url.hasOnly(["endpoint", "disableSSL", "s3ForcePathStyle", "timeout"]) else {
            throw hint
        }
        let region = url.host.isEmpty ? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] : url.host
        let parts = url.path.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let region, let bucket = parts.first, Self.isBucket(bucket),
            let prefix = ObjectURL.prefix(parts.count > 1 ? parts[1] : "")
        else { throw hint }
        let scheme = url["disableSSL"] == "1" ? "http" : "https"
        let domain = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
        guard let endpoint = ServiceEndpoint(url["endpoint"] ?? "s3.\(region).\(domain)", defaultScheme: scheme) else {
            throw FlagError(expected: "endpoint=host, host:port or a URL, without a user or a query")
        }
        self.timeout = try url.timeout()
        self.region = region
        self.bucket = String(bucket)
        self.prefix = prefix
        self.endpoint = endpoint
        // Certificates of *.s3.… do not cover a bucket with dots in its name, and a numeric host has no names below it.
        let host = endpoint.authority.prefix { $0 != ":" }
        self.isPathStyle =
            url["s3ForcePathStyle"] == "1" || endpoint.isEncrypted && bucket.contains(".")
            || bucket.utf8.contains { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) || $0 == UInt8(ascii: "_") }
            || IPAddress(host) != nil || host.hasPrefix("[")
    }

    /// As it may stand in a log.
    var title: String { "s3://\(self.region)/\(self.bucket)" }

    var authority: String { self.isPathStyle ? self.endpoint.authority : "\(self.bucket).\(self.endpoint.authority)" }

    /// The path of an object as it is sent and signed.
    func path(of object: String) -> String {
        self.endpoint.path + ObjectURL.escaped(self.isPathStyle ? "/\(self.bucket)/\(object)" : "/\(object)")
    }

    private static func isBucket(_ name: Substring) -> Bool {
        (3...63).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A || (0x30...0x39).contains($0) || ".-_".utf8.contains($0)
            }
    }
}
