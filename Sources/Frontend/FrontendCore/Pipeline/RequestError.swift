// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// Why a request did not get its picture.
///
/// `status` and `publicMessage` go to the client; `detail` goes to the log and nowhere else.
struct RequestError: Error, CustomStringConvertible {
    enum Kind: String, CaseIterable, Sendable {
        case malformedURL, expired, forbiddenReferrer, forbiddenHost, notAuthorized, contentTypeNotAllowed, mislabelled
        case notFound, fetchFailed, fetchTimedOut, oddStatus
        case untransformable, overLimits
        case overloaded, clientBusy, timedOut, cancelled
    }

    let kind: Kind
    let publicMessage: String
    let detail: String
    /// The origin has given no answer, so something stale may be served instead.
    var isOriginUnreachable = false
    /// For who is told to come back.
    var busy: Busy?

    /// - Parameter message: replaces the kind's own text for the client.
    init(_ kind: Kind, message: String? = nil, detail: String) {
        self.kind = kind
        self.publicMessage = message ?? kind.row.publicMessage
        self.detail = detail
    }

    /// - Parameter kind: one whose answer says when to come back.
    init(_ busy: Busy, _ kind: Kind = .overloaded) {
        self.init(kind, detail: busy.detail)
        self.busy = busy
    }

    /// What a failed fetch means for the request.
    init(_ error: FetchError, url: String) {
        let kind: Kind =
            switch error.status {
            case 400: .malformedURL
            case 403: .forbiddenHost
            case 503: .overloaded
            case 504: .fetchTimedOut
            default: .fetchFailed
            }
        let prefix = error.status == 403 || error.status == 400 ? "" : "error fetching remote image: "
        self.init(
            kind, message: prefix + error.publicMessage + "\n",
            detail: "error fetching remote image \(Redaction.url(url)): \(error.detail)")
        switch error {
        case .busy: self.busy = Busy(reason: .origin, detail: error.detail)
        case .internalFailure: self.busy = Busy(reason: .resources, detail: error.detail)
        default: break
        }
    }

    /// Safe to show to anyone: it leaves `detail` out.
    var description: String { "\(self.kind.rawValue): \(self.publicMessage)" }
}

extension RequestError.Kind {
    /// The answer's status and its text for the client. The texts are the original's, byte for byte, where it has one.
    var row: (status: Int, publicMessage: String) {
        switch self {
        case .malformedURL: (400, "invalid request URL\n")
        case .expired, .forbiddenReferrer, .forbiddenHost, .notAuthorized, .contentTypeNotAllowed, .mislabelled:
            (403, "requested URL is not allowed\n")
        case .notFound: (404, "not found\n")
        case .fetchFailed: (502, "error fetching remote image: the remote host did not answer\n")
        case .fetchTimedOut: (504, "error fetching remote image: the remote host took too long\n")
        case .oddStatus: (502, "error fetching remote image: the remote host gave an unusable answer\n")
        case .untransformable: (422, "the remote image cannot be transformed\n")
        case .overLimits: (422, "the image is too large\n")
        case .overloaded: (503, "busy, try again shortly\n")
        case .clientBusy: (429, "too many requests at a time, try again shortly\n")
        case .timedOut: (504, "Gateway timeout waiting for remote resource.")
        case .cancelled: (499, "")
        }
    }

    /// As metrics name it: `forbidden_host`, `malformed_url`.
    var metricLabel: String {
        var label = ""
        var previous: Character = "_"
        for character in self.rawValue {
            if character.isUppercase, previous.isLowercase { label += "_" }
            label += character.lowercased()
            previous = character
        }
        return label
    }
}
