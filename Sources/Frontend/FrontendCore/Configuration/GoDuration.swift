// SPDX-License-Identifier: Apache-2.0

extension Duration {
    /// Reads a duration in Go's notation: `300ms`, `5s`, `1h30m`, `1.5h`, `0`.
    ///
    /// - Returns: nil when the text is not one, or is longer than 292 years (what Go can hold).
    init?(goNotation text: String) {
        var rest = Substring(text)
        var isNegative = false
        if let sign = rest.first, sign == "-" || sign == "+" {
            isNegative = sign == "-"
            rest = rest.dropFirst()
        }
        if rest == "0" {
            self = .zero
            return
        }
        guard !rest.isEmpty else { return nil }

        var nanoseconds = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { !($0.isASCII && ($0.isNumber || $0 == ".")) }
            rest = rest.dropFirst(unit.count)
            guard let amount = Self.decimal(digits), let scale = Self.nanoseconds(per: unit) else { return nil }
            nanoseconds += amount * scale
        }
        guard nanoseconds < 9.2e18 else { return nil }
        self = .nanoseconds(Int64((isNegative ? -nanoseconds : nanoseconds).rounded()))
    }

    /// Whole milliseconds, rounded up, so that a short wait never becomes none.
    var roundedUpMilliseconds: Int {
        let (seconds, attoseconds) = self.components
        return Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }

    private static func decimal(_ text: Substring) -> Double? {
        guard text.contains(where: \.isNumber), text.count(where: { $0 == "." }) <= 1 else { return nil }
        return Double("0" + text + (text.hasSuffix(".") ? "0" : ""))
    }

    private static func nanoseconds(per unit: Substring) -> Double? {
        switch unit {
        case "ns": 1
        case "us", "µs", "μs": 1e3
        case "ms": 1e6
        case "s": 1e9
        case "m": 60e9
        case "h": 3600e9
        default: nil
        }
    }
}
