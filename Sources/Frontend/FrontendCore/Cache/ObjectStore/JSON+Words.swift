// SPDX-License-Identifier: Apache-2.0

extension JSON {
    /// The text, if it is one and is not empty.
    var words: String? { self.string.flatMap { $0.isEmpty ? nil : $0 } }
}
