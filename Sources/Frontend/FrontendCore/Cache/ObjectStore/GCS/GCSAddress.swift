// SPDX-License-Identifier: Apache-2.0

/// Where a bucket of Google Cloud Storage is: `gcs://bucket[/prefix][?endpoint=…&timeout=…]`.
public struct GCSAddress: Sendable, Equatable {
    let bucket: String
    /// Empty, or ends in a slash.
    let prefix: String
    let endpoint: ServiceEndpoint
    /// A stand-in for tests, which takes requests without credentials.
    let isEmulator: Bool
    let timeout: Duration?

    /// - Parameter text: what comes after `gcs:`.
    init(_ text: Substring, environment: OperatorEnvironment = .process) throws(FlagError) {
        guard let url = ObjectURL(text), url.hasOnly(["endpoint", "timeout"]), (3...222).contains(url.host.utf8.count),
            let prefix = ObjectURL.prefix(url.path)
        else { throw FlagError(expected: "gcs://bucket[/prefix][?timeout=500ms]") }
        self.timeout = try url.timeout()
        self.bucket = url.host
        self.prefix = prefix
        let emulator = environment["STORAGE_EMULATOR_HOST"]
        let named =
            url["endpoint"].map { ServiceEndpoint($0) } ?? emulator.map { ServiceEndpoint($0, defaultScheme: "http") }
        guard let endpoint = named ?? ServiceEndpoint(authority: "storage.googleapis.com") else {
            throw FlagError(expected: "a URL without user or query as endpoint, or host:port in STORAGE_EMULATOR_HOST")
        }
        self.endpoint = endpoint
        self.isEmulator = emulator != nil
    }

    var title: String { "gcs://\(self.bucket)" }
}
