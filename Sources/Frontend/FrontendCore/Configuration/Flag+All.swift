// SPDX-License-Identifier: Apache-2.0

import ImageJob

extension Flag {
    /// Every flag, in the order `-help` prints them. The first names and meanings are those of willnorris/imageproxy.
    static let all: [Flag] = Self.main + Self.access

    private static let main: [Flag] = [
        Flag(
            name: "addr", group: .listening, valueName: "host:port", defaultText: "localhost:8080",
            help: "TCP address to listen on, or unix:/path for a Unix socket",
            kind: .value { (configuration, text) throws(FlagError) in
                guard !text.isEmpty else { throw FlagError(expected: "host:port, :port or unix:/path") }
                configuration.address = text
            }),

        Flag(
            name: "adminAddr", group: .listening, valueName: "host:port", defaultText: "",
            help: "address for the operator: /status, /metrics, /ready, /version; not for clients. May stand several "
                + "times; unix:/run/imageproxy/admin.sock is where imageproxy status looks",
            kind: .repeatable { (configuration, text) throws(FlagError) in
                configuration.adminAddresses += text.split(separator: " ").map(String.init)
            }),
        Flag(
            name: "adminToken", group: .listening, valueName: "secret|@file", defaultText: "",
            help:
                "secret that whoever changes something on -adminAddr has to send, as \"Authorization: Bearer\"; without one it is refused, "
                + "but not on Unix sockets and loopback addresses",
            kind: .value { (configuration, text) throws(FlagError) in configuration.adminToken = try secret(text) }),
        Flag(
            name: "publicMetrics", group: .listening, valueName: "", defaultText: "true",
            help: "show /metrics on the public address too, as the original does",
            kind: .boolean { $0.publicMetrics = $1 }),

        Flag(
            name: "baseURL", group: .origins, valueName: "URL", defaultText: "",
            help: "base for remote URLs that are relative",
            kind: .value { (configuration, text) throws(FlagError) in
                guard let url = RemoteURL(absolute: text) else {
                    throw FlagError(expected: "an absolute http or https URL")
                }
                configuration.baseURL = url
            }),
        Flag(
            name: "userAgent", group: .origins, valueName: "text", defaultText: "willnorris/imageproxy",
            help: "User-Agent sent to origins",
            kind: .value { (configuration, text) throws(FlagError) in
                guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                    throw FlagError(expected: "text without control characters")
                }
                configuration.userAgent = text
            }),
        Flag(
            name: "followRedirects", group: .origins, valueName: "", defaultText: "true",
            help: "follow redirects of origins, at most 10",
            kind: .boolean { $0.followRedirects = $1 }),
        Flag(
            name: "contentTypes", group: .origins, valueName: "list", defaultText: "image/*",
            help: "content types that may be proxied, comma-separated patterns; empty = any",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.contentTypes = commaList(text)
            }),
        Flag(
            name: "passResponseHeaders", group: .origins, valueName: "list",
            defaultText: "Cache-Control,Last-Modified,Expires,Etag,Link",
            help: "headers of the origin's answer that are passed to the client",
            kind: .value { (configuration, text) throws(FlagError) in
                let names = commaList(text)
                if let bad = names.first(where: { !PassedHeaders.mayBePassed($0) }) {
                    throw FlagError(
                        expected:
                            "names of headers other than \(bad), with which an origin would speak for this service")
                }
                configuration.passResponseHeaders = names
            }),
        Flag(
            name: "allowPrivateNetworks", group: .origins, valueName: "", defaultText: "false",
            help: "also fetch from loopback, private and other addresses that are not public",
            kind: .boolean { $0.allowPrivateNetworks = $1 }),
        Flag(
            name: "maxSourceBytes", group: .origins, valueName: "bytes", defaultText: "67108864",
            help: "largest picture that is fetched",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.maxSourceBytes = try integer(text, in: 1...1 << 32)
            }),
        Flag(
            name: "fetchTimeout", group: .origins, valueName: "duration", defaultText: "30s",
            help: "time limit for one fetch from an origin, redirects included",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.fetchTimeout = try duration(text, atLeast: .milliseconds(1))
            }),
        Flag(
            name: "maxFetchesPerHost", group: .origins, valueName: "number", defaultText: "128",
            help: "requests to one host at a time; as many again wait, and beyond that clients are answered 503",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.maxFetchesPerHost = try integer(text, in: 1...100_000)
            }),
        Flag(
            name: "tlsCAFile", group: .origins, valueName: "file", defaultText: "",
            help: "PEM file with further certificate authorities",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.tlsCAFile = try certificateFile(text)
            }),
        Flag(
            name: "timeout", group: .origins, valueName: "duration", defaultText: "0s",
            help: "time limit for a whole request, answered with 504; 0 = none",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.requestTimeout = try duration(text, atLeast: .zero)
            }),

        Flag(
            name: "scaleUp", group: .pictures, valueName: "", defaultText: "false",
            help: "allow pictures to become larger than their source",
            kind: .boolean { $0.scaleUp = $1 }),
        Flag(
            name: "onTransformError", group: .pictures, valueName: "original|reject", defaultText: "original",
            help: "answer for a picture that cannot be transformed: the source itself, or status 422",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.onTransformError = try choice(text)
            }),
        Flag(
            name: "maxOutputPixels", group: .pictures, valueName: "pixels", defaultText: "50000000",
            help: "largest picture that is made",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.maxOutputPixels = try integer(text, in: 1...1_000_000_000)
            }),
        Flag(
            name: "autoFormat", group: .pictures, valueName: "list", defaultText: "",
            help:
                "formats that pictures become for clients whose Accept names them, best first: webp, avif or both; a format "
                + "among the options comes first",
            kind: .value { (configuration, text) throws(FlagError) in
                let formats = commaList(text).map { word in ImageFormat.negotiable.first { $0.optionWord == word } }
                guard formats.allSatisfy({ $0 != nil }), Set(formats).count == formats.count else {
                    throw FlagError(expected: "webp, avif, or both with a comma between")
                }
                configuration.autoFormat = formats.compactMap { $0 }
            }),
        Flag(
            name: "avifMaxPixels", group: .pictures, valueName: "pixels", defaultText: "2000000",
            help: "largest picture that -autoFormat makes an AVIF of; beyond that the next format in its list is used",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.resultPolicy.maxAVIFPixels = try integer(text, in: 0...1_000_000_000)
            }),
        Flag(
            name: "avifSpeed", group: .pictures, valueName: "0-10", defaultText: "9",
            help: "effort for AVIF: lower is smaller and much slower",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.resultPolicy.avifSpeed = try integer(text, in: 0...10)
            }),
        Flag(
            name: "keepSmaller", group: .pictures, valueName: "", defaultText: "true",
            help:
                "serve the source, without its metadata, when it is what was asked for and smaller than what was made",
            kind: .boolean { $0.resultPolicy.keepsSmaller = $1 }),
        Flag(
            name: "jpegOptimize", group: .pictures, valueName: "", defaultText: "false",
            help: "write JPEG with Huffman tables made for each picture: the same pixels, a little smaller and slower",
            kind: .boolean { $0.resultPolicy.optimizesJPEG = $1 }),
        Flag(
            name: "jpegProgressive", group: .pictures, valueName: "", defaultText: "false",
            help: "write progressive JPEG: the same pixels, smaller still and slower still",
            kind: .boolean { $0.resultPolicy.makesProgressiveJPEG = $1 }),
        Flag(
            name: "disableFormats", group: .pictures, valueName: "list", defaultText: "",
            help:
                "formats that are neither decoded nor made, as while a decoder has a hole: any of "
                + ImageFormat.allCases.map(\.optionWord).joined(separator: ", "),
            kind: .value { (configuration, text) throws(FlagError) in
                let formats = commaList(text).map { word in ImageFormat.allCases.first { $0.optionWord == word } }
                guard formats.allSatisfy({ $0 != nil }) else {
                    throw FlagError(
                        expected: "some of \(ImageFormat.allCases.map(\.optionWord).joined(separator: ","))")
                }
                configuration.resultPolicy.disabledFormats = ImageFormatSet(formats.compactMap { $0 })
            }),
        Flag(
            name: "transformTimeout", group: .pictures, valueName: "duration", defaultText: "20s",
            help: "time limit for one transformation, after which its process is killed",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.transformTimeout = try duration(text, atLeast: .milliseconds(10))
            }),

        Flag(
            name: "cache", group: .cache, valueName: "place", defaultText: "",
            help:
                "where to cache: memory[:MB[:age]], /directory, file:///directory?size=10GB, redis://host, "
                + "s3://region/bucket, gcs://bucket or azure://container/; may stand several times, and is asked in "
                + "that order",
            kind: .repeatable { (configuration, text) throws(FlagError) in
                for item in text.split(separator: " ") { configuration.caches.append(try CacheSetting(String(item))) }
            }),
        Flag(
            name: "minCacheDuration", group: .cache, valueName: "duration", defaultText: "0s",
            help: "shortest time that pictures are cached for, whatever their origin says",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.minCacheDuration = try duration(text, atLeast: .zero)
            }),
        Flag(
            name: "maxCacheDuration", group: .cache, valueName: "duration", defaultText: "0s",
            help: "longest time that pictures are cached for without asking their origin; 0 = what the origin says",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.cachePolicy.maximumLifetime = try duration(text, atLeast: .zero).components.seconds
            }),
        Flag(
            name: "defaultCacheDuration", group: .cache, valueName: "duration", defaultText: "0s",
            help: "time that pictures are cached for whose origin says nothing about it",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.cachePolicy.defaultLifetime = try duration(text, atLeast: .zero).components.seconds
            }),
        Flag(
            name: "negativeCacheDuration", group: .cache, valueName: "duration", defaultText: "10s",
            help: "longest time that an origin's error is remembered; 0 = not at all",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.cachePolicy.negativeLifetime = try duration(text, atLeast: .zero).components.seconds
            }),
        Flag(
            name: "forceCache", group: .cache, valueName: "", defaultText: "false",
            help: "cache what its origin calls private or no-store, too",
            kind: .boolean { $0.forceCache = $1 }),
        Flag(
            name: "cacheSecret", group: .cache, valueName: "secret|@file", defaultText: "",
            help: "authenticate what is stored on disk and in Redis with this secret, and believe nothing else",
            isSecret: true,
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.cacheSecret = try secret(text)
            }),

        Flag(
            name: "workers", group: .workers, valueName: "number", defaultText: "number of cores",
            help: "worker processes to start; each transforms one picture at a time",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.workers = try integer(text, in: 1...1024)
            }),
        Flag(
            name: "jobsSocket", group: .workers, valueName: "path", defaultText: "",
            help: "use workers that listen on this Unix socket instead of starting some. May stand several times: "
                + "each socket has workers of its own, and whichever worker is idle gets the next picture",
            kind: .repeatable { (configuration, text) throws(FlagError) in
                let paths = text.split(separator: " ").map(String.init)
                guard !paths.isEmpty, paths.allSatisfy({ $0.hasPrefix("/") && $0.utf8.count < 108 }) else {
                    throw FlagError(expected: "an absolute path of at most 107 bytes")
                }
                configuration.jobsSockets += paths
            }),
        Flag(
            name: "maxQueue", group: .workers, valueName: "jobs", defaultText: "256",
            help: "jobs that may wait for a worker; beyond that clients are answered 503",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.maxQueue = try integer(text, in: 1...100_000)
            }),
        Flag(
            name: "maxQueueWait", group: .workers, valueName: "duration", defaultText: "3s",
            help: "longest wait for a worker that can be foreseen; who would wait longer is answered 503 at once",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.maxQueueWait = try duration(text, atLeast: .milliseconds(1))
            }),
        Flag(
            name: "requireSandbox", group: .workers, valueName: "strict|standard|off", defaultText: "standard",
            help: "sandbox that a worker must have: every layer, filtered system calls, or any",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.requireSandbox = try choice(text)
            }),
        Flag(
            name: "workerProgram", group: .workers, valueName: "file", defaultText: "imageproxy-worker beside this",
            help: "the worker program",
            kind: .value { (configuration, text) throws(FlagError) in configuration.workerProgram = text }),

        Flag(
            name: "samplePhoto", group: .other, valueName: "file", defaultText: "",
            help: "a JPEG file to serve as \(SamplePhoto.path) and to show on the start page",
            kind: .value { (configuration, text) throws(FlagError) in configuration.samplePhoto = text }),
        Flag(
            name: "verbose", group: .other, valueName: "", defaultText: "false", help: "log every request",
            kind: .boolean { $0.verbose = $1 }),
        Flag(
            name: "logFormat", group: .other, valueName: "text|json", defaultText: "text",
            help: "lines of the log as text, or as JSON objects",
            kind: .value { (configuration, text) throws(FlagError) in configuration.logFormat = try choice(text) }),
        Flag(
            name: "accessLog", group: .other, valueName: "", defaultText: "false",
            help: "log a line for every answered request for a picture, with its outcome and where the time went",
            kind: .boolean { $0.accessLog = $1 }),
        Flag(
            name: "accessLogFile", group: .other, valueName: "file", defaultText: "",
            help:
                "where the lines of -accessLog go instead of standard error, which this turns on; opened anew on SIGHUP",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.accessLogFile = text.isEmpty ? nil : text
                if !text.isEmpty { configuration.accessLog = true }
            }),
        Flag(
            name: "diagnosticHeaders", group: .other, valueName: "list", defaultText: "",
            help:
                "what answers tell about themselves: cache (X-Cache), timing (Server-Timing), request (X-Request-Id), "
                + "comma-separated",
            kind: .value { (configuration, text) throws(FlagError) in
                var headers: Set<DiagnosticHeader> = []
                for item in commaList(text) { headers.insert(try choice(item)) }
                configuration.diagnosticHeaders = headers
            }),
        Flag(
            name: "drainDelay", group: .other, valueName: "duration", defaultText: "0s",
            help:
                "time on SIGTERM during which /ready says no and everything else goes on, for load balancers to notice",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.drainDelay = try duration(text, atLeast: .zero)
            }),
        Flag(
            name: "drainTimeout", group: .other, valueName: "duration", defaultText: "20s",
            help: "time that running requests get after that",
            kind: .value { (configuration, text) throws(FlagError) in
                configuration.drainTimeout = try duration(text, atLeast: .zero)
            }),
        Flag(
            name: "version", group: .other, valueName: "", defaultText: "false",
            help: "print nothing; kept because the original takes it",
            kind: .boolean { _, _ in }),
        Flag(
            name: "config", group: .other, valueName: "file", defaultText: "",
            help: "read settings from a file first: one on a line, its name without the dash, then its value",
            kind: .value { (configuration, text) throws(FlagError) in configuration.configFile = text }),
    ]

    static func commaList(_ text: String) -> [String] {
        text.isEmpty ? [] : text.split(separator: ",", omittingEmptySubsequences: false).map { String($0).trimmed }
    }

    static func integer(_ text: String, in range: ClosedRange<Int>) throws(FlagError) -> Int {
        guard let value = Int(text), range.contains(value) else {
            throw FlagError(expected: "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    static func duration(_ text: String, atLeast minimum: Duration) throws(FlagError) -> Duration {
        guard let value = Duration(goNotation: text), value >= minimum else {
            throw FlagError(expected: "a duration such as 300ms, 5s or 1h30m")
        }
        return value
    }

    /// A text as it is, or the bytes of the file that `@` names.
    static func secret(_ text: String) throws(FlagError) -> [UInt8] {
        var secret = Array(text.utf8)
        if text.hasPrefix("@") {
            do throws(FileError) {
                secret = try FileContent.read(String(text.dropFirst()))
            } catch {
                throw FlagError(failure: "error reading the secret: \(error)")
            }
        }
        guard !secret.isEmpty else { throw FlagError(expected: "a secret that is not empty") }
        return secret
    }

    static func choice<Choice>(_ text: String) throws(FlagError) -> Choice
    where Choice: RawRepresentable<String> & CaseIterable {
        guard let value = Choice(rawValue: text) else {
            throw FlagError(expected: Choice.allCases.map(\.rawValue).joined(separator: " or "))
        }
        return value
    }
}

extension String {
    /// Without spaces and tabs at both ends.
    var trimmed: String {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        let bytes = self.utf8
        guard let start = bytes.firstIndex(where: { !isBlank($0) }), let last = bytes.lastIndex(where: { !isBlank($0) })
        else { return "" }
        let end = bytes.index(after: last)
        return start == bytes.startIndex && end == bytes.endIndex ? self : String(self[start..<end])
    }
}
