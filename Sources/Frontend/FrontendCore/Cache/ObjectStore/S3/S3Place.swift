// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Objects in S3, or in what speaks its language.
@LoopActor
final class S3Place: ObjectPlace {
    nonisolated let name = "s3"
    nonisolated let title: String
    nonisolated let prefix: String
    private let address: S3Address
    private let credentials: CredentialKeeper<AWSCredentials>
    private let clock: WallClock

    init(
        _ address: S3Address, source: AWSCredentialSource, client: ObjectClient, clock: WallClock = WallClock()
    ) {
        self.address = address
        self.title = address.title
        self.prefix = address.prefix
        self.clock = clock
        self.credentials = CredentialKeeper(clock: clock) { try await source.obtain(client) }
    }

    func ready() async { _ = try? await self.credentials.value(waits: true) }

    func credentialsWereRefused() { self.credentials.wereRefused() }

    func request(for action: ObjectAction, object: String) async throws -> ObjectRequest {
        let waits = if case .read = action { false } else { true }
        let credentials = try await self.credentials.value(waits: waits)
        let payload = await Self.digest(of: action.parts)
        let path = self.address.path(of: object)
        var request = ObjectRequest(url: "\(self.address.endpoint.scheme)://\(self.address.authority)\(path)")
        switch action {
        case .read: break
        case .write(let parts):
            request.method = "PUT"
            request.body = parts
        case .remove: request.method = "DELETE"
        }
        let signature = SignatureV4(
            credentials: credentials, region: self.address.region, service: "s3", time: self.clock.now())
        request.fields = signature.fields(
            method: request.method, host: self.address.authority, path: path, payload: payload)
        if request.body != nil { request.fields.append("Content-Type", "application/octet-stream") }
        return request
    }

    /// The body is signed, too: whoever stores it has what was sent, whatever is between.
    private static func digest(of parts: [Blob]) async -> String {
        guard !parts.isEmpty else { return Self.ofNothing }
        return await work { withExtendedLifetime(parts) { Digest.hex(Digest.sha256(parts.map(\.bytes))) } }
    }

    private static let ofNothing = Digest.hex(Digest.sha256(""))
}
