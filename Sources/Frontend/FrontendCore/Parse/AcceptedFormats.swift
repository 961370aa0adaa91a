// SPDX-License-Identifier: Apache-2.0

internal import ImageJob

/// Which of the formats that an operator offers a client can show, by its `Accept` field.
enum AcceptedFormats {
    /// Those that the field names, with a weight above 0. Wildcards count for nothing: every browser sends them, also those
    /// that cannot show WebP.
    ///
    /// - Parameter offered: in the operator's order, which is the result's.
    static func choose(from offered: [ImageFormat], accept: [String]) -> [ImageFormat] {
        guard !offered.isEmpty else { return [] }
        let named = accept.flatMap(ListField.items).compactMap(Self.name)
        return offered.filter { named.contains($0.contentType) }
    }

    /// The type that an item names; nil when the client would rather not have it.
    private static func name(_ item: String) -> String? {
        let parts = item.split(separator: ";", omittingEmptySubsequences: false).map { String($0).trimmed.lowercased() }
        for part in parts.dropFirst() where part.hasPrefix("q=") {
            guard let weight = Double(part.dropFirst(2)), weight > 0, weight <= 1 else { return nil }
        }
        return parts.first
    }
}
