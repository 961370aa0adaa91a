# SPDX-License-Identifier: Apache-2.0
"""What stands in the log after all that is wrong has been tried: printable lines, one for each failure, not more.

Pictures that are damaged or kill their decoder, answers that are lies, and addresses that would like to be lines of
their own. IMAGEPROXY_ALL_FAULTS=1 tries ten times as many pictures.
"""

import base64
import itertools
import os
import random
import re
import time
import urllib.parse

import sources
import test_errors
import test_lying_origins
from origin import answer, picture
from test_poison import deaths, pill, start_with_pills  # noqa: F401

SIZE = 10 if os.environ.get("IMAGEPROXY_ALL_FAULTS") else 1
FORGED = ["\r\n2026/11/24 00:00:00 forged", "\x1b[31m\x1b]0;a\x07", "\x9b31m\x85", "\0\t\x7f\x08",
          "\u2028\u2029\u202e\ufeff", "%0a%1b", '"\\" ',
          "\udcff".encode("utf-8", "surrogatepass").decode("latin-1"), "a" * 3000]
#: Damaged at random; some of them are right all the same.
KINDS = ["jpeg-420", "jpeg-progressive", "png-rgb", "png-palette-alpha", "webp-lossy", "webp-lossless", "gif-animated",
         "tiff-raw", "tiff-tiles",
         "bmp-runs", "avif-420"]


def damaged(name, chance):
    data = bytearray(sources.source(name).data)
    for _ in range(chance.randint(1, 30)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data[:chance.randrange(len(data))] if chance.random() < 0.3 else data)


def pictures_that_are_wrong(chance):
    for data in test_errors.BROKEN.values():
        yield picture(data)
    for _ in range(20 * SIZE):
        for name in KINDS:
            yield picture(damaged(name, chance), f"image/{name.split('-')[0]}")
    for number in range(3 * SIZE):
        for what in ("crash", "abort", "open"):
            yield picture(pill(what, number))
    for handler, status in test_lying_origins.LIES.values():
        # Those of which one has to wait for the end say nothing more.
        if status != 504:
            yield handler
    for status in (400, 404, 410, 451, 500, 503, 599):
        yield lambda _, status=status: answer(b"\x1b[31m\r\n2026/11/24 forged", status, "text/plain")
    for field in FORGED[1:3]:
        yield lambda _, field=field: answer(b"<p>", 200, f"text/html; a={field}")


def spellings(url, forged):
    """A remote URL with more than it should have, in all forms that a request may have it in."""
    quoted = urllib.parse.quote(forged.encode("utf-8", "surrogatepass"), safe="")
    yield f"/30x/{url}?{quoted}"
    yield f"/30x,{quoted}/{url}"
    yield f"/30x/{urllib.parse.quote(url + '?', safe='')}{quoted}"
    yield "/30x/" + base64.urlsafe_b64encode((url + forged).encode("utf-8", "surrogatepass")).decode().rstrip("=")
    yield f"/{quoted}/{quoted}"


def assert_plain(line):
    """It begins with the time that it was, and has nothing else than letters: but for the sign that it has been cut."""
    text = line.removesuffix("\u2026")
    assert text.isascii() and text.isprintable(), repr(line)
    assert re.match(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ", line) and not line.startswith("2026/11/24"), line


def test_a_failure_is_one_line(start_with_pills, origin):  # noqa: F811
    chance = random.Random(13)
    front = start_with_pills("-workers", "2", "-maxSourceBytes", str(test_lying_origins.LIMIT), "-fetchTimeout", "2s")
    known = front.errors.count("\n")
    failures = asked = 0
    forgeries = itertools.cycle(FORGED)
    for number, handler in enumerate(pictures_that_are_wrong(chance)):
        url = origin.serve(f"/{number}", handler)
        for target in spellings(url, next(forgeries)) if number % 4 == 0 else [f"/30x/{url}?%1b%0a{number}"]:
            answered = front.get(target, headers={"Referer": "\x9b31m", "User-Agent": "\x9b", "X-Request-Id": "a\tb"})
            asked += 1
            failures += answered.status >= 400 or answered["X-Imageproxy-Error"] is not None
    failures += deaths(front) + deaths(front, "outside")
    time.sleep(0.3)
    lines = front.errors.split("\n")[known:-1]
    assert asked > 400 * SIZE and failures > asked / 2
    # One when the first worker says how it is kept.
    assert failures / 2 < len(lines) <= failures + 1, (len(lines), failures)
    assert max(map(len, lines)) < 20_000
    for line in lines:
        assert_plain(line)


#: Where in a request an address can be made to look like something else.
PLACES = ["/{}/http://127.0.0.1:1/", "/30x/http://{}/a.jpg", "/30x/http://u:{}@127.0.0.1:1/",
          "/30x/http://127.0.0.1:{}/", "/30x/{}://127.0.0.1:1/",
          "/30x/http://127.0.0.1:1/{}", "/30x/http://127.0.0.1:1/a?{}", "/30x/http%3A%2F%2F127.0.0.1:1%2F{}", "/{}",
          "//{}", "/30x/http:/{}"]


def test_an_address_is_no_line_of_its_own(start, origin):
    """1,300 of them and more, as they are, quoted, quoted twice, and in base64."""
    front = start("-workers", "1", "-verbose", "-fetchTimeout", "1s")
    chance = random.Random(29)
    asked = 0
    for place in PLACES:
        for _ in range(60):
            text = "".join(chance.choice([*FORGED[:-1], *"a/#?@[%:.\\"]) for _ in range(chance.randint(1, 4)))
            raw = text.encode("utf-8", "surrogatepass")
            quoted = urllib.parse.quote(raw, safe="")
            whole = base64.urlsafe_b64encode(place.partition("/30x/")[2].encode() + raw).decode().rstrip("=")
            for target in (place.format(quoted), place.format(urllib.parse.quote(quoted, safe="")),
                           place.format("".join(filter(str.isprintable, text)).replace(" ", "")), f"/30x/{whole}"):
                answered = front.get(target)
                asked += 1
                # What is said to a client of its own words is text; "/?..." is nothing but the first page.
                assert answered.status >= 400 or answered.body == b"OK", (target, answered)
                assert answered["Content-Type"] == "text/plain; charset=utf-8", (target, answered)
                is_fixed = answered.body in (b"OK", b"400 Bad Request\n")
                assert is_fixed or answered["X-Content-Type-Options"] == "nosniff", (target, answered)
                assert answered.text.replace("\n", "").isprintable(), (target, answered)
    time.sleep(0.3)
    lines = front.errors.split("\n")[:-1]
    # With what is fetched named before it is.
    assert asked > 1300 and len(lines) <= 2 * asked
    for line in lines:
        assert_plain(line)
