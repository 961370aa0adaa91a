// SPDX-License-Identifier: Apache-2.0

import CCurl

extension FetchError {
    /// The commonest failure of TLS by far, and the one whose text in OpenSSL helps nobody.
    private static func explained(_ detail: String) -> String {
        guard detail.contains("unable to get local issuer certificate") else { return detail }
        return detail + ": an incomplete chain, or an authority that is not known here; -tlsCAFile adds certificates"
    }

    /// How far a transfer has come: the same code of libcurl's means different things before and after.
    enum Stage: Sendable {
        case resolving, connecting
        /// The request is on its way, or was.
        case answering
        /// The head of the answer was complete.
        case receiving
    }

    /// What a failure of libcurl's means.
    init(_ code: CURLcode, at stage: Stage, detail: String) {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
            self = .resolve(detail)
        case CURLE_COULDNT_CONNECT, CURLE_INTERFACE_FAILED:
            self = .connect(detail)
        case CURLE_OPERATION_TIMEDOUT:
            // The only clock of libcurl's that is set is the one for connecting.
            self = .timedOut(stage == .resolving ? .resolve : .connect, detail)
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CIPHER, CURLE_PEER_FAILED_VERIFICATION, CURLE_USE_SSL_FAILED, CURLE_SSL_CACERT_BADFILE,
            CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_PINNEDPUBKEYNOTMATCH,
            CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT:
            self = .tls(Self.explained(detail))
        case CURLE_OUT_OF_MEMORY where stage == .answering:
            // libcurl says this of a header line that is longer than it ever takes.
            self = .protocolViolation("a header line that does not end")
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL:
            self = stage == .answering ? .protocolViolation(detail) : .invalidURL(detail)
        case CURLE_BAD_CONTENT_ENCODING:
            self = .contentCoding(detail)
        case CURLE_OUT_OF_MEMORY, CURLE_FAILED_INIT, CURLE_BAD_FUNCTION_ARGUMENT, CURLE_ABORTED_BY_CALLBACK,
            CURLE_UNKNOWN_OPTION, CURLE_NOT_BUILT_IN:
            self = .internalFailure(detail)
        case CURLE_RECV_ERROR where stage == .connecting, CURLE_SEND_ERROR where stage == .connecting:
            self = .connect(detail)
        default:
            // What is left are answers cut short and answers that are none: an origin must not find a code here that
            // makes its mistake look like ours.
            self = .protocolViolation(detail)
        }
    }
}
