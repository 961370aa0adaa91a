// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Speaks HTTP with services that the operator has named: object stores, and those that give out credentials.
///
/// Their addresses are not judged, since no client of this service has a say in them. Redirects are not followed: a
/// signature is good for one host only.
@LoopActor
final class ObjectClient {
    private let settings: FetchSettings
    private let multi: CurlMulti

    /// - Parameter extraCertificates: a PEM file of authorities, besides the system's.
    init(extraCertificates: String? = nil) {
        var settings = FetchSettings()
        settings.rules.addresses.allowPrivateNetworks = true
        settings.followsRedirects = false
        settings.userAgent = "imageproxy"
        settings.extraCertificates = extraCertificates
        settings.limits.connect = .seconds(2)
        self.settings = settings
        self.multi = CurlMulti(maximumPerHost: settings.limits.maximumPerHost)
    }

    /// - Parameters:
    ///   - mostBytes: of the answer.
    ///   - limit: for all of it.
    /// - Throws: `ObjectFailure` when there is no answer; `CancellationError`.
    func send(_ request: ObjectRequest, mostBytes: Int, atMost limit: Duration) async throws -> ObjectAnswer {
        var settings = self.settings
        settings.limits.maximumBytes = mostBytes
        settings.limits.firstByte = limit
        let multi = self.multi
        do {
            let target = try FetchTarget(parsing: request.url)
            let fields = try RequestFields(settings, caller: request.fields)
            let isPlain = request.method == "GET" && request.body == nil
            let answer = try await multi.exchange(until: .now + limit) { isFresh throws(FetchError) in
                try Transfer(
                    target, fields: fields,
                    sending: isPlain ? nil : RequestBody(method: request.method, parts: request.body),
                    settings: settings, sockets: multi.sockets, onFreshConnection: isFresh)
            }
            return ObjectAnswer(
                status: answer.head.status, fields: answer.head.headers,
                body: answer.body)
        } catch let error as FetchError {
            throw ObjectFailure(error.detail)
        }
    }

    /// Ends what is running.
    func close() { self.multi.close() }
}
