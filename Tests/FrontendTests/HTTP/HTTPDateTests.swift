// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import FrontendCore

struct HTTPDateTests {
    @Test(
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (2_147_483_648, "Tue, 19 Jan 2038 03:14:08 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
        ] as [(Int64, String)])
    func `known moments`(seconds: Int64, text: String) {
        #expect(HTTPDate.parse(text) == seconds)
        if seconds >= 0 { #expect(HTTPDate.format(seconds) == text) }
    }

    @Test(arguments: [
        "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "sun, 06 nov 1994 08:49:37 gmt",
        " Sun, 06 Nov 1994 08:49:37 GMT\t",
    ])
    func `the forms of old are read, in either case`(text: String) {
        #expect(HTTPDate.parse(text) == 784_111_777)
    }

    @Test(arguments: [
        "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
    ])
    func `no byte anywhere makes it trap`(text: String) {
        let bytes = Array(text.utf8)
        for index in bytes.indices {
            for byte in UInt8.min...UInt8.max {
                var mutated = bytes
                mutated[index] = byte
                _ = HTTPDate.parse(String(decoding: mutated, as: UTF8.self))
            }
            _ = HTTPDate.parse(String(decoding: bytes[..<index], as: UTF8.self))
            _ = HTTPDate.parse(String(decoding: bytes[index...], as: UTF8.self))
        }
    }

    @Test func `two centuries, as Foundation has them`() {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        // Days and a bit, so that the time of day changes, too; every day of a leap year and the next.
        let days = stride(from: Int64(0), to: 6_300_000_000, by: 9 * 86_400 + 3671)
        let years = stride(from: Int64(1_703_980_800), to: 1_767_225_600, by: 86_400)
        for seconds in Array(days) + Array(years) {
            let text = HTTPDate.format(seconds)
            #expect(text == formatter.string(from: Date(timeIntervalSince1970: TimeInterval(seconds))))
            #expect(HTTPDate.parse(text) == seconds)
        }
    }

    @Test(arguments: [
        "", "yesterday", "0", ",", ", ", "Sun,", "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 +0000", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1899 08:49:37 GMT",
        "Fri, 31 Nov 1994 08:49:37 GMT", "Tue, 29 Feb 1994 08:49:37 GMT", "Thu, 29 Feb 2100 08:49:37 GMT",
        "Sun, 06 Xxx 1994 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov +994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMTx", "xSun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:3é GMT", "é, 06 Nov 1994 08:49:37 GMT",
    ])
    func `what is no date is none`(text: String) {
        #expect(HTTPDate.parse(text) == nil)
    }
}
