// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Google's "application default credentials": where they come from is found once, at start, in Google's order.
enum GoogleCredentialSource: Sendable, Equatable {
    /// A key, with which a token is asked for.
    case serviceAccount(email: String, keyID: String?, key: String, tokenURL: String, file: String)
    /// What `gcloud auth application-default login` leaves behind.
    case user(clientID: String, clientSecret: String, refreshToken: String, tokenURL: String, file: String)
    /// On Google's machines.
    case metadata(ServiceEndpoint)

    private static let scope = "https://www.googleapis.com/auth/devstorage.read_write"
    /// How long a signed request for a token is good for, in seconds; Google takes no more.
    private static let claimTime: Int64 = 3600

    /// For people.
    var words: String {
        switch self {
        case .serviceAccount(let email, _, _, _, let file): "service account \(email) in \(file)"
        case .user(_, _, _, _, let file): "a user's login in \(file)"
        case .metadata: "the machine's metadata service"
        }
    }

    /// - Throws: one line that says what is wrong with the file.
    static func find(in environment: OperatorEnvironment = .process) throws(UsageError) -> Self {
        if let file = environment["GOOGLE_APPLICATION_CREDENTIALS"] {
            let content = Result { () throws(FileError) in try FileContent.read(file) }
            switch content {
            case .success(let content): return try Self.read(content, file)
            case .failure(let error):
                throw UsageError(description: "GOOGLE_APPLICATION_CREDENTIALS: \(error)", exitStatus: 1)
            }
        }
        let folder = environment["CLOUDSDK_CONFIG"] ?? environment["HOME"].map { "\($0)/.config/gcloud" }
        if let file = folder.map({ "\($0)/application_default_credentials.json" }),
            let content = try? FileContent.read(file)
        {
            return try Self.read(content, file)
        }
        let host = environment["GCE_METADATA_HOST"] ?? "metadata.google.internal"
        guard let endpoint = ServiceEndpoint(host, defaultScheme: "http") else {
            throw UsageError(description: "GCE_METADATA_HOST is no host: \(host)")
        }
        return .metadata(endpoint)
    }

    private static func read(_ content: [UInt8], _ file: String) throws(UsageError) -> Self {
        guard let json = JSON(parsing: content), let type = json["type"]?.words else {
            throw UsageError(description: "\(file): expected Google's credentials in JSON")
        }
        let tokenURL = json["token_uri"]?.words ?? "https://oauth2.googleapis.com/token"
        switch type {
        case "service_account":
            guard let email = json["client_email"]?.words, let key = json["private_key"]?.words,
                JSONWebToken.signed(.null, header: [], key: key) != nil
            else {
                throw UsageError(description: "\(file): expected client_email, and an RSA key in PEM as private_key")
            }
            return .serviceAccount(
                email: email, keyID: json["private_key_id"]?.words, key: key, tokenURL: tokenURL, file: file)
        case "authorized_user":
            guard let clientID = json["client_id"]?.words, let secret = json["client_secret"]?.words,
                let token = json["refresh_token"]?.words
            else {
                throw UsageError(description: "\(file): expected client_id, client_secret and refresh_token")
            }
            return .user(
                clientID: clientID, clientSecret: secret, refreshToken: token, tokenURL: tokenURL, file: file)
        default:
            throw UsageError(
                description: "\(file): credentials of type \(type) are not supported: use a service account's key")
        }
    }

    /// A token that is good now.
    ///
    /// - Throws: `ObjectFailure`, `CancellationError`.
    @LoopActor
    func obtain(_ client: ObjectClient, clock: WallClock) async throws -> Credential<String> {
        let request: ObjectRequest
        switch self {
        case .serviceAccount(let email, let keyID, let key, let tokenURL, _):
            let now = clock.now()
            let claims = JSON.object([
                ("iss", .string(email)), ("scope", .string(Self.scope)), ("aud", .string(tokenURL)),
                ("iat", .integer(now)), ("exp", .integer(now + Self.claimTime)),
            ])
            let header = keyID.map { [("kid", JSON.string($0))] } ?? []
            // Signing takes a millisecond or two.
            guard let token = await work({ JSONWebToken.signed(claims, header: header, key: key) }) else {
                throw ObjectFailure("no credentials: the service account's key cannot sign")
            }
            request = AccessToken.form(
                [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", token)], to: tokenURL)
        case .user(let clientID, let secret, let token, let tokenURL, _):
            request = AccessToken.form(
                [
                    ("client_id", clientID), ("client_secret", secret), ("refresh_token", token),
                    ("grant_type", "refresh_token"),
                ], to: tokenURL)
        case .metadata(let endpoint):
            var asked = ObjectRequest(
                url: "\(endpoint.text)/computeMetadata/v1/instance/service-accounts/default/token")
            asked.fields.append("Metadata-Flavor", "Google")
            request = asked
        }
        return try await AccessToken.obtain(request, from: "Google's token service", client, clock: clock)
    }
}
