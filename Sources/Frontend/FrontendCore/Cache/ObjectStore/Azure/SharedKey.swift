// SPDX-License-Identifier: Apache-2.0

/// Azure's "Shared Key" signature of a request to blob storage.
///
/// - Source: "Authorize with Shared Key" in Microsoft's documentation, for versions from 2015-02-21 on.
struct SharedKey {
    let account: String
    let key: [UInt8]

    /// The `Authorization` field.
    ///
    /// - Parameters:
    ///   - path: encoded as it is sent.
    ///   - query: not encoded.
    ///   - fields: those of the request; `Date` is not among them, `x-ms-date` is.
    func authorization(
        method: String, path: String, query: [(String, String)], length: Int, fields: HTTPFields
    ) -> String {
        let plain = [
            "Content-Encoding", "Content-Language", "Content-Length", "Content-MD5", "Content-Type", "Date",
            "If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range",
        ].map { $0 == "Content-Length" ? (length == 0 ? "" : "\(length)") : fields[$0] ?? "" }
        let own = fields.map { ($0.name.lowercased(), $0.value) }.filter { $0.0.hasPrefix("x-ms-") }
            .sorted { $0.0 < $1.0 }.map { "\($0.0):\($0.1)" }
        let parameters = query.sorted { $0.0 < $1.0 }.map { "\($0.0):\($0.1)" }
        let message = ([method] + plain + own + ["/\(self.account)\(path)"] + parameters).joined(separator: "\n")
        let signature = SigningKeys.authenticationCode(of: Array(message.utf8), key: self.key)
        return "SharedKey \(self.account):\(Base64.encodeStandard(signature))"
    }
}
