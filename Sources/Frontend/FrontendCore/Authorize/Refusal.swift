// SPDX-License-Identifier: Apache-2.0

/// The rule by which a request is refused. The client learns only that it is; the words are for the log, and the
/// original's.
enum Refusal: String, Sendable {
    case expired = "request is no longer valid"
    case referrer = "request does not contain an allowed referrer"
    case deniedHost = "request contains a denied host"
    case notAllowed = "request does not contain an allowed host or valid signature"

    var kind: RequestError.Kind {
        switch self {
        case .expired: .expired
        case .referrer: .forbiddenReferrer
        case .deniedHost: .forbiddenHost
        case .notAllowed: .notAuthorized
        }
    }
}
