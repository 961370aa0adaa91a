// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Objects in Google Cloud Storage, by its JSON interface.
@LoopActor
final class GCSPlace: ObjectPlace {
    nonisolated let name = "gcs"
    nonisolated let title: String
    nonisolated let prefix: String
    private let address: GCSAddress
    /// nil for an emulator.
    private let tokens: CredentialKeeper<String>?

    init(_ address: GCSAddress, source: GoogleCredentialSource?, client: ObjectClient, clock: WallClock = WallClock()) {
        self.address = address
        self.title = address.title
        self.prefix = address.prefix
        self.tokens = source.map { source in
            CredentialKeeper(clock: clock) { try await source.obtain(client, clock: clock) }
        }
    }

    func ready() async { _ = try? await self.tokens?.value(waits: true) }

    func credentialsWereRefused() { self.tokens?.wereRefused() }

    func request(for action: ObjectAction, object: String) async throws -> ObjectRequest {
        let waits = if case .read = action { false } else { true }
        let token = try await self.tokens?.value(waits: waits)
        let name = ObjectURL.escaped(object, keepingSlash: false)
        let bucket = "/storage/v1/b/\(self.address.bucket)/o"
        let base = self.address.endpoint.text
        var request: ObjectRequest
        switch action {
        case .read: request = ObjectRequest(url: "\(base)\(bucket)/\(name)?alt=media")
        case .write(let parts):
            request = ObjectRequest(
                method: "POST", url: "\(base)/upload\(bucket)?uploadType=media&name=\(name)", body: parts)
            request.fields.append("Content-Type", "application/octet-stream")
        case .remove: request = ObjectRequest(method: "DELETE", url: "\(base)\(bucket)/\(name)")
        }
        if let token { request.fields.append("Authorization", "Bearer \(token)") }
        return request
    }
}
