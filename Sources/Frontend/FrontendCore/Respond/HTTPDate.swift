// SPDX-License-Identifier: Apache-2.0

/// Dates as HTTP writes them: `Sun, 06 Nov 1994 08:49:37 GMT`.
enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]

    /// Seconds of the Unix clock, or nil for what is none of the three forms that a date may have (RFC 9110 section
    /// 5.6.7). Letters count in either case; everything else has to be as it is written there.
    static func parse(_ text: String) -> Int64? {
        let text = Layout(bytes: Array(text.trimmed.utf8))
        guard let comma = text.bytes.firstIndex(of: UInt8(ascii: ",")) else {
            // Sun Nov  6 08:49:37 1994
            guard text.bytes.count == 24, text.isBlank([3, 7, 10, 19]), text.isWord(0..<3) else { return nil }
            return Self.time(
                text.number(20..<24), text.month(4), text.number(8..<10, mayBePadded: true), text.clock(11))
        }
        guard text.bytes.count > comma + 1, text.isBlank([comma + 1]), text.isWord(0..<comma) else { return nil }
        if comma == 3 {
            // Sun, 06 Nov 1994 08:49:37 GMT
            guard text.bytes.count == 29, text.isBlank([7, 11, 16]), text.isGMT(26) else { return nil }
            return Self.time(text.number(12..<16), text.month(8), text.number(5..<7), text.clock(17))
        }
        // Sunday, 06-Nov-94 08:49:37 GMT
        guard (6...9).contains(comma), text.bytes.count == comma + 24, text.isDash([comma + 4, comma + 8]),
            text.isBlank([comma + 11]), text.isGMT(comma + 21)
        else { return nil }
        // Two digits are a year of this century, unless they are so high that this program is not meant: what they
        // date is older than that then.
        let year = text.number(comma + 9..<comma + 11).map { $0 < 70 ? 2000 + $0 : 1900 + $0 }
        return Self.time(year, text.month(comma + 5), text.number(comma + 2..<comma + 4), text.clock(comma + 12))
    }

    private static func time(_ year: Int64?, _ month: Int64?, _ day: Int64?, _ clock: Int64?) -> Int64? {
        guard let year, let month, let day, let clock, (1...31).contains(day), year >= 1900 else { return nil }
        let days = Self.daysSinceEpoch(year: year, month: month, day: day)
        // The 30th of February would be a day in March.
        guard Self.civil(days).day == day else { return nil }
        return days * 86_400 + clock
    }

    /// Reads parts of a text that has a fixed layout. Positions are within it: its length was checked.
    private struct Layout {
        let bytes: [UInt8]

        func isBlank(_ positions: [Int]) -> Bool { positions.allSatisfy { self.bytes[$0] == UInt8(ascii: " ") } }

        func isDash(_ positions: [Int]) -> Bool { positions.allSatisfy { self.bytes[$0] == UInt8(ascii: "-") } }

        func isWord(_ range: Range<Int>) -> Bool {
            self.bytes[range].allSatisfy { ($0 | 0x20) >= UInt8(ascii: "a") && ($0 | 0x20) <= UInt8(ascii: "z") }
        }

        func isGMT(_ start: Int) -> Bool {
            self.bytes[start - 1] == UInt8(ascii: " ") && self.letters(start) == Self.packed("gmt")
        }

        func number(_ range: Range<Int>, mayBePadded: Bool = false) -> Int64? {
            var value: Int64 = 0
            for (index, byte) in self.bytes[range].enumerated() {
                if mayBePadded, index == 0, byte == UInt8(ascii: " ") { continue }
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                value = value * 10 + Int64(byte - 0x30)
            }
            return value
        }

        func month(_ start: Int) -> Int64? {
            let name = self.letters(start)
            return Self.months.firstIndex(of: name).map { Int64($0) + 1 }
        }

        /// Three bytes as one number, letters in lower case. Nothing but a letter becomes a lower case letter by this.
        private func letters(_ start: Int) -> UInt32 {
            self.bytes[start..<start + 3].reduce(0) { $0 << 8 | UInt32($1 | 0x20) }
        }

        private static let months = HTTPDate.months.map { Layout.packed($0.lowercased()) }

        private static func packed(_ word: String) -> UInt32 { word.utf8.reduce(0) { $0 << 8 | UInt32($1) } }

        /// `08:49:37`, in seconds. A leap second counts.
        func clock(_ start: Int) -> Int64? {
            let colon = UInt8(ascii: ":")
            guard self.bytes[start + 2] == colon, self.bytes[start + 5] == colon,
                let hour = self.number(start..<start + 2), let minute = self.number(start + 3..<start + 5),
                let second = self.number(start + 6..<start + 8), hour < 24, minute < 60, second <= 60
            else { return nil }
            return hour * 3600 + minute * 60 + second
        }
    }

    /// Seconds of the Unix clock for `1994-11-06T08:49:37Z`, with or without a fraction, as web services write it.
    static func parseISO(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.last == UInt8(ascii: "Z"), bytes[10] == UInt8(ascii: "T"),
            bytes[19] == UInt8(ascii: ".") || bytes.count == 20
        else { return nil }
        let layout = Layout(bytes: bytes)
        guard layout.isDash([4, 7]), let month = layout.number(5..<7), (1...12).contains(month) else { return nil }
        return Self.time(layout.number(0..<4), month, layout.number(8..<10), layout.clock(11))
    }

    /// `19941106T084937Z`.
    static func compactISO(_ seconds: Int64) -> String {
        let (days, rest) = seconds.quotientAndRemainder(dividingBy: 86_400)
        let (year, month, day) = Self.civil(days)
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(year)\(two(month))\(two(day))T\(two(rest / 3600))\(two(rest / 60 % 60))\(two(rest % 60))Z"
    }

    static func format(_ seconds: Int64) -> String {
        let (days, rest) = seconds.quotientAndRemainder(dividingBy: 86_400)
        let (year, month, day) = Self.civil(days)
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let weekday = Self.weekdays[Int(((days % 7) + 7) % 7)]
        return "\(weekday), \(two(day)) \(Self.months[Int(month) - 1]) \(year) "
            + "\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60)) GMT"
    }

    // Days in the proleptic Gregorian calendar, by Howard Hinnant's "chrono-compatible low-level date algorithms":
    // years start in March, so that the leap day is the last of its year.

    private static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth + (marchMonth < 10 ? 3 : -9)
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }
}
