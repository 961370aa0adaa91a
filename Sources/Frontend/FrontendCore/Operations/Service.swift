// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Glibc
internal import ImageJob
internal import Telemetry

/// Which path is answered by what: the endpoints of the original, and everything else is a picture.
@LoopActor
final class Service {
    private var configuration: Configuration
    private var authorizer: Authorizer
    private let pipeline: RequestPipeline
    private var responder: Responder
    private let sample: SamplePhoto?
    private var shape: OriginRequestShape
    private let metrics: Metrics
    private let accessLog: AccessLog
    /// For `/ready`; set once there is one. It knows the server that knows this, so nobody may own all three.
    weak var report: StatusReport?
    /// Requests of clients that come through proxies: these have no connections of their own to be counted.
    private let clients: ClientCounts
    let failures = FailureLog()
    private var repeated: RepeatedAnswers

    init(
        configuration: Configuration, pipeline: RequestPipeline, sample: SamplePhoto?, metrics: Metrics,
        accessLog: AccessLog
    ) {
        self.configuration = configuration
        self.authorizer = Authorizer(configuration)
        self.pipeline = pipeline
        self.responder = Responder(
            passedHeaders: configuration.passResponseHeaders, selectingHeaders: configuration.passRequestHeaders)
        self.sample = sample
        self.shape = OriginRequestShape(configuration)
        self.metrics = metrics
        self.accessLog = accessLog
        self.clients = ClientCounts(limit: configuration.maxConnectionsPerClient)
        self.repeated = RepeatedAnswers(configuration)
    }

    /// Requests that come from now on are answered by these settings.
    func apply(_ configuration: Configuration) {
        self.configuration = configuration
        self.authorizer = Authorizer(configuration)
        self.responder = Responder(
            passedHeaders: configuration.passResponseHeaders, selectingHeaders: configuration.passRequestHeaders)
        self.shape = OriginRequestShape(configuration)
        // What was answered by the old settings is not what these would answer.
        self.repeated = RepeatedAnswers(configuration)
    }

    /// Answers a request that was answered from memory before, if nothing about it has changed since.
    func repeatedAnswer(_ head: RequestHead, _ peer: IPAddress?, _ date: String) -> HTTPServer.QuickAnswer? {
        // Somebody else's requests are counted as long as they last, which this does not look at.
        guard !(self.configuration.maxConnectionsPerClient > 0 && self.configuration.trustedProxies.contains(peer)),
            let known = self.repeated.find(head)
        else { return nil }
        let started = ContinuousClock.now
        let now = Int64(time(nil))
        guard known.isValid(at: now), let body = self.pipeline.body(at: known.place) else { return nil }
        let answer = HTTPServer.QuickAnswer(
            head: known.head(date: date, now: now), body: known.status == 304 ? nil : body)
        let bytes = answer.body?.count ?? 0
        let duration = ContinuousClock.now - started
        self.metrics.began()
        self.metrics.ended(.hit, from: .found(in: "memory"), status: known.status, bytes: bytes, after: duration)
        if self.configuration.accessLog {
            let request = HTTPRequest(head: head, peer: peer)
            self.log(request, status: known.status, bytes: bytes, duration, .hit, nil, RequestTrace(request))
        }
        return answer
    }

    func answer(_ request: HTTPRequest) async -> HTTPResponse {
        if request.method == "OPTIONS" { return Responder.preflight }
        let inside = self.configuration.pathPrefix.strip(request.target)
        let target = inside ?? request.target
        switch String(target[..<(target.utf8.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex)]) {
        case "/":
            return HomePage.isWanted(accept: request.header("Accept")) ? self.homePage : Responder.text("OK")
        case "/health-check": return Responder.text("OK")
        case "/ready":
            guard let report else { break }
            return AdminService.readiness(report)
        case "/metrics" where self.configuration.publicMetrics: return AdminService.metricsPage(self.metrics)
        case "/favicon.ico": return HTTPResponse(status: 200, headers: [], body: .empty)
        case SamplePhoto.path:
            guard let sample else { break }
            return self.responder.answer(
                Picture(entry: sample.entry, outcome: .hit), to: request, now: Int64(time(nil)))
        default: break
        }
        guard inside != nil else {
            return self.responder.answer(RequestError(.notFound, detail: "outside of -pathPrefix: \(request.target)"))
        }
        return await self.picture(request, target)
    }

    private var homePage: HTTPResponse {
        let html = HomePage.html(hasSample: self.sample != nil, prefix: self.configuration.pathPrefix)
        return HTTPResponse(
            status: 200,
            headers: [
                ("Content-Type", "text/html; charset=utf-8"), ("Vary", "Accept"),
                ("Content-Security-Policy", HomePage.contentSecurityPolicy), ("X-Content-Type-Options", "nosniff"),
            ],
            body: .bytes(Array(html.utf8)))
    }

    private func picture(_ request: HTTPRequest, _ target: String) async -> HTTPResponse {
        let started = ContinuousClock.now
        self.metrics.began()
        let trace = RequestTrace(request)
        let repeated = self.repeated
        var hit: Hit?
        var (response, outcome, provenance, failure) = await RequestTrace.$current.withValue(trace) {
            await self.outcome(of: request, target, &hit)
        }
        let duration = ContinuousClock.now - started
        let bytes = request.method == "HEAD" ? 0 : response.body.count
        self.metrics.ended(
            outcome, from: provenance, status: response.status, bytes: bytes, after: duration,
            reason: failure?.metricLabel)
        if self.configuration.accessLog {
            self.log(request, status: response.status, bytes: bytes, duration, outcome, failure, trace)
        }
        if !self.configuration.diagnosticHeaders.isEmpty {
            trace.describe(self.configuration.diagnosticHeaders, outcome, duration, in: &response)
        }
        if let hit, let place = self.pipeline.recentPlace(of: hit.entry, hit.url, hit.fields) {
            // In the object of before: what it holds was decided by the settings of then, as this was.
            repeated.remember(
                response, to: request.head, at: place, hit.entry.freshness, hit.fields.directives,
                validUntil: hit.url.options.validUntil)
        }
        return response
    }

    private func log(
        _ request: HTTPRequest, status: Int, bytes: Int, _ duration: Duration, _ outcome: Metrics.Outcome,
        _ failure: RequestError.Kind?, _ trace: RequestTrace
    ) {
        self.accessLog.put(
            AccessLine(
                client: request.client(trusting: self.configuration.trustedProxies), method: request.method,
                target: request.target, status: status, bytes: bytes, duration: duration, outcome: outcome,
                failure: failure, trace: trace))
    }

    /// What was found in memory, and by what.
    private struct Hit {
        let url: RequestURL
        let fields: ClientFields
        let entry: CacheEntry
    }

    /// The client, if it is a proxy that is connected; nil otherwise.
    private func proxiedClient(of request: HTTPRequest) -> IPAddress? {
        let proxies = self.configuration.trustedProxies
        guard self.configuration.maxConnectionsPerClient > 0, proxies.contains(request.peer) else { return nil }
        let client = request.client(trusting: proxies)
        // Nothing but proxies: their own requests, health checks for example.
        return proxies.contains(client) ? nil : client
    }

    private func outcome(
        of request: HTTPRequest, _ target: String, _ hit: inout Hit?
    ) async -> (HTTPResponse, Metrics.Outcome, Provenance, RequestError.Kind?) {
        let now = Int64(time(nil))
        let proxied = self.proxiedClient(of: request)
        guard self.clients.enter(proxied) else {
            let busy = Busy(
                reason: .client, detail: "too many requests at a time of \(proxied?.description ?? "")")
            self.failures.write(.clientBusy, busy.detail)
            return self.failed(RequestError(busy, .clientBusy))
        }
        defer { self.clients.leave(proxied) }
        do {
            let asked = try RequestURL.parse(target: target, baseURL: self.configuration.baseURL)
            try self.authorizer.check(asked, referer: request.header("Referer"), now: now)
            let isOffering = !self.configuration.autoFormat.isEmpty
            let offered = self.configuration.autoFormat.filter {
                !self.configuration.resultPolicy.disabledFormats.contains($0)
            }
            let accepted = AcceptedFormats.choose(
                from: offered, accept: offered.isEmpty ? [] : request.fields(named: ["Accept"]).values(named: "Accept"))
            let url = asked.scaling(up: self.configuration.scaleUp).accepting(accepted)
            let fields = ClientFields(self.shape, passed: request.fields(named: self.configuration.passRequestHeaders))
            var picture = try await withTimeLimit(self.configuration.requestTimeout) {
                try await self.pipeline.picture(for: url, fields, now: now)
            }
            // An original that is passed on as it is stands at another key.
            if picture.outcome == .hit, url.options.isTransformation {
                hit = Hit(url: url, fields: fields, entry: picture.entry)
            }
            // Also while what is offered is switched off: a cache behind this service must not take what is made now for
            // what everybody gets.
            picture.isNegotiated = isOffering && url.isNegotiable
            Log.detail(
                "request: \(request.method) \(Redaction.url(url.remote.string))#\(url.options.canonical) of "
                    + (request.client(trusting: self.configuration.trustedProxies)?.description ?? "somebody"))
            // The time may have changed while the picture was made, and its age is told as of now.
            let response = self.responder.answer(picture, to: request, now: Int64(time(nil)))
            return (response, picture.outcome, picture.entry.provenance, nil)
        } catch let error as RequestError {
            if error.kind != .cancelled { self.failures.write(error.kind, error.detail) }
            return self.failed(error)
        } catch let error as RequestURLError {
            self.failures.write(.malformedURL, error.logText)
            var failed = self.failed(
                RequestError(.malformedURL, message: error.publicMessage, detail: error.logText))
            // The request itself is malformed, not only what it asks for: nothing after it is believed either.
            failed.0.closesConnection = error == .badRequest
            return failed
        } catch is TimeLimitPassed {
            return self.failed(RequestError(.timedOut, detail: "request took too long"))
        } catch {
            // The client has gone: nobody reads this answer.
            return self.failed(RequestError(.cancelled, detail: "\(error)"))
        }
    }

    private func failed(_ error: RequestError) -> (HTTPResponse, Metrics.Outcome, Provenance, RequestError.Kind?) {
        if let busy = error.busy { self.metrics.refused(busy.reason) }
        return (self.responder.answer(error), .error, .made, error.kind)
    }
}
