// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Blobs in a container of Azure's storage.
@LoopActor
final class AzurePlace: ObjectPlace {
    nonisolated let name = "azure"
    nonisolated let title: String
    nonisolated let prefix = ""
    nonisolated let logsErrors: Bool
    private let address: AzureAddress
    private let clock: WallClock

    /// The version of the interface that is spoken: the first of those with this signature that all services take.
    private static let version = "2019-12-12"

    init(_ address: AzureAddress, clock: WallClock = WallClock()) {
        self.address = address
        self.title = address.title
        self.logsErrors = address.logsErrors
        self.clock = clock
    }

    func request(for action: ObjectAction, object: String) -> ObjectRequest {
        switch action {
        case .read: return self.request("GET", "/\(object)")
        case .write(let parts):
            return self.request(
                "PUT", "/\(object)", body: parts,
                fields: [("Content-Type", "application/octet-stream"), ("x-ms-blob-type", "BlockBlob")])
        case .remove: return self.request("DELETE", "/\(object)")
        }
    }

    /// The container is made when it turns out to be missing, as by the original; but nobody else can read this one.
    func remedy(for answer: ObjectAnswer, to action: ObjectAction) -> ObjectRequest? {
        guard answer.status == 404, answer.errorCode == "ContainerNotFound", case .write = action else { return nil }
        return self.request("PUT", "", query: [("restype", "container")], body: [])
    }

    private func request(
        _ method: String, _ object: String, query: [(String, String)] = [], body: [Blob]? = nil,
        fields: [(String, String)] = []
    ) -> ObjectRequest {
        let path = "\(self.address.endpoint.path)/\(self.address.container)\(object)"
        let suffix = query.isEmpty ? "" : "?" + query.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
        var request = ObjectRequest(
            method: method, url: "\(self.address.endpoint.scheme)://\(self.address.endpoint.authority)\(path)\(suffix)",
            fields: HTTPFields(
                fields + [("x-ms-date", HTTPDate.format(self.clock.now())), ("x-ms-version", Self.version)]),
            body: body)
        let key = SharedKey(account: self.address.account, key: self.address.key)
        request.fields.append(
            "Authorization",
            key.authorization(
                method: method, path: path, query: query, length: body?.reduce(0) { $0 + $1.count } ?? 0,
                fields: request.fields))
        return request
    }
}
