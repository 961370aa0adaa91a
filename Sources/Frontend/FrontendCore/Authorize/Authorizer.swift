// SPDX-License-Identifier: Apache-2.0

internal import ImageJob
internal import Telemetry

/// Decides whether a request is answered at all, before anything is looked up or fetched.
struct Authorizer: Sendable {
    private let access: AccessSettings
    /// The sample photograph's URL, when there is one: it is the operator's own, and no host is asked for it.
    private let sampleURL: String?

    init(_ configuration: Configuration) {
        self.access = configuration.access
        self.sampleURL = configuration.samplePhoto == nil ? nil : SamplePhoto.remoteURL
    }

    /// - Parameters:
    ///   - referer: the request's field of that name.
    ///   - now: seconds of the Unix clock.
    func check(_ url: RequestURL, referer: String?, now: Int64) throws(RequestError) {
        guard let refusal = self.refusal(of: url, referer: referer, now: now) else { return }
        throw RequestError(
            refusal.kind,
            detail: "\(refusal.rawValue): \(Redaction.url(url.remote.string))#\(url.options.canonical)")
    }

    /// The first rule that refuses. The order is part of the interface: a denied host is denied even to who has signed
    /// for it, and nobody may be told more than that by an expired link.
    private func refusal(of url: RequestURL, referer: String?, now: Int64) -> Refusal? {
        if url.options.validUntil != 0, now >= url.options.validUntil { return .expired }
        guard self.access.referrers.isEmpty || self.isAllowedReferrer(referer) else { return .referrer }
        if let sampleURL, url.remote.string == sampleURL { return nil }

        let isOpen = self.access.allowHosts.isEmpty && self.access.signingKeys.isEmpty
        if isOpen, self.access.denyHosts.isEmpty { return nil }
        // What is no URL for libcurl has no host; it is refused by name when it is to be fetched, if nothing is before.
        let host = (try? FetchTarget(parsing: url.remote.string))?.host
        if let host, self.access.denyHosts.matches(host) { return .deniedHost }
        if isOpen { return nil }
        if let host, self.access.allowHosts.matches(host) { return nil }
        return self.access.signingKeys.isSigned(url) ? nil : .notAllowed
    }

    /// The rule for hosts that redirects lead to; what the client asked for itself was judged by ``check(_:referer:now:)``.
    ///
    /// Like the original it forbids denied hosts only, so that an allowed host may redirect to its CDN; the allow list
    /// counts on every hop with `-strictRedirects`.
    var hostRule: FetchRules.HostRule {
        { [access] (target, hop) throws(FetchError) in
            if access.denyHosts.matches(target.host) {
                throw .forbiddenHost(hop: hop, "\(Refusal.deniedHost.rawValue): \(target.url)")
            }
            guard hop > 0, access.strictRedirects, !access.allowHosts.isEmpty else { return }
            guard access.allowHosts.matches(target.host) else {
                throw .forbiddenHost(hop: hop, "redirect to a host that is not allowed: \(target.url)")
            }
        }
    }

    private func isAllowedReferrer(_ referer: String?) -> Bool {
        guard let referer, let url = try? URLReference(parsing: Array(referer.utf8)), !url.host.isEmpty else {
            return false
        }
        var host = String(decoding: url.hostName, as: UTF8.self).lowercased()
        if host.hasSuffix(".") { host.removeLast() }
        return self.access.referrers.matches(IPAddress(host)?.description ?? host)
    }
}
