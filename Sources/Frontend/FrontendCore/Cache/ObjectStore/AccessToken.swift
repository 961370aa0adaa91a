// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// What OAuth's token services answer.
enum AccessToken {
    private static let mostBytes = 64 << 10
    private static let limit = Duration.seconds(3)

    /// - Parameter service: what the log calls it.
    /// - Throws: `ObjectFailure`, `CancellationError`.
    @LoopActor
    static func obtain(
        _ request: ObjectRequest, from service: String, _ client: ObjectClient, clock: WallClock
    ) async throws -> Credential<String> {
        do {
            let answer = try await client.send(request, mostBytes: Self.mostBytes, atMost: Self.limit)
            let json = JSON(parsing: answer.body.copied())
            guard answer.status == 200 else {
                throw ObjectFailure("answers \(answer.status)" + (json?["error"]?.words.map { " (\($0))" } ?? ""))
            }
            guard let token = json?["access_token"]?.words, case .number(let seconds)? = json?["expires_in"],
                seconds > 0, seconds < 1e9
            else { throw ObjectFailure("its answer has no token") }
            return Credential(value: token, expires: clock.now() + Int64(seconds))
        } catch let failure as ObjectFailure {
            throw ObjectFailure("no credentials: \(service): \(failure)")
        }
    }

    /// The request that a token service takes.
    static func form(_ fields: [(String, String)], to url: String) -> ObjectRequest {
        let text = fields.map { "\($0.0)=\(ObjectURL.escaped($0.1, keepingSlash: false))" }.joined(separator: "&")
        var request = ObjectRequest(method: "POST", url: url, body: [Blob(text.utf8)])
        request.fields.append("Content-Type", "application/x-www-form-urlencoded")
        return request
    }
}
