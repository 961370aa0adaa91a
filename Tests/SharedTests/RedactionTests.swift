// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing

struct RedactionTests {
    @Test(arguments: [
        ("plain text", "plain text"), ("", ""), ("two\r\nlines", "two\\x0d\\x0alines"),
        ("\u{1B}[31mred", "\\x1b[31mred"),
        ("tab\there", "tab\\x09here"), ("é", "\\xc3\\xa9"), ("\u{7F}", "\\x7f"), ("\0", "\\x00"),
    ])
    func `a log line is one printable line`(text: String, line: String) {
        #expect(Redaction.printable(text) == line)
    }

    @Test(arguments: [100, 1023, 1024, 1025, 5000])
    func `a log line has an end`(length: Int) {
        for character in ["a", "\n", "é"] {
            let line = Redaction.printable(String(repeating: character, count: length))
            #expect(line.utf8.count <= Redaction.maximumLength + 3 + "…".utf8.count)
            #expect(line.hasSuffix("…") == (length * (character == "a" ? 1 : character.utf8.count * 4) > 1024))
        }
    }

    @Test(arguments: [
        ("http://example.com/a", "http://example.com/a"),
        ("http://user:secret@example.com/a", "http://***@example.com/a"),
        ("http://secret@example.com", "http://***@example.com"),
        ("http://a@b:secret@example.com/x", "http://***@example.com/x"),
        ("http://example.com/mail@home", "http://example.com/mail@home"),
        ("http://example.com?u=a@b", "http://example.com?u=a@b"),
        ("https://user:secret@example.com#a@b", "https://***@example.com#a@b"), ("no url", "no url"), ("://", "://"),
        ("http:user:secret@example.com/a", "http:***@example.com/a"), ("http:/u:secret@h", "http:***@h"),
        ("HTTP:///user:secret@example.com/a", "HTTP://***@example.com/a"), ("mail@home", "mail@home"),
        ("http://user:se\ncret@example.com/\n", "http://***@example.com/\\x0a"),
    ])
    func `a password in a URL is not logged`(url: String, logged: String) {
        #expect(Redaction.url(url) == logged)
    }

    @Test func `nor is it from a line with several URLs`() {
        #expect(
            Redaction.line("redirect from http://a:b@one/x to https://c@two/@y, mail d@e")
                == "redirect from http://***@one/x to https://***@two/@y, mail d@e")
        #expect(Redaction.line("400: ://\n@") == "400: ://***@")
    }
}
