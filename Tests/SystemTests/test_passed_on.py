# SPDX-License-Identifier: Apache-2.0
"""What gets through a front, of an origin's answer to the client and of a client's request to the origins: what is meant
to, and nothing else. IMAGEPROXY_ALL_FAULTS=1 has origins give a hundred thousand answers, which takes minutes.
"""

import os
import random
import re

import pictures
import test_lying_origins as lying
from front import LOCAL, Front, in_parallel
from origin import Origin, Seen, answer

ALL = bool(os.environ.get("IMAGEPROXY_ALL_FAULTS"))
CLIENTS = 4

#: Fields that a client may see, in lower case.
SHOWN = {
    "date", "content-type", "content-length", "x-content-type-options", "content-security-policy", "x-xss-protection",
    "access-control-allow-origin", "cache-control", "last-modified", "expires", "etag", "link", "age",
    "x-imageproxy-error",
    "retry-after",
}
#: A tabulator may stand between words.
CONTROL = re.compile("[\0-\x08\x0a-\x1f\x7f]")
#: Fields that must not be seen, in as many spellings as there are chances.
FOREIGN = [
    b"Set-Cookie: a=b", b"Content-Security-Policy: default-src *", b"Location: http://evil.test/", b"X-Evil: 1",
    b"Access-Control-Allow-Credentials: true", b"Content-Encoding: identity", b"Refresh: 0; url=http://evil.test/",
    b"Transfer-Encoding: identity", b"Connection: X-Evil, close", b"Keep-Alive: timeout=5", b"Upgrade: h2c",
    b"Vary: Cookie",
    b"Clear-Site-Data: *", b"X-Imageproxy-Error: none", b"X-Imageproxy-Key: x", b"Content-Disposition: attachment",
    b"Strict-Transport-Security: max-age=1", b"WWW-Authenticate: Basic", b"Proxy-Authenticate: Basic",
    b"Alt-Svc: h2=evil.test",
    b"Link: </a>; rel=preload", b"Etag: \"e\"", b"Cache-Control: max-age=9", b"Expires: 0", b"Last-Modified: never",
    b"Server: x",
    b"Cache-Control: public\r\nSet-Cookie: a=b", b"Etag: \"a\rSet-Cookie: a=b\"", b"Link: <a>\nSet-Cookie: a=b",
    b"Link: <\x85\x0b>",
]
PIECES = [b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\0", b":", b" ", b"\t", b"\r\n ", b"Set-Cookie: a=b\r\n", b"\x0b",
          b"\x85", b"%0d%0a"]


def mutated(base, chance):
    """An answer of an origin with some foreign fields, and some of its bytes changed."""
    head, _, body = base.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    for _ in range(chance.randint(0, 6)):
        # The last of them break the message.
        lines.insert(chance.randint(1, len(lines)), chance.choice(FOREIGN if chance.random() < 0.1 else FOREIGN[:-4]))
    data = bytearray(b"\r\n".join(lines) + b"\r\n\r\n")
    for _ in range(chance.choice([0, 0, 1, 1, 2, 4])):
        at = chance.randrange(len(data))
        how = chance.randrange(4)
        if how == 0:
            data[at] = chance.randrange(256)
        elif how == 1:
            data[at:at] = chance.choice(PIECES)
        elif how == 2:
            del data[at:at + chance.randint(1, 8)]
        else:
            data[at:at] = chance.choice(FOREIGN) + b"\r\n"
    return bytes(data) + body


def bases():
    """Every answer of test_lying_origins.py that comes at once and ends."""
    found = []
    for handler in [handler for handler, _ in lying.LIES.values()] + list(lying.TRUTHS.values()):
        parts = handler(Seen("GET", "/raw", {}))
        if isinstance(parts, bytes):
            parts = [parts]
        if isinstance(parts, list) and all(isinstance(part, bytes) for part in parts):
            found.append(b"".join(parts)[:20_000])
    return found


def test_only_known_fields_of_an_answer_are_passed_on(start, origin):
    front = start(*LOCAL, "-workers", "1", "-fetchTimeout", "2s", "-cache", "memory:4")
    chance = random.Random(5)
    lies = [base for base in bases() if base]
    assert len(lies) > 60
    # Every second one is right before it is changed.
    answers = [one for lie in lies for one in (lie, lying.OK + lying.BODY)]
    count = 100_000 if ALL else 2_000
    raw = [mutated(answers[number % len(answers)], random.Random(number)) for number in range(min(count, 2_000))]
    seen_statuses, left = {}, iter(range(count))

    def handler(seen):
        # Without a number when an answer has sent the front here.
        number = int(seen.target.partition("?")[2] or 0)
        return [raw[number] if number < len(raw) else mutated(answers[number % len(answers)], random.Random(number))]

    url = origin.serve("/raw", handler)

    def look(_):
        with front.connect() as connection:
            for number in left:
                answered = connection.request(f"//{url}?{number}")
                names = {name.lower() for name, _ in answered.fields}
                assert names <= SHOWN, (number, names - SHOWN)
                assert not any(CONTROL.search(value) for _, value in answered.fields), (number, answered)
                seen_statuses[answered.status] = seen_statuses.get(answered.status, 0) + 1
                if answered.status == 200 and answered.body:
                    assert answered["Content-Type"] in ("image/jpeg", "image/webp", "image/gif", "image/png"), answered
                    assert "sandbox" in answered["Content-Security-Policy"], answered
                    assert answered["X-Content-Type-Options"] == "nosniff", answered

    with in_parallel(CLIENTS, look, patience=3000):
        pass
    # Both kinds were there.
    assert seen_statuses[200] > count / 10 and seen_statuses[502] > count / 10, seen_statuses


#: What clients send, and what of it an origin is to be told, in lower case.
SENT = ["Cookie", "Authorization", "X-Own", "Referer", "X-Other", "Proxy-Authorization", "X-Forwarded-For",
        "Forwarded", "Range",
        "If-Range", "Origin", "TE", "X-Api-Key", "Via", "User-Agent", "Accept", "Accept-Encoding", "Accept-Language",
        "If-None-Match", "If-Modified-Since", "Cache-Control", "Priority", "Sec-Fetch-Site", "Dnt", "X-Request-Id"]
ALWAYS = {"host", "user-agent", "accept", "accept-encoding"}


def test_origins_are_told_what_is_meant_for_them(start, origin):
    """A thousand requests, of which every second one is sent on to another origin."""
    other = Origin("127.0.0.2")
    there = other.serve("/there.jpg", pictures.flat(40, 20))
    here = origin.serve("/here.jpg", pictures.flat(40, 20))
    moved = origin.serve("/moved", lambda seen: answer(
        b"", 302, headers={"Location": f"{there}?{seen.target.partition('?')[2]}"}))
    front = start(*LOCAL, "-workers", "1", "-includeReferer", "-passRequestHeaders", "X-Own,Authorization,Cookie")
    chance = random.Random(9)
    cases = []
    for number in range(1000):
        sent = {name: f"{name}-secret-{number}" for name in chance.sample(SENT, chance.randint(0, 12))}
        own = chance.choice(["", "", "user:pass@"])
        url = (moved if number % 2 else here).replace("//", f"//{own}")
        assert front.get(f"//{url}?{number}", headers=sent).status == 200
        cases.append((sent, own))

    def told(seen, number, is_first):
        sent, own = cases[number]
        headers = dict(seen.headers)
        for name in ALWAYS:
            # Never what the client said there.
            assert "secret" not in headers.pop(name), (number, name)
        meant = {"X-Own", "X-Request-Id"} | ({"Authorization", "Cookie", "Referer"} if is_first else set())
        expected = {name.lower(): value for name, value in sent.items() if name in meant}
        if is_first and own:
            expected.setdefault("authorization", "Basic dXNlcjpwYXNz")
        assert headers == expected, (number, is_first)

    for number in range(1000):
        path = "/moved" if number % 2 else "/here.jpg"
        told(next(seen for seen in origin.seen(path)[number // 2:] if seen.target == f"{path}?{number}"), number, True)
    followed = other.seen("/there.jpg")
    assert len(followed) == 500
    for index, seen in enumerate(followed):
        told(seen, 2 * index + 1, False)
    other.close()
