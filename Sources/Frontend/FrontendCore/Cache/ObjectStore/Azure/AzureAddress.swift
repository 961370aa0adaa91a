// SPDX-License-Identifier: Apache-2.0

/// Where a container of Azure's blob storage is, and the key to it: `azure://container/[?endpoint=…&timeout=…]`.
public struct AzureAddress: Sendable, Equatable {
    let container: String
    let account: String
    let key: [UInt8]
    let endpoint: ServiceEndpoint
    let logsErrors: Bool
    let timeout: Duration?

    /// - Parameter text: what comes after `azure:`.
    /// - Throws: what was expected, and never the key.
    init(_ text: Substring, environment: OperatorEnvironment = .process) throws(FlagError) {
        guard let url = ObjectURL(text), url.hasOnly(["endpoint", "timeout"]), url.path.isEmpty else {
            throw FlagError(expected: "azure://container/[?timeout=500ms]")
        }
        self.timeout = try url.timeout()
        self.container = url.host.isEmpty ? "cache" : url.host
        guard (3...63).contains(self.container.utf8.count),
            self.container.utf8.allSatisfy({ "abcdefghijklmnopqrstuvwxyz0123456789-".utf8.contains($0) })
        else {
            throw FlagError(expected: "a container's name of 3 to 63 lower-case letters, digits and dashes")
        }
        guard let account = environment["AZURESTORAGE_ACCOUNT_NAME"],
            account.utf8.allSatisfy({ "abcdefghijklmnopqrstuvwxyz0123456789".utf8.contains($0) })
        else {
            throw FlagError(expected: "the name of a storage account in AZURESTORAGE_ACCOUNT_NAME")
        }
        guard let key = environment["AZURESTORAGE_ACCESS_KEY"].flatMap(Base64.decodeStandard), !key.isEmpty else {
            throw FlagError(expected: "the storage account's key, in base64, in AZURESTORAGE_ACCESS_KEY")
        }
        guard let endpoint = ServiceEndpoint(url["endpoint"] ?? "https://\(account).blob.core.windows.net") else {
            throw FlagError(expected: "endpoint=URL, without a user or a query")
        }
        self.account = account
        self.key = key
        self.endpoint = endpoint
        self.logsErrors = !environment.isTrue("NO_LOG_AZUREBSCACHE_ERRORS")
    }

    var title: String { "azure://\(self.container)" }
}
