// SPDX-License-Identifier: Apache-2.0

extension CacheSetting {
    /// For people, and without secrets: where it is, and with which credentials it would be used.
    ///
    /// - Throws: one line, when it cannot be used.
    func words() throws(UsageError) -> String {
        switch self {
        case .memory(let settings): return "memory (\(settings.capacity / 1_000_000) MB)"
        case .disk(let settings):
            return settings.path + (settings.maximumBytes.map { " (\($0 / 1_000_000) MB)" } ?? "")
        case .redis(let address):
            let scheme = address.prefix { $0 != ":" }
            let authority = address.dropFirst(scheme.count + 3).prefix { $0 != "/" && $0 != "?" }
            let hosts = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
            return "Redis" + (hosts.isEmpty ? "" : " at \(hosts)")
        case .s3(let address):
            let source = try AWSCredentialSource.find(region: address.region)
            return "\(address.title), credentials from \(source.words)"
        case .gcs(let address):
            guard !address.isEmulator else { return "\(address.title), an emulator without credentials" }
            return "\(address.title), credentials from \(try GoogleCredentialSource.find().words)"
        case .azure(let address): return "\(address.title), credentials from AZURESTORAGE_ACCESS_KEY"
        }
    }
}
