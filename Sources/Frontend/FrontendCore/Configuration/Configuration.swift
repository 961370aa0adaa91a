// SPDX-License-Identifier: Apache-2.0

public import ImageJob

/// Everything an operator can decide, after flags and environment were read; immutable from then on.
public struct Configuration: Sendable {
    // Listening
    /// TCP `host:port` or `unix:/path`.
    public var address = "localhost:8080"
    /// Where state, metrics and readiness are shown, the number of workers is set and URLs are purged; empty = nowhere.
    public var adminAddresses: [String] = []
    /// What whoever changes something there has to know; nil = see `AdminAccess`.
    public var adminToken: [UInt8]?
    /// Metrics are also shown on the public address.
    public var publicMetrics = true

    /// The load balancers before this service, which say who their clients are.
    public var trustedProxies = TrustedProxies()
    /// What one client may have open at a time; 0 = any number.
    public var maxConnectionsPerClient = 0

    /// Where in a site's paths pictures are asked for.
    public var pathPrefix = PathPrefix()

    /// Who may have which picture.
    public var access = AccessSettings()

    // Origins
    /// Base for relative remote URLs.
    public var baseURL: RemoteURL?
    public var userAgent = "willnorris/imageproxy"
    public var followRedirects = true
    /// Patterns that an origin's content type must match; empty = any.
    public var contentTypes = ["image/*"]
    /// Fields of the client's request that are passed on.
    public var passRequestHeaders: [String] = []
    /// The same for `Referer` alone; once all settings are read, it is one of those above.
    public var includeReferer = false
    public var passResponseHeaders = ["Cache-Control", "Last-Modified", "Expires", "Etag", "Link"]
    /// Fetching from addresses that are not public is allowed.
    public var allowPrivateNetworks = false
    public var maxSourceBytes = 64 << 20
    public var fetchTimeout = Duration.seconds(30)
    /// Requests to one host at a time: more than a popular one needs, fewer than a slow one could use up.
    public var maxFetchesPerHost = 128
    /// PEM file with certificates that origins may also be signed by.
    public var tlsCAFile: String?

    // Limits on a whole request
    /// Zero = none.
    public var requestTimeout = Duration.zero

    // Cache
    /// In the order in which they are asked.
    public var caches: [CacheSetting] = []
    public var cachePolicy = CachePolicy()
    /// What origins' lifetimes are raised to; zero = they are taken as they are.
    public var minCacheDuration = Duration.zero
    public var forceCache = false
    /// Authenticates what is stored outside this process; nil = a plain digest.
    public var cacheSecret: [UInt8]?

    // Pictures
    public var scaleUp = false
    public var onTransformError = TransformErrorPolicy.original
    public var maxOutputPixels = PixelLimits.standard.maxOutputPixels
    /// Formats that pictures become for clients that name them, best first.
    public var autoFormat: [ImageFormat] = []
    public var resultPolicy = ResultPolicy()
    public var transformTimeout = Duration.seconds(20)

    // Workers
    /// Worker processes that the front starts itself; 0 = none, they are started by somebody else.
    public var workers = 0
    /// The jobs sockets of workers started elsewhere.
    public var jobsSockets: [String] = []
    /// Jobs that may wait for a worker.
    public var maxQueue = 256
    /// How long they may have to wait, as far as can be foreseen.
    public var maxQueueWait = Duration.seconds(3)
    public var requireSandbox = SandboxRequirement.standard
    public var workerProgram: String?

    // The rest
    /// The file that the first of the settings were read from.
    public var configFile: String?
    public var verbose = false
    public var logFormat = LogFormat.text
    /// A line for every request for a picture.
    public var accessLog = false
    public var accessLogFile: String?
    public var diagnosticHeaders: Set<DiagnosticHeader> = []
    /// Between the moment at which a front that is to end says so, and that at which it takes no more connections.
    public var drainDelay = Duration.zero
    /// What running requests get after that.
    public var drainTimeout = Duration.seconds(20)
    /// What all of this was read from, for comparison with what is read later. It has secrets in it.
    var settings: [Setting] = []
    /// A JPEG file that is served as the sample photograph.
    public var samplePhoto: String?

    public init() {}
}

/// What a client gets when a picture could not be transformed.
public enum TransformErrorPolicy: String, Sendable, CaseIterable {
    /// The source, if its first bytes name an image type and it is within the limits.
    case original
    /// Status 422.
    case reject
}

/// How lines of the log are written.
public enum LogFormat: String, Sendable, CaseIterable {
    case text, json
}

/// What an answer may tell about how it was made.
public enum DiagnosticHeader: String, Sendable, CaseIterable {
    /// `X-Cache`
    case cache
    /// `Server-Timing`
    case timing
    /// `X-Request-Id`
    case request
}

/// Which workers are given jobs.
public enum SandboxRequirement: String, Sendable, CaseIterable {
    /// Only those that have every layer of the sandbox.
    case strict
    /// Those whose system calls are filtered.
    case standard
    case off
}
