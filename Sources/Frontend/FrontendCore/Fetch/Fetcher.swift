// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Fetches originals, redirects included, within limits and by the rules.
///
/// Redirects are followed here and not by libcurl: each hop is a request of its own, judged as the first one was.
@LoopActor
final class Fetcher {
    /// Counts for every fetch that begins after it was set.
    var settings: FetchSettings
    private let multi: CurlMulti
    private let gate: HostGate

    init(_ settings: FetchSettings) {
        self.settings = settings
        self.multi = CurlMulti(maximumPerHost: settings.limits.maximumPerHost)
        self.gate = HostGate(limit: settings.limits.maximumPerHost)
    }

    convenience init(_ configuration: Configuration) {
        self.init(FetchSettings(configuration))
    }

    /// Fetches a URL.
    ///
    /// - Parameters:
    ///   - headers: sent in addition to this service's own. Those that say who asks go to the first origin only, like
    ///     a password in the URL. Conditions (`If-None-Match` and its like) go to one URL only, see `validatorsOf`.
    ///   - storedURL: the ``FetchedResource/url`` of the stored answer that the conditions in `headers` speak of; nil =
    ///     the URL itself. A redirect may lead elsewhere than it did, and there the same tag or date says nothing: a
    ///     "not modified" from another URL would keep the wrong picture.
    /// - Throws: `FetchError`; `CancellationError`, at once, when the task is cancelled.
    func fetch(
        _ url: String, headers: HTTPFields, validatorsOf storedURL: String? = nil
    ) async throws -> FetchedResource {
        let limits = self.settings.limits
        let deadline = limits.total > .zero ? ContinuousClock.now + limits.total : nil
        var target = try FetchTarget(parsing: url)
        var fields = try RequestFields(self.settings, caller: headers)
        let conditionalURL = storedURL ?? target.url

        for hop in 0...limits.maximumRedirects {
            try self.settings.rules.check(target, hop: hop)
            let sent = target.url == conditionalURL ? fields : fields.withoutConditions()
            let answer = try await self.gate.pass(to: target.host, waiting: try CurlMulti.rest(of: deadline)) {
                try await self.exchange(with: target, sent, until: deadline)
            }
            guard let location = answer.location else {
                guard answer.head.status != 304 || sent.isConditional else {
                    throw FetchError.protocolViolation("\"not modified\", which nobody asked")
                }
                return FetchedResource(
                    url: target.url, status: answer.head.status, headers: answer.head.headers, body: answer.body)
            }
            let next = try target.resolving(location: location)
            if !next.sharesOrigin(with: target) { fields.dropPersonal() }
            target = next
        }
        throw FetchError.tooManyRedirects(limit: limits.maximumRedirects)
    }

    /// Ends what is running and closes every connection; whoever fetches after this is told so.
    func close() { self.multi.close() }

    private func exchange(
        with target: FetchTarget, _ fields: RequestFields, until deadline: ContinuousClock.Instant?
    ) async throws -> Transfer.Answer {
        try await self.multi.exchange(until: deadline) { isFresh throws(FetchError) in
            try Transfer(
                target, fields: fields, settings: self.settings, sockets: self.multi.sockets,
                onFreshConnection: isFresh)
        }
    }
}
