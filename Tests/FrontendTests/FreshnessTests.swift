// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FrontendCore

struct FreshnessTests {
    private static let now: Int64 = 1_700_000_000

    typealias Fields = [(String, String)]

    private static func made(
        _ headers: Fields, status: Int = 200, policy: CachePolicy = CachePolicy(), isPersonal: Bool = false
    ) -> Freshness {
        Freshness(
            status: status, headers: HTTPFields(headers), requestedAt: Self.now, receivedAt: Self.now, policy: policy,
            isPersonal: isPersonal)
    }

    private static func control(_ text: String) -> Fields { [("Cache-Control", text)] }

    private static func date(_ seconds: Int64) -> String { HTTPDate.format(Self.now + seconds) }

    // MARK: Lifetime

    private static let lifetimes: [(Fields, Int64)] = [
        (control("max-age=60"), 60), (control("MAX-AGE=60"), 60), (control("max-age=60, s-maxage=5"), 5),
        (control("s-maxage=5, max-age=60"), 5), (control("max-age=0, s-maxage=60"), 60),
        (control("max-age=\"60\""), 60),
        (control("max-age=abc"), 0), (control("max-age=-60"), 0), (control("max-age='60'"), 0),
        (control("max-age=60.5"), 0),
        (control("max-age=60a"), 0), (control("max-age =60"), 0), (control("max-age= 60"), 0), (control("max-age"), 0),
        (control("max-age=0060"), 60), (control("max-age=99999999999999999999"), 1 << 31),
        (control("foobar, max-age=60"), 60), (control("ext=\"max-age=60\", max-age=1"), 1),
        (control("ext=\"a, max-age=60\", max-age=1"), 1), (control("max-age=1, ext=\"x, max-age=60\""), 1),
        (control("ext=\"\\\", max-age=60\", max-age=1"), 1), (control(",, ,max-age=60,,"), 60),
        (control("max-age=60") + control("max-age=90"), 60), (control("max-age=60") + control("s-maxage=9"), 9),
        (control("max-age=60") + [("Expires", date(-100))], 60), (control("max-age=60") + [("Expires", "0")], 60),
        (control("max-age=0") + [("Expires", date(100))], 0),
        ([("Date", date(0)), ("Expires", date(300))], 300), ([("Date", "foo"), ("Expires", date(10))], 10),
        ([("Date", date(400)), ("Expires", date(300))], 0), ([("Expires", "0")], 0), ([("Expires", date(-5))], 0),
        ([], 0),
        ([("Last-Modified", date(-1000))], 100), ([("Last-Modified", date(-100_000_000))], 86_400),
        ([("Last-Modified", date(1000))], 0), ([("Last-Modified", "yesterday")], 0),
    ]

    @Test(arguments: lifetimes)
    func `a lifetime is what the origin says`(headers: Fields, seconds: Int64) {
        #expect(Self.made(headers).lifetime == seconds)
    }

    @Test(
        arguments: [
            ([], 200, 7), ([], 404, 10), ([], 503, 0), ([], 302, 0), (control("max-age=60"), 200, 30),
            (control("max-age=5"), 200, 5),
            ([("Last-Modified", date(-100_000))], 200, 30), (control("max-age=0"), 200, 0),
            (control("max-age=60"), 404, 10),
            (control("max-age=60"), 500, 10), (control("max-age=3"), 410, 3),
            ([("Last-Modified", date(-100_000))], 410, 10),
            ([("Expires", date(-9))], 404, 0), (control("public"), 502, 10),
        ] as [(Fields, Int, Int64)])
    func `the operator bounds lifetimes, and errors have a bound of their own`(
        headers: Fields, status: Int, seconds: Int64
    ) {
        var policy = CachePolicy()
        policy.defaultLifetime = 7
        policy.maximumLifetime = 30
        #expect(Self.made(headers, status: status, policy: policy).lifetime == seconds)
    }

    // MARK: Storing

    @Test(
        arguments: [
            ("no-store", 200, false), ("No-StOrE", 200, false), ("private", 200, false),
            ("no-store, max-age=60", 200, false),
            ("max-age=60, private=\"x\"", 200, false), ("max-age=60", 200, true), ("no-cache", 200, true),
            ("", 200, true),
            ("max-age=60", 206, false), ("max-age=60", 304, false), ("max-age=60", 100, false),
            ("max-age=60", 600, false),
            ("max-age=60", 599, true), ("", 599, false), ("public", 599, true), ("", 201, false), ("", 403, false),
            ("", 502, false), ("", 504, false), ("", 404, true), ("", 410, true), ("", 204, true),
            ("max-age=9", 302, true),
            ("no-store, must-understand, max-age=60", 200, true), ("no-store, must-understand, max-age=60", 599, false),
            ("must-understand, max-age=60", 599, false), ("private, must-understand", 200, false),
        ] as [(String, Int, Bool)])
    func `what may be stored is`(text: String, status: Int, isStorable: Bool) {
        #expect(Self.made(Self.control(text), status: status).isStorable == isStorable)
    }

    @Test(arguments: [
        ("max-age=60", false), ("", false), ("max-age=60, public", true), ("max-age=60, must-revalidate", true),
        ("s-maxage=60", true), ("public, private", false), ("public, no-store", false),
        ("max-age=60, proxy-revalidate", false),
    ])
    func `an answer to somebody's credentials is everybody's only if it says so`(text: String, isStorable: Bool) {
        let freshness = Self.made(Self.control(text), isPersonal: true)
        #expect(freshness.isStorable == isStorable)
        #expect(freshness.isShareable == isStorable)
    }

    @Test(arguments: [
        ("*", false), ("*, *", false), (", *", false), ("Foo, *", false), ("*, Foo", false), ("Foo", true), ("", true),
    ])
    func `what depends on everything is never reused`(vary: String, isStorable: Bool) {
        #expect(Self.made([("Vary", vary), ("Cache-Control", "max-age=60")]).isStorable == isStorable)
    }

    // MARK: Age

    @Test(
        arguments: [
            ("50", 50), ("0", 0), ("abc", 0), ("-7200", 0), ("7200.0", 0), ("7200, 0", 7200), ("0, 7200", 0),
            ("99999999999999999999", 1 << 31), ("", 0), ("7200;foo=bar", 0),
        ] as [(String, Int64)])
    func `an age on arrival is read as far as it is one`(text: String, age: Int64) {
        let freshness = Self.made([("Age", text), ("Cache-Control", "max-age=60")])
        #expect(Self.now - freshness.generatedAt == min(age, Self.now))
    }

    @Test func `the first of several ages counts`() {
        #expect(Self.made([("Age", "7"), ("Age", "0")]).generatedAt == Self.now - 7)
        #expect(Self.made([("Age", "0"), ("Age", "7")]).generatedAt == Self.now)
    }

    @Test func `age on arrival counts`() {
        let old = Self.made([("Cache-Control", "max-age=60"), ("Age", "50")])
        #expect(old.isFresh(at: Self.now + 9))
        #expect(!old.isFresh(at: Self.now + 10))
        let dated = Self.made([("Cache-Control", "max-age=60"), ("Date", Self.date(-50))])
        #expect(dated.isFresh(at: Self.now + 9))
        #expect(!dated.isFresh(at: Self.now + 10))
        let ahead = Self.made([("Cache-Control", "max-age=60"), ("Date", Self.date(500))])
        #expect(ahead.isFresh(at: Self.now + 59))
        #expect(!ahead.isFresh(at: Self.now + 60))
    }

    @Test func `the time on the way counts as age`() {
        let headers = HTTPFields([("Cache-Control", "max-age=60"), ("Age", "10"), ("Date", Self.date(4))])
        let slow = Freshness(status: 200, headers: headers, requestedAt: Self.now, receivedAt: Self.now + 5)
        #expect(slow.generatedAt == Self.now - 10)
    }

    @Test func `a clock that was far ahead when an entry was made does not keep it for ever`() {
        var freshness = Self.made(Self.control("max-age=60"))
        freshness.generatedAt = Self.now + 3600
        #expect(freshness.isFresh(at: Self.now))
        freshness.generatedAt = Self.now + 10 * 86_400
        #expect(!freshness.isFresh(at: Self.now))
    }

    // MARK: Reuse

    @Test func `no-cache is kept and always asked about`() {
        let entry = Self.made(Self.control("no-cache, max-age=60, stale-while-revalidate=60, stale-if-error=60"))
        #expect(entry.isStorable)
        #expect(!entry.isFresh(at: Self.now))
        #expect(entry.reuse(at: Self.now) == .stale)
        #expect(!entry.mayServeStale(at: Self.now, because: .unreachable))
        #expect(!entry.mayServeStale(at: Self.now, because: .serverError))
    }

    @Test(arguments: [
        ("max-age=10, stale-while-revalidate=5", 9, Freshness.Reuse.fresh),
        ("max-age=10, stale-while-revalidate=5", 10, .staleWhileRevalidate),
        ("max-age=10, stale-while-revalidate=5", 14, .staleWhileRevalidate),
        ("max-age=10, stale-while-revalidate=5", 15, .stale), ("max-age=10", 10, .stale),
        ("max-age=10, must-revalidate, stale-while-revalidate=5", 10, .stale),
        ("max-age=10, proxy-revalidate, stale-while-revalidate=5", 10, .stale),
        ("s-maxage=10, stale-while-revalidate=5", 10, .staleWhileRevalidate),
    ])
    func `stale while it is asked about`(text: String, age: Int64, reuse: Freshness.Reuse) {
        #expect(Self.made(Self.control(text)).reuse(at: Self.now + age) == reuse)
    }

    @Test(
        arguments: [
            ("max-age=10", 100, true, false), ("max-age=10, stale-if-error=60", 60, true, true),
            ("max-age=10, stale-if-error=60", 71, true, false),
            ("max-age=10, must-revalidate, stale-if-error=60", 20, false, false),
            ("max-age=10, proxy-revalidate", 20, false, false), ("max-age=10, no-cache", 20, false, false),
            ("s-maxage=10", 20, false, false), ("s-maxage=10, stale-if-error=60", 20, true, true),
            ("max-age=10", 86_500, false, false), ("max-age=10, stale-if-error=200000", 100_000, true, true),
        ] as [(String, Int64, Bool, Bool)])
    func `stale instead of nothing`(text: String, age: Int64, whenUnreachable: Bool, whenBroken: Bool) {
        let freshness = Self.made(Self.control(text))
        #expect(freshness.mayServeStale(at: Self.now + age, because: .unreachable) == whenUnreachable)
        #expect(freshness.mayServeStale(at: Self.now + age, because: .serverError) == whenBroken)
    }

    @Test(
        arguments: [
            ("max-age=0", 5, Freshness.Reuse.stale), ("max-age=10", 5, .fresh), ("max-age=10", 11, .stale),
            ("no-cache", 5, .stale),
            ("min-fresh=50", 5, .fresh), ("min-fresh=60", 5, .stale), ("max-stale=10", 65, .fresh),
            ("max-stale=10", 75, .stale),
            ("max-stale", 7500, .fresh), ("nonsense", 5, .fresh), ("only-if-cached", 5, .fresh),
        ] as [(String, Int64, Freshness.Reuse)])
    func `what the client wishes counts where it is asked`(wish: String, age: Int64, reuse: Freshness.Reuse) {
        let directives = RequestDirectives(HTTPFields([("Cache-Control", wish)]))
        #expect(Self.made(Self.control("max-age=60")).reuse(at: Self.now + age, directives) == reuse)
    }

    @Test func `nothing stale is given to who takes it when the origin forbids it`() {
        let directives = RequestDirectives(HTTPFields([("Cache-Control", "max-stale=100")]))
        #expect(Self.made(Self.control("max-age=60, must-revalidate")).reuse(at: Self.now + 61, directives) == .stale)
    }

    @Test func `Pragma counts where there is no Cache-Control`() {
        #expect(RequestDirectives(HTTPFields([("Pragma", "no-cache")])).noCache)
        #expect(!RequestDirectives(HTTPFields([("Pragma", "no-cache"), ("Cache-Control", "max-age=60")])).noCache)
        #expect(RequestDirectives(HTTPFields([("Pragma", "foo")])) == .none)
    }

    // MARK: Dates

    @Test func `dates are read as they are written`() {
        #expect(HTTPDate.format(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        for time in stride(from: 0 as Int64, to: 4_000_000_000, by: 86_400 * 37 + 12_345) {
            #expect(HTTPDate.parse(HTTPDate.format(time)) == time)
        }
    }

    @Test(
        arguments: [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("sUN, 06 nOV 1994 08:49:37 gmt", 784_111_777),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777), ("Sun Nov  6 08:49:37 1994", 784_111_777),
            ("Sun Nov 06 08:49:37 1994", 784_111_777), ("Thursday, 18-Aug-50 02:01:18 GMT", 2_544_400_878),
            ("Tue, 19 Jan 2038 14:14:08 GMT", 2_147_523_248), ("Sun, 21 Nov 2286 04:46:39 GMT", 10_000_039_599),
        ] as [(String, Int64)])
    func `a date has three forms`(text: String, time: Int64) {
        #expect(HTTPDate.parse(text) == time)
    }

    @Test(arguments: [
        "", "now", "0", ",", "Sun,", "Sun, ", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 XXX 1994 08:49:37 GMT", "Sun, 0a Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 94 08:49:37 GMT", "Sun 06 Nov 1994 08:49:37 GMT",
        "Sun, 06  Nov  1994 08:49:37 GMT", "Sun, 06-Nov-1994 08:49:37 GMT", "Sun, 06 Nov 1994 08.49.37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT", "Sunday, 06 Nov 94 08:49:37 GMT", "Sun Nov 6 08:49:37 1994",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 32 Nov 1994 08:49:37 GMT", "\u{e9}un, 06 Nov 1994 08:49:37 GMT", "Wednesday, 06-Nov-94 08:49:37 GM",
        "Sun,\u{e9}06 Nov 1994 08:49:37 GM", "Sun Nov  6 08:49:37 199\u{e9}", "Sun, 06 \u{e9}\u{e9} 1994 08:49:37 GMT",
    ])
    func `what is no date is none`(text: String) {
        #expect(HTTPDate.parse(text) == nil)
    }
}
