// SPDX-License-Identifier: Apache-2.0

/// An answer's status and header fields, in the order they came.
struct ResponseHead: Sendable {
    var status = 0
    /// Names as sent, values without the spaces around them.
    var headers = HTTPFields()

    /// The values of a field, whatever the case of its name.
    func values(of name: String) -> [String] {
        self.headers.values(named: name)
    }
}
