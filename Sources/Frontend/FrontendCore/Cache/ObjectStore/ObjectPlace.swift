// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// One kind of object store: how its requests are written and signed.
@LoopActor
protocol ObjectPlace: AnyObject, Sendable {
    /// For metrics: `s3`, `gcs` or `azure`.
    nonisolated var name: String { get }
    /// For the log, such as `s3://region/bucket`; without secrets.
    nonisolated var title: String { get }
    /// What stands before an object's name; empty, or ends in a slash.
    nonisolated var prefix: String { get }
    /// Whether what goes wrong is logged.
    nonisolated var logsErrors: Bool { get }

    /// Waits for credentials, if there are none.
    func ready() async

    /// The request for an action, signed.
    ///
    /// A reader does not wait for credentials that are not there yet: `CredentialsPending` is thrown.
    /// - Throws: `ObjectFailure`, `CredentialsPending`.
    func request(for action: ObjectAction, object: String) async throws -> ObjectRequest

    /// The service has refused the credentials: look for new ones.
    func credentialsWereRefused()

    /// What has to be sent first, when an answer says that something is missing; nil when nothing helps.
    func remedy(for answer: ObjectAnswer, to action: ObjectAction) throws -> ObjectRequest?
}

extension ObjectPlace {
    nonisolated var logsErrors: Bool { true }

    func ready() async {}

    func credentialsWereRefused() {}

    func remedy(for answer: ObjectAnswer, to action: ObjectAction) throws -> ObjectRequest? { nil }
}

/// Credentials are being fetched. A miss, and no failure.
struct CredentialsPending: Error {}
