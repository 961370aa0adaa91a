// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

extension AWSCredentialSource {
    private static let mostBytes = 64 << 10
    private static let limit = Duration.seconds(3)
    /// How long the token for the metadata service is good for, in seconds; it is used at once.
    private static let tokenTime = "60"

    /// Credentials that are good now.
    ///
    /// - Throws: `ObjectFailure`, `CancellationError`.
    @LoopActor
    func obtain(_ client: ObjectClient) async throws -> Credential<AWSCredentials> {
        switch self {
        case .environment(let credentials): return Credential(value: credentials, expires: nil)
        case .profile(let name, let file):
            guard let credentials = AWSProfiles(try await Self.read(file)).credentials(name) else {
                throw ObjectFailure("no keys for profile \(name) in \(file) any more")
            }
            return Credential(value: credentials, expires: nil)
        case .webIdentity(let role, let file, let session, let endpoint):
            let token = Self.firstLine(try await Self.read(file))
            return try await Self.assume(role, session, token, at: endpoint, client)
        case .container(let url, let authorization):
            var request = ObjectRequest(url: url)
            switch authorization {
            case .none: break
            case .token(let token): request.fields.append("Authorization", token)
            case .file(let file):
                request.fields.append("Authorization", Self.firstLine(try await Self.read(file)))
            }
            return try Self.credentials(in: try await Self.ask(request, client, "the container's credentials service"))
        case .instanceMetadata(let endpoint): return try await Self.fromInstance(endpoint, client)
        }
    }

    @LoopActor
    private static func fromInstance(
        _ endpoint: ServiceEndpoint, _ client: ObjectClient
    ) async throws -> Credential<AWSCredentials> {
        let service = "the instance's metadata service"
        var request = ObjectRequest(method: "PUT", url: "\(endpoint.text)/latest/api/token", body: [])
        request.fields.append("X-aws-ec2-metadata-token-ttl-seconds", Self.tokenTime)
        let token = Self.firstLine(try await Self.ask(request, client, service).copied())
        func get(_ path: String) async throws -> Blob {
            var request = ObjectRequest(url: "\(endpoint.text)/latest/meta-data/iam/security-credentials/\(path)")
            request.fields.append("X-aws-ec2-metadata-token", token)
            return try await Self.ask(request, client, service)
        }
        let name = Self.firstLine(try await get("").copied())
        guard !name.isEmpty else { throw ObjectFailure("no credentials: the instance has no role") }
        return try Self.credentials(in: try await get(ObjectURL.escaped(name, keepingSlash: false)))
    }

    /// STS needs no signature for this: the token proves who asks.
    @LoopActor
    private static func assume(
        _ role: String, _ session: String, _ token: String, at endpoint: ServiceEndpoint, _ client: ObjectClient
    ) async throws -> Credential<AWSCredentials> {
        let request = AccessToken.form(
            [
                ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", role),
                ("RoleSessionName", session), ("WebIdentityToken", token),
            ], to: "\(endpoint.text)/")
        let answer = String(decoding: try await Self.ask(request, client, "STS").copied(), as: UTF8.self)
        func element(_ name: String) -> String? {
            guard let start = answer.firstRange(of: "<\(name)>"),
                let end = answer[start.upperBound...].firstRange(of: "</\(name)>")
            else { return nil }
            return String(answer[start.upperBound..<end.lowerBound]).trimmed
        }
        guard let accessKey = element("AccessKeyId"), let secretKey = element("SecretAccessKey"),
            let expires = element("Expiration").flatMap({ HTTPDate.parseISO($0) })
        else { throw ObjectFailure("STS gave no credentials") }
        return Credential(
            value: AWSCredentials(accessKey: accessKey, secretKey: secretKey, sessionToken: element("SessionToken")),
            expires: expires)
    }

    @LoopActor
    private static func ask(_ request: ObjectRequest, _ client: ObjectClient, _ service: String) async throws -> Blob {
        do {
            let answer = try await client.send(request, mostBytes: Self.mostBytes, atMost: Self.limit)
            guard answer.status == 200 else {
                throw ObjectFailure("answers \(answer.status)" + (answer.errorCode.map { " (\($0))" } ?? ""))
            }
            return answer.body
        } catch let failure as ObjectFailure {
            throw ObjectFailure("no credentials: \(service): \(failure)")
        }
    }

    private static func credentials(in document: Blob) throws(ObjectFailure) -> Credential<AWSCredentials> {
        guard let json = JSON(parsing: document.copied()), let accessKey = json["AccessKeyId"]?.words,
            let secretKey = json["SecretAccessKey"]?.words,
            let expires = json["Expiration"]?.words.flatMap({ HTTPDate.parseISO($0) })
        else { throw ObjectFailure("no credentials in what the credentials service answered") }
        return Credential(
            value: AWSCredentials(accessKey: accessKey, secretKey: secretKey, sessionToken: json["Token"]?.words),
            expires: expires)
    }

    private static func firstLine(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.prefix { $0 != 10 && $0 != 13 }, as: UTF8.self).trimmed
    }

    /// Not on the loop: a file may be on a network.
    @LoopActor
    private static func read(_ file: String) async throws -> [UInt8] {
        let content = await work { Result { () throws(FileError) in try FileContent.read(file) } }
        do {
            return try content.get()
        } catch {
            throw ObjectFailure("no credentials: \(error)")
        }
    }
}
