// SPDX-License-Identifier: Apache-2.0

/// The absolute `http` or `https` URL of an original, without a fragment.
///
/// It need not be one that can be fetched: `http:host` and `http:///path` are told apart from real ones only by
/// ``FetchTarget``, as the original tells them apart only when it dials.
public struct RemoteURL: Hashable, Sendable, CustomStringConvertible {
    /// What is signed, cached under and fetched.
    public let string: String
    let reference: URLReference

    /// Reads a URL that stands for itself, such as the base of relative ones: it must have a host.
    public init?(absolute text: String) {
        guard let reference = try? URLReference(parsing: Array(text.utf8)), !reference.host.isEmpty,
            let url = Self(reference)
        else { return nil }
        self = url
    }

    /// - Returns: nil when the scheme is another.
    init?(_ reference: URLReference) {
        guard ["http", "https"].contains(reference.scheme) else { return nil }
        self.reference = reference
        self.string = String(escapingInvalidBytesOf: reference.text)
    }

    public var description: String { self.string }
}
