// SPDX-License-Identifier: Apache-2.0

/// What signs requests to AWS and to what speaks its language.
struct AWSCredentials: Sendable, Equatable {
    let accessKey: String
    let secretKey: String
    let sessionToken: String?
}

/// AWS's Signature Version 4.
///
/// - Source: "Create a signed AWS API request" and "Authenticating Requests: Using the Authorization Header (AWS
///   Signature Version 4)" in Amazon's documentation. S3 encodes paths once, other services twice; ours need it never
///   a second time, because they have no character that would change.
struct SignatureV4 {
    let credentials: AWSCredentials
    let region: String
    let service: String
    /// Seconds of the Unix clock.
    let time: Int64

    /// The fields that a request needs besides its own.
    ///
    /// - Parameters:
    ///   - path: encoded as it is sent.
    ///   - payload: the SHA-256 of the body, in hexadecimal digits.
    func fields(method: String, host: String, path: String, payload: String) -> HTTPFields {
        let stamp = HTTPDate.compactISO(self.time)
        let scope = "\(stamp.prefix(8))/\(self.region)/\(self.service)/aws4_request"
        // In alphabetical order, as they are signed.
        var fields = [("x-amz-content-sha256", payload), ("x-amz-date", stamp)]
        if let token = self.credentials.sessionToken { fields.append(("x-amz-security-token", token)) }
        let signed = [("host", host)] + fields
        let names = signed.map(\.0).joined(separator: ";")
        let canonical =
            [method, path, ""].joined(separator: "\n") + "\n" + signed.map { "\($0.0):\($0.1)\n" }.joined()
            + "\n\(names)\n\(payload)"
        let message = ["AWS4-HMAC-SHA256", stamp, scope, Digest.hex(Digest.sha256(canonical))].joined(separator: "\n")

        var key = Array("AWS4\(self.credentials.secretKey)".utf8)
        for part in [String(stamp.prefix(8)), self.region, self.service, "aws4_request"] {
            key = SigningKeys.authenticationCode(of: Array(part.utf8), key: key)
        }
        let signature = Digest.hex(SigningKeys.authenticationCode(of: Array(message.utf8), key: key))
        fields.append(
            (
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=\(self.credentials.accessKey)/\(scope), SignedHeaders=\(names), "
                    + "Signature=\(signature)"
            ))
        return HTTPFields(fields)
    }
}
