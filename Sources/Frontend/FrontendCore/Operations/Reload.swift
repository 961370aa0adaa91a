// SPDX-License-Identifier: Apache-2.0

/// What SIGHUP changes: everything is read again as at the start, and what can change while the service runs does.
enum Reload {
    /// Keys, lists, limits and what is logged. Everything else was built into something at the start.
    static let live: Set<String> = [
        "allowHosts", "denyHosts", "referrers", "signatureKey", "strictRedirects", "allowPorts", "allowPrivateNetworks",
        "contentTypes", "passRequestHeaders", "passResponseHeaders", "includeReferer", "baseURL", "userAgent",
        "followRedirects", "pathPrefix", "publicMetrics", "maxSourceBytes", "maxOutputPixels", "fetchTimeout",
        "timeout",
        "maxQueue", "minCacheDuration", "forceCache", "drainDelay", "drainTimeout", "verbose", "logFormat", "accessLog",
        "accessLogFile", "diagnosticHeaders", "avifMaxPixels", "avifSpeed", "keepSmaller", "jpegOptimize",
        "jpegProgressive", "disableFormats",
    ]

    /// - Returns: the settings that count from now on, and the flags that have changed and do not count.
    static func read(
        _ arguments: [String], environment: [(name: String, value: String)], over old: Configuration
    ) throws(UsageError) -> (settings: Configuration, ignored: [String]) {
        guard case .run(let new) = try CommandLineReader.read(arguments, environment: environment) else {
            throw UsageError(description: "the command line asks for something else than the service")
        }
        return try Self.merge(new, over: old)
    }

    static func merge(
        _ new: Configuration, over old: Configuration
    ) throws(UsageError) -> (settings: Configuration, ignored: [String]) {
        func isLive(_ setting: Setting) -> Bool { Self.live.contains(setting.flag.name) }
        func values(_ flag: Flag, _ configuration: Configuration) -> [String?] {
            configuration.settings.filter { $0.flag.name == flag.name }.map(\.value)
        }
        var merged = try CommandLineReader.configuration(
            of: old.settings.filter { !isLive($0) } + new.settings.filter(isLive))
        // Not a setting but what was made of none.
        merged.workers = old.workers
        let ignored = Flag.all.filter { flag in
            !Self.live.contains(flag.name) && values(flag, new) != values(flag, old)
        }
        return (merged, ignored.map { "-" + $0.name })
    }
}
