// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Glibc

/// Which path is answered by what: the endpoints of the original, and everything else is a picture.
@LoopActor
final class Service {
    private let configuration: Configuration
    private let authorizer: Authorizer
    private let pipeline: RequestPipeline
    private let responder: Responder
    private let sample: SamplePhoto?
    private let shape: OriginRequestShape
    private let metrics: Metrics

    init(configuration: Configuration, pipeline: RequestPipeline, sample: SamplePhoto?, metrics: Metrics) {
        self.configuration = configuration
        self.authorizer = Authorizer(configuration)
        self.pipeline = pipeline
        self.responder = Responder(
            passedHeaders: configuration.passResponseHeaders, selectingHeaders: configuration.passRequestHeaders)
        self.sample = sample
        self.shape = OriginRequestShape(configuration)
        self.metrics = metrics
    }

    func answer(_ request: HTTPRequest) async -> HTTPResponse {
        if request.method == "OPTIONS" { return Responder.preflight }
        let inside = self.configuration.pathPrefix.strip(request.target)
        let target = inside ?? request.target
        switch String(target.prefix { $0 != "?" }) {
        case "/":
            return HomePage.isWanted(accept: request.header("Accept")) ? self.homePage : Responder.text("OK")
        case "/health-check": return Responder.text("OK")
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
        let (response, outcome, failure) = await self.outcome(of: request, target)
        self.metrics.ended(
            outcome, status: response.status, bytes: request.method == "HEAD" ? 0 : response.body.count,
            after: .now - started, reason: failure?.metricLabel)
        return response
    }

    private func outcome(
        of request: HTTPRequest, _ target: String
    ) async -> (HTTPResponse, Metrics.Outcome, RequestError.Kind?) {
        let now = Int64(time(nil))
        do {
            let asked = try RequestURL.parse(target: target, baseURL: self.configuration.baseURL)
            try self.authorizer.check(asked, referer: request.header("Referer"), now: now)
            let url = asked.scaling(up: self.configuration.scaleUp)
            let fields = ClientFields(self.shape, passed: request.fields(named: self.configuration.passRequestHeaders))
            let picture = try await withTimeLimit(self.configuration.requestTimeout) {
                try await self.pipeline.picture(for: url, fields, now: now)
            }
            Log.detail("request: \(request.method) \(request.target)")
            return (self.responder.answer(picture, to: request, now: now), picture.outcome, nil)
        } catch let error as RequestError {
            if error.kind != .cancelled { Log.line("\(error.detail)") }
            return self.failed(error)
        } catch let error as RequestURLError {
            Log.line(error.description)
            return self.failed(
                RequestError(.malformedURL, message: error.publicMessage, detail: error.description))
        } catch is TimeLimitPassed {
            return self.failed(RequestError(.timedOut, detail: "request took too long"))
        } catch {
            // The client has gone: nobody reads this answer.
            return self.failed(RequestError(.cancelled, detail: "\(error)"))
        }
    }

    private func failed(_ error: RequestError) -> (HTTPResponse, Metrics.Outcome, RequestError.Kind?) {
        (self.responder.answer(error), .error, error.kind)
    }
}
