// SPDX-License-Identifier: Apache-2.0

internal import CCrypto

/// Who may change something through the operator's listener. Looking is free to whoever reaches it.
struct AdminAccess: Sendable {
    private let token: [UInt8]?
    /// Only this machine, or who may open the socket, gets there.
    private let isLocal: Bool

    init(addresses: [String], token: [UInt8]?) {
        self.token = token
        self.isLocal = addresses.allSatisfy(Self.isLocal)
    }

    struct Refusal: Equatable {
        var status: Int
        var reason: String
    }

    /// - Parameter authorization: the request's `Authorization` field.
    /// - Returns: nil when it may.
    func refusal(authorization: String?) -> Refusal? {
        guard let token else {
            return self.isLocal
                ? nil
                : Refusal(
                    status: 403, reason: "refused: this listener can be reached from other machines; set -adminToken")
        }
        let words = authorization?.split(separator: " ", maxSplits: 1) ?? []
        guard words.count == 2, String(words[0]).equalsIgnoringCase("Bearer"), Self.areSame(Array(words[1].utf8), token)
        else {
            return Refusal(status: 401, reason: "refused: send \"Authorization: Bearer\" and the token of -adminToken")
        }
        return nil
    }

    /// In a time that depends on neither: digests are compared, which have one length.
    private static func areSame(_ first: [UInt8], _ second: [UInt8]) -> Bool {
        let digests = [first, second].map { $0.withUnsafeBytes { Digest.sha256($0) } }
        return CRYPTO_memcmp(digests[0], digests[1], digests[0].count) == 0
    }

    /// `unix:/path`, and TCP addresses of the loopback interface.
    static func isLocal(_ address: String) -> Bool {
        if address.hasPrefix("unix:") { return true }
        guard let colon = address.lastIndex(of: ":") else { return false }
        let host = address[..<colon].filter { $0 != "[" && $0 != "]" }
        return host == "localhost" || IPAddress(String(host))?.addressClass == .loopback
    }
}
