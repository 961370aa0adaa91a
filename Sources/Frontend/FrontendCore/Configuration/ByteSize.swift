// SPDX-License-Identifier: Apache-2.0

/// Sizes as people write them.
enum ByteSize {
    /// `10GB`, `512MiB`, `1000000`: letters for thousands, or with an i for 1024s; nil for anything else.
    static func parse(_ text: some StringProtocol) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let amount = Int(digits) else { return nil }
        let scale: Int? =
            switch text.dropFirst(digits.count).lowercased() {
            case "", "b": 1
            case "k", "kb": 1_000
            case "m", "mb": 1_000_000
            case "g", "gb": 1_000_000_000
            case "t", "tb": 1_000_000_000_000
            case "kib": 1 << 10
            case "mib": 1 << 20
            case "gib": 1 << 30
            case "tib": 1 << 40
            default: nil
            }
        guard let scale else { return nil }
        let (bytes, isTooMuch) = amount.multipliedReportingOverflow(by: scale)
        return isTooMuch ? nil : bytes
    }
}
