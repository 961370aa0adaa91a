// SPDX-License-Identifier: Apache-2.0

/// Which fields of the request an answer depends on (RFC 9110 section 12.5.5).
enum VaryFields: Sendable, Equatable {
    /// Lower case, sorted, each once; empty = the answer is the same for everybody.
    case names([String])
    /// `*`: no request is known to have the same answer.
    case everything

    /// An answer that depends on more than this is not worth finding again.
    private static let mostNames = 16

    init(_ headers: HTTPFields) {
        var names: Set<String> = []
        for field in headers where field.name.equalsIgnoringCase("Vary") {
            names.formUnion(ListField.items(of: field.value).map { $0.lowercased() })
        }
        self = names.contains("*") || names.count > Self.mostNames ? .everything : .names(names.sorted())
    }
}
