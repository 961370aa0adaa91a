// SPDX-License-Identifier: Apache-2.0

public import ImageJob

/// What a request asks for: options, and the URL of the picture that they are applied to.
///
///     /{options}/{remote_url}      /{remote_url}
public struct RequestURL: Sendable {
    public var options: TransformOptions
    public var remote: RemoteURL

    /// The key of the variant in every cache: what may be asked, not by whom and until when.
    public var cacheKey: String { "\(self.remote.string)#\(self.options.canonicalForCache)" }

    /// The same with what the service decides about enlarging. The URL's own word for it is part of what is signed, and
    /// has no effect.
    func scaling(up isOn: Bool) -> RequestURL {
        var copy = self
        copy.options.scaleUp = isOn
        return copy
    }

    /// Whether the format depends on what the client can show, given that the service offers some: a picture is made, and
    /// no option names a format.
    var isNegotiable: Bool { self.options.isTransformation && self.options.format == nil }

    /// The same for a client that can show these formats.
    func accepting(_ formats: [ImageFormat]) -> RequestURL {
        guard self.isNegotiable else { return self }
        var copy = self
        copy.options.accepted = formats
        return copy
    }

    /// - Parameters:
    ///   - target: the request's target in origin form, path and query.
    ///   - baseURL: what relative remote URLs are relative to; none are taken without one.
    public static func parse(target: String, baseURL: RemoteURL?) throws(RequestURLError) -> RequestURL {
        try Self.parse(target: Array(target.utf8), baseURL: baseURL)
    }

    /// - Parameter target: as above, in bytes, which need not be UTF-8.
    public static func parse(target: [UInt8], baseURL: RemoteURL?) throws(RequestURLError) -> RequestURL {
        try Self.parse(try RequestTarget(target), baseURL: baseURL)
    }

    static func parse(_ request: RequestTarget, baseURL: RemoteURL?) throws(RequestURLError) -> RequestURL {
        do throws(Refusal) {
            return try Self.read(request, baseURL: baseURL)
        } catch {
            throw .malformedURL(quoted: GoQuoting.quote(request.text), message: error.message)
        }
    }

    private struct Refusal: Error {
        let message: String
    }

    private static func read(_ request: RequestTarget, baseURL: RemoteURL?) throws(Refusal) -> RequestURL {
        let (options, written) = try Self.split(request.path[...], hasBase: baseURL != nil)
        var reference = written.reference
        if let baseURL { reference = baseURL.reference.resolving(reference) }
        guard reference.isAbsolute else { throw Refusal(message: "must provide absolute remote URL") }
        // A URL that was encoded as a whole has its own query inside.
        if !written.isEncoded { reference.query = request.query.escapingNumberSigns }
        guard let remote = RemoteURL(reference) else {
            throw Refusal(message: "remote URL must have http or https scheme")
        }
        return RequestURL(options: options, remote: remote)
    }

    /// Without an absolute URL in it as a whole, a path starts with options, if they are empty.
    private static func split(
        _ path: ArraySlice<UInt8>, hasBase: Bool
    ) throws(Refusal) -> (TransformOptions, WrittenURL) {
        let spelling = WrittenURL.Spelling(path, hasBase: hasBase)
        if URLReference.hasScheme(spelling.url), let whole = try? WrittenURL(spelling), whole.reference.isAbsolute {
            return (TransformOptions(), whole)
        }
        let (segment, rest) = path.cut(at: UInt8(ascii: "/"))
        guard let rest else { throw Refusal(message: "too few path segments") }
        do throws(WrittenURL.Malformed) {
            // Options are not percent-decoded: what they say is what is signed.
            let options = TransformOptions(parsing: String(decoding: segment, as: UTF8.self))
            return (options, try WrittenURL(rest, hasBase: hasBase))
        } catch {
            throw Refusal(message: "unable to parse remote URL: \(error.description)")
        }
    }
}

extension [UInt8] {
    /// A query in which a raw `#` cannot be taken for the start of a fragment, nor a URL for the key of a variant.
    fileprivate var escapingNumberSigns: [UInt8] {
        guard self.contains(UInt8(ascii: "#")) else { return self }
        return self.flatMap { $0 == UInt8(ascii: "#") ? URLComponent.escaped($0) : [$0] }
    }
}
