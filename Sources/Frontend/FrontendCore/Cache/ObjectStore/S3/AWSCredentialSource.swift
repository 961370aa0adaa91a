// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Where credentials for AWS come from; found once, at start, in the order that Amazon's own programs keep.
enum AWSCredentialSource: Sendable, Equatable {
    case environment(AWSCredentials)
    /// Keys in a file, which is read again when they are refused.
    case profile(String, file: String)
    /// A token in a file, which is exchanged for credentials of a role; Kubernetes has it so.
    case webIdentity(role: String, tokenFile: String, session: String, endpoint: ServiceEndpoint)
    /// An address that a container is given.
    case container(url: String, authorization: Authorization)
    case instanceMetadata(ServiceEndpoint)

    enum Authorization: Sendable, Equatable {
        case none
        case token(String)
        case file(String)
    }

    /// For people.
    var words: String {
        switch self {
        case .environment: "the environment (AWS_ACCESS_KEY_ID)"
        case .profile(let name, let file): "profile \(name) in \(file)"
        case .webIdentity(let role, _, _, _): "role \(role) (AWS_WEB_IDENTITY_TOKEN_FILE)"
        case .container: "the container's credentials service"
        case .instanceMetadata: "the instance's metadata service"
        }
    }

    /// - Throws: one line that says what is missing.
    static func find(region: String, in environment: OperatorEnvironment = .process) throws(UsageError) -> Self {
        let accessKey = environment["AWS_ACCESS_KEY_ID"] ?? environment["AWS_ACCESS_KEY"]
        let secretKey = environment["AWS_SECRET_ACCESS_KEY"] ?? environment["AWS_SECRET_KEY"]
        if let accessKey, let secretKey {
            return .environment(
                AWSCredentials(
                    accessKey: accessKey, secretKey: secretKey, sessionToken: environment["AWS_SESSION_TOKEN"]))
        }
        guard (accessKey == nil) == (secretKey == nil) else {
            throw UsageError(
                description: "-cache s3: of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY one is missing: set both")
        }
        if let profile = try Self.profile(in: environment) { return profile }
        if let role = environment["AWS_ROLE_ARN"], let file = environment["AWS_WEB_IDENTITY_TOKEN_FILE"] {
            let domain = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
            return .webIdentity(
                role: role, tokenFile: file, session: environment["AWS_ROLE_SESSION_NAME"] ?? "imageproxy",
                endpoint: try Self.endpoint(
                    environment["AWS_ENDPOINT_URL_STS"] ?? "https://sts.\(region).\(domain)", "AWS_ENDPOINT_URL_STS"))
        }
        if let container = try Self.container(in: environment) { return container }
        guard !environment.isTrue("AWS_EC2_METADATA_DISABLED") else {
            throw UsageError(
                description:
                    "-cache s3: no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
        }
        return .instanceMetadata(
            try Self.endpoint(
                environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? "http://169.254.169.254",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT"))
    }

    private static func endpoint(_ text: String, _ variable: String) throws(UsageError) -> ServiceEndpoint {
        guard let endpoint = ServiceEndpoint(text, defaultScheme: "http") else {
            throw UsageError(description: "\(variable) is no URL: \(text)")
        }
        return endpoint
    }

    private static func profile(in environment: OperatorEnvironment) throws(UsageError) -> Self? {
        let name = environment["AWS_PROFILE"]
        let home = environment["HOME"].map { "\($0)/.aws/" }
        let files = [
            (environment["AWS_SHARED_CREDENTIALS_FILE"] ?? home.map { "\($0)credentials" }, name ?? "default"),
            (environment["AWS_CONFIG_FILE"] ?? home.map { "\($0)config" }, name.map { "profile \($0)" } ?? "default"),
        ]
        var isKnown = false
        for (file, section) in files {
            guard let file, let content = try? FileContent.read(file) else { continue }
            let profiles = AWSProfiles(content)
            if profiles.credentials(section) != nil { return .profile(section, file: file) }
            isKnown = isKnown || profiles.has(section)
        }
        guard let name else { return nil }
        throw UsageError(
            description: isKnown
                ? "-cache s3: profile \(name) (AWS_PROFILE) has no aws_access_key_id and aws_secret_access_key; "
                    + "roles, SSO and credential_process are not read from files"
                : "-cache s3: there is no profile \(name) (AWS_PROFILE) in "
                    + files.compactMap(\.0).joined(separator: " or "))
    }

    private static func container(in environment: OperatorEnvironment) throws(UsageError) -> Self? {
        let authorization: Authorization =
            environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"].map { .file($0) }
            ?? environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"].map { .token($0) } ?? .none
        if let path = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] {
            return .container(url: "http://169.254.170.2\(path)", authorization: authorization)
        }
        guard let url = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] else { return nil }
        // The token must not go over a network in clear text.
        guard let target = try? FetchTarget(parsing: url),
            target.scheme == .https || Self.isNear(target.host)
        else {
            throw UsageError(
                description:
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI has to be https, or http on this machine: \(Self.shown(url))")
        }
        return .container(url: url, authorization: authorization)
    }

    private static func shown(_ url: String) -> String { String(url.prefix { $0 != "?" }) }

    /// This machine, or what Amazon's agents on it are called.
    private static func isNear(_ host: String) -> Bool {
        host == "localhost" || IPAddress(host)?.addressClass == .loopback
            || ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"].contains(host)
    }
}
