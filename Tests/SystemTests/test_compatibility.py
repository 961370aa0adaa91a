# SPDX-License-Identifier: Apache-2.0
"""What whoever used the original relies on, against the real front: its URLs, rules, signatures, headers and texts.

docs/compatibility.md lists what differs on purpose; here the difference is what is expected, with a word about it.
"""

import base64
import io
import json
import pathlib
import re
import socket
import threading

import numpy
import pytest
from PIL import Image

import pictures
import processes
from front import LOCAL, Front
from origin import Trap, answer, http_date, picture

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "Fixtures" / "vectors"
DENIED = (403, "requested URL is not allowed\n")
IMAGE = pictures.flat(64, 48)
#: On every answer that is made of what an origin sent.
PICTURE_FIELDS = {
    "Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff", "X-Xss-Protection": "1; mode=block",
    # The original forbids scripts alone.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
}
#: On every error.
ERROR_FIELDS = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}


def vectors(name):
    return json.loads((VECTORS / f"{name}.json").read_text())


def fields(answered):
    """All fields but those that every answer has, a connection's included."""
    return {name: value for name, value in answered.fields if name not in ("Date", "Content-Length", "Connection")}


def is_error(answered, status, text):
    assert (answered.status, answered.text) == (status, text), answered
    assert fields(answered) == ERROR_FIELDS, answered


@pytest.fixture(scope="module")
def photo(shared_origin):
    return shared_origin.serve("/photo.jpg", IMAGE)


# 2. Endpoints


@pytest.mark.parametrize("path, body, kind", [
    ("/", b"OK", "text/plain; charset=utf-8"), ("/health-check", b"OK", "text/plain; charset=utf-8"),
    ("/favicon.ico", b"", None),
    ("/metrics", None, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"),
])
def test_endpoints(shared_front, path, body, kind):
    answered = shared_front.get(path)
    assert answered.status == 200 and fields(answered).get("Content-Type") == kind
    assert body is None or (answered.body, answered["Content-Length"]) == (body, str(len(body)))
    assert body is not None or b"# TYPE imageproxy_requests_served_from_cache_total counter" in answered.body
    # The path is compared as it is.
    assert shared_front.get("/" + path).status == 400
    head = shared_front.get(path, method="HEAD")
    assert head.status == 200 and head.body == b""
    assert body is None or head["Content-Length"] == answered["Content-Length"]


def test_options_for_all(shared_front):
    assert shared_front.get("*", method="OPTIONS").body == b""


# 3 and 4. Requests and options


class Asked:
    """A front that lets nobody in and says in its log what it understood."""

    def __init__(self, bin, base):
        flags = ["-baseURL", base] if base else []
        self.front = Front(bin, "-workers", "1", "-signatureKey", "unknown", *flags)

    def __call__(self, target):
        before = len(self.front._errors)
        answered = self.front.get(target)
        processes.wait_until(lambda: len(self.front._errors) > before, what="a line in the log")
        return answered, self.front._errors[-1].rstrip("\n")


@pytest.fixture(scope="module")
def asked(bin):
    fronts = {}

    def ask(base, target):
        if base not in fronts:
            fronts[base] = Asked(bin, base)
        return fronts[base](target)

    yield ask
    for one in fronts.values():
        one.front.stop()


def printable(text):
    """Text as the log has it."""
    text = re.sub(r"://[^/?#]*@", "://***@", text)
    return "".join(chr(b) if 0x20 <= b < 0x7F else f"\\x{b:02x}" for b in text.encode())


# "/" is an endpoint, and never gets as far as the grammar.
@pytest.mark.parametrize("row", [row for row in vectors("requests") if row["request_target"] != "/"], ids=lambda row: f"{row['base_url']} {row['request_target']}")
def test_a_request_is_understood_as_by_the_original(asked, row):
    answered, line = asked(row["base_url"], row["request_target"])
    if "error" in row:
        # Only the answer to a request that is itself malformed ends without a new line.
        malformed = row["error"] == "400 Bad Request"
        is_error(answered, 400, row["error"] + ("" if malformed else "\n"))
        assert answered.closes == malformed
        return
    assert (answered.status, answered.text) == DENIED
    # The original lets a fragment of the remote URL take part in what is signed.
    remote = row["remote_url"].split("#")[0]
    assert line.endswith(": " + printable(f"{remote}#{row['options']}")), line


#: An infinite number is not taken, and `bmp` is a format.
OTHERWISE = {"1e999x": "0x0", "bmp": "0x0,bmp"}


# A space cannot stand in a request line.
@pytest.mark.parametrize("row", [row for row in vectors("options") if " " not in row["input"]], ids=lambda row: row["input"] or "none")
def test_options_are_understood_as_by_the_original(asked, row):
    answered, line = asked("", f"/{row['input']}/http://example.com/a.jpg")
    assert (answered.status, answered.text) == DENIED
    assert line.endswith(": " + printable(f"http://example.com/a.jpg#{OTHERWISE.get(row['input'], row['canonical'])}")), line


def test_every_written_form_is_the_same_picture(shared_front, photo):
    encoded = base64.urlsafe_b64encode(photo.encode()).decode().rstrip("=")
    whole = photo.replace(":", "%3A").replace("/", "%2F")
    bodies = set()
    for form in (photo, photo.replace("://", ":/"), photo.replace("://", ":///"), whole, whole.lower(), encoded):
        answered = shared_front.get(f"/32x24,png/{form}")
        assert answered.status == 200, form
        bodies.add(answered.body)
    assert len(bodies) == 1
    for bad in (photo.replace(":", "%3A", 1), encoded + "==", base64.urlsafe_b64encode(b"HTTP://h/a").decode().rstrip("=")):
        assert shared_front.get(f"/32x/{bad}").status == 400


def test_the_query_is_the_origins(shared_front, shared_origin, photo):
    for given, sent in (("?a=|b&c=%20", "?a=|b&c=%20"), ("?", ""), ("", ""), ("?x#y", "?x%23y")):
        shared_front.get(f"//{photo}{given}")
        assert shared_origin.seen("/photo.jpg")[-1].target == "/photo.jpg" + sent
    # Of a URL that is encoded as a whole it is inside.
    inside = (photo + "?in=1").replace("?", "%3F").replace(":", "%3A").replace("/", "%2F")
    shared_front.get(f"//{inside}?out=1")
    assert shared_origin.seen("/photo.jpg")[-1].target == "/photo.jpg?in=1"


@pytest.mark.parametrize("path, sent", [
    ("/a%2Cb", "/a%2Cb"), ("/a%2Fb", "/a%2Fb"), ("/a%C3%A9", "/a%C3%A9"), ("/a|b%2Cc", "/a%7Cb,c"), ("/\u00e9", "/%C3%A9"),
    ("/a//b/../c", "/a//b/../c"), ("/!$&'()*+,;=:@", "/!$&'()*+,;=:@"),
])
def test_paths_go_out_as_the_original_sends_them(shared_front, shared_origin, path, sent):
    before = shared_origin.count()
    shared_front.get("//" + shared_origin.url(path))
    assert [seen.target for seen in shared_origin.requests[before:]] == [sent]


# 5. Access. The log has the reason, the client does not.


@pytest.mark.parametrize("flags, target, headers, reason", [
    ([], "/vu1/{}", {}, "request is no longer valid"),
    # Before everything else, whoever may ask.
    (["-referrers", "a.test", "-denyHosts", "127.0.0.1"], "/vu1/{}", {}, "request is no longer valid"),
    (["-referrers", "a.test", "-denyHosts", "127.0.0.1"], "/x/{}", {}, "request does not contain an allowed referrer"),
    (["-referrers", "a.test"], "/x/{}", {"Referer": "MALFORMED!!"}, "request does not contain an allowed referrer"),
    (["-referrers", "a.test"], "/x/{}", {"Referer": "http://b.test/"}, "request does not contain an allowed referrer"),
    (["-referrers", "a.test"], "/x/{}", {"Referer": "http://a.test:80/x"}, None),
    (["-denyHosts", "127.0.0.1", "-allowHosts", "127.0.0.1"], "/x/{}", {}, "request contains a denied host"),
    (["-denyHosts", "127.0.0.0/8"], "/x/{}", {}, "request contains a denied host"),
    (["-allowHosts", "127.0.0.1"], "/x/{}", {}, None),
    (["-allowHosts", "a.test"], "/x/{}", {}, "request does not contain an allowed host or valid signature"),
    (["-signatureKey", "key"], "/x/{}", {}, "request does not contain an allowed host or valid signature"),
    (["-signatureKey", "key", "-allowHosts", "127.0.0.1"], "/x/{}", {}, None),
    ([], "/x/{}", {}, None),
])
def test_who_may_have_what(start, photo, flags, target, headers, reason):
    front = start(*LOCAL, "-workers", "1", *flags)
    answered = front.get(target.format(photo), headers=headers)
    if reason is None:
        assert answered.status == 200
    else:
        is_error(answered, *DENIED)
        options = "0x0,vu1" if "vu1" in target else "0x0"
        processes.wait_until(lambda: f"{reason}: {photo}#{options}\n" in front.errors, what=reason)


# 6. Signatures. (key, path of the remote URL, options, signature by the original)


@pytest.mark.parametrize("key, url, options, signature", [
    ("secretkey", "https://octodex.github.com/images/codercat.jpg", "7", "cw34eyalj8YvpLpETxSIxv2k8QkLel2UAR5Cku2FzGM="),
    ("secretkey", "https://octodex.github.com/images/codercat.jpg", "q40,400",
        "0sR2kjyfiF1RQRj4Jm2fFa3_6SDFqdAaDEmy1oD2U-4="),
    ("c0ffee", "http://test/image", "r90", "NDx5zZHx7QfE8E-ijowRreq6CJJBZjwiRfOVk_mkfQQ="),
    ("c0ffee", "http://test/image", "r90", "ZGTzEm32o4iZ7qcChls3EVYaWyrDd9u0etySo0-WkF8="),
    ("beer", "http://test/image", "", "FWIawYV4SEyI4zKJMeGugM-eJM1eI_jXPEQ20ZgRe4A="),
])
def test_signatures_of_the_original(start, tmp_path, key, url, options, signature):
    file = tmp_path / "key"
    file.write_text(key)
    # No port is allowed, so that nothing is fetched: what is signed is refused for that reason and no other.
    front = start("-workers", "1", "-allowPorts", "1024", "-signatureKey", f"old @{file}")
    for given in (signature, signature.rstrip("=")):
        front.get(f"/{options},s{given}/{url}")
    processes.wait_until(lambda: front.errors.count("\n") == 2)
    assert "signature" not in front.errors and front.errors.count("port") == 2
    for given in (signature.replace("-", "+").replace("_", "+"), signature[:-1] + "%3D", signature[:-2] + "A=", "deadbeef", "!!"):
        if given != signature:
            is_error(front.get(f"/{options},s{given}/{url}"), *DENIED)
    is_error(front.get(f"/{options},s{signature}/{url}x"), *DENIED)
    processes.wait_until(lambda: front.errors.count("does not contain an allowed host or valid signature: ") >= 5)


# 7. What an origin is asked


def asked_of(origin, path="/photo.jpg"):
    seen = origin.seen(path)[-1]
    return seen.method, dict(seen.headers)


@pytest.mark.parametrize("flags, headers, expected", [
    ([], {}, {}),
    (["-userAgent", "me/1"], {"User-Agent": "browser"}, {"user-agent": "me/1"}),
    (["-userAgent", ""], {"User-Agent": "browser"}, {"user-agent": "Go-http-client/1.1"}),
    (["-contentTypes", "image/png,image/jpeg"], {"Accept": "x/y"}, {"accept": "image/png, image/jpeg"}),
    (["-contentTypes", ""], {"Accept": "x/y"}, {"accept": None}),
    (["-includeReferer"], {"Referer": "http://a/"}, {"referer": "http://a/"}),
    (["-passRequestHeaders", "X-One,Cookie"], {"X-One": "1", "Cookie": "c", "X-Two": "2"}, {"x-one": "1", "cookie": "c"}),
    ([], {"Cookie": "c", "Authorization": "a", "Range": "bytes=0-1", "If-None-Match": "x", "X-Forwarded-For": "1.1.1.1",
          "Referer": "http://a/", "Cache-Control": "no-cache", "Pragma": "no-cache", "Accept-Encoding": "gzip"}, {}),
])
def test_what_an_origin_is_asked(start, origin, flags, headers, expected):
    url = origin.serve("/photo.jpg", IMAGE)
    front = start(*LOCAL, "-workers", "1", *flags)
    assert front.get(f"//{url}", headers=headers).status in (200, 206)
    # The original asks for gzip and undoes it without a limit.
    usual = {"host": origin.host, "user-agent": "willnorris/imageproxy", "accept": "image/*", "accept-encoding": "identity"}
    wanted = {name: value for name, value in {**usual, **expected}.items() if value is not None}
    assert asked_of(origin) == ("GET", wanted)


def test_a_password_in_the_url_is_the_origins(shared_front, shared_origin):
    url = shared_origin.serve("/own.jpg", IMAGE).replace("://", "://user:pass@")
    assert shared_front.get(f"//{url}").status == 200
    assert asked_of(shared_origin, "/own.jpg")[1]["authorization"] == "Basic " + base64.b64encode(b"user:pass").decode()


def test_a_stored_picture_is_asked_for_again_by_its_tag(start, origin):
    date = http_date(-1000)
    url = origin.serve("/photo.jpg", lambda seen: answer(b"", 304, length=False) if "if-none-match" in seen.headers else
                       answer(IMAGE, 200, "image/jpeg", {"Etag": '"e"', "Last-Modified": date, "Cache-Control": "no-cache"}))
    front = start(*LOCAL, "-workers", "1", "-cache", "memory")
    for _ in range(2):
        assert front.get(f"//{url}").body == IMAGE
    seen = origin.seen("/photo.jpg")[1].headers
    assert (seen["if-none-match"], seen["if-modified-since"]) == ('"e"', date)


# 8. Answers


def test_a_picture_has_these_fields_and_no_others(shared_front, shared_origin):
    passed = {"Cache-Control": "max-age=77", "Last-Modified": http_date(-90), "Expires": http_date(90), "Etag": '"e"'}
    dropped = {"Server": "s", "X-Own": "x", "Set-Cookie": "c=d", "Vary": "Cookie", "Accept-Ranges": "bytes", "Warning": "1"}
    url = shared_origin.serve("/fields.jpg", lambda _: answer(
        IMAGE, content_type="image/jpeg; a=b", headers={**passed, **dropped, "Link": "<a>", "link": "<b>"}))
    answered = shared_front.get(f"//{url}")
    assert answered.status == 200 and answered.body == IMAGE
    assert [value for name, value in answered.fields if name.lower() == "link"] == ["<a>", "<b>"]
    others = {name: value for name, value in fields(answered).items() if name.lower() != "link"}
    assert others == {**passed, **PICTURE_FIELDS, "Content-Type": "image/jpeg"}
    variant = shared_front.get(f"/32x,png/{url}")
    others = {name: value for name, value in fields(variant).items() if name.lower() != "link"}
    # The original tags all variants alike.
    assert others.pop("Etag") not in (None, '"e"')
    assert others == {**{name: passed[name] for name in passed if name != "Etag"}, **PICTURE_FIELDS,
                      "Content-Type": "image/png"}


@pytest.mark.parametrize("names, expected", [("", {}), ("X-Own,etag", {"X-Own": "x", "Etag": '"e"'})])
def test_fields_that_are_passed_on_can_be_chosen(start, origin, names, expected):
    url = origin.serve("/photo.jpg", picture(IMAGE, X_Own="x", Etag='"e"', Cache_Control="max-age=5"))
    front = start(*LOCAL, "-workers", "1", "-passResponseHeaders", names)
    assert fields(front.get(f"//{url}")) == {**expected, **PICTURE_FIELDS, "Content-Type": "image/jpeg"}


def test_what_is_not_found(shared_front, shared_origin):
    url = shared_origin.serve("/no.jpg", lambda _: answer(b"x", 404, "image/jpeg", {"Etag": '"e"', "Cache-Control": "max-age=9"}))
    for options in ("", "100x"):
        is_error(shared_front.get(f"/{options}/{url}"), 404, "not found\n")


MODIFIED, EARLIER, LATER = http_date(-5000), http_date(-9000), http_date(-1000)


@pytest.mark.parametrize("origin_has, client_has, unchanged", [
    ({"Etag": '"e"'}, {"If-None-Match": '"e"'}, True), ({"Etag": '"e"'}, {"If-None-Match": '"f"'}, False),
    ({"Etag": '"e"'}, {}, False), ({}, {"If-None-Match": '"e"'}, False),
    ({"Last-Modified": MODIFIED}, {"If-Modified-Since": MODIFIED}, True),
    ({"Last-Modified": MODIFIED}, {"If-Modified-Since": LATER}, True),
    ({"Last-Modified": MODIFIED}, {"If-Modified-Since": EARLIER}, False),
    ({"Last-Modified": MODIFIED}, {}, False), ({}, {"If-Modified-Since": LATER}, False),
    ({"Last-Modified": "nonsense"}, {"If-Modified-Since": LATER}, False),
    # The original knows neither lists nor weak tags nor the star, and lets a date overrule a tag.
    ({"Etag": '"e"'}, {"If-None-Match": '"d", "e"'}, True), ({"Etag": 'W/"e"'}, {"If-None-Match": '"e"'}, True),
    ({"Etag": '"e"'}, {"If-None-Match": "*"}, True),
    ({"Etag": '"e"', "Last-Modified": MODIFIED}, {"If-None-Match": '"f"', "If-Modified-Since": LATER}, False),
])
def test_what_the_client_has_already(shared_front, shared_origin, origin_has, client_has, unchanged):
    url = shared_origin.serve("/had.jpg", lambda _: answer(IMAGE, 200, "image/jpeg", {**origin_has, "Link": "<a>"}))
    answered = shared_front.get(f"//{url}", headers=client_has)
    if unchanged:
        assert (answered.status, answered.body) == (304, b"")
        assert fields(answered) == {**origin_has, "Link": "<a>"}
    else:
        assert (answered.status, answered.body) == (200, IMAGE)


PNG, GIF = pictures.png(8, 8), b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"
BMP = b"BM" + (58).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little") + (40).to_bytes(4, "little") + (
    b"\x01\0\0\0\x01\0\0\0\x01\0\x18\0" + bytes(24)) + bytes(4)
ICO = b"\0\0\1\0\1\0\1\1\0\0\1\0\x20\0" + bytes(20)
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'/>"


@pytest.mark.parametrize("announced", [None, "application/octet-stream", "binary/octet-stream"])
@pytest.mark.parametrize("body, kind", [
    (IMAGE, "image/jpeg"), (PNG, "image/png"), (GIF, "image/gif"), (BMP, "image/bmp"), (ICO, "image/x-icon"),
    (b"RIFF\x1a\0\0\0WEBPVP8L\r\0\0\0/\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07\0", "image/webp"),
    (b"\0", None), (b"<html>", None), (SVG, None),
])
def test_a_type_that_is_not_told_is_looked_for(shared_front, shared_origin, announced, body, kind):
    url = shared_origin.serve("/sniffed", lambda _: answer(body, content_type=announced))
    answered = shared_front.get(f"//{url}")
    if kind:
        assert (answered.status, answered["Content-Type"], answered.body) == (200, kind, body)
    else:
        is_error(answered, *DENIED)


@pytest.mark.parametrize("announced, body, served", [
    ("image/jpeg", IMAGE, "image/jpeg"), ("IMAGE/JPEG; q=1", IMAGE, "image/jpeg"), ("image/svg+xml", SVG, "image/svg+xml"),
    ("text/html", b"<html>", None), ("text/plain", b"x", None), ("application/json", b"{}", None), ("image", IMAGE, None),
    # The original believes a label.
    ("image/png", IMAGE, "image/jpeg"), ("image/png", b"<html>", None), ("image/x,text/html", b"<html>", None),
    ("image/svg+xml", b"<html>", None),
])
def test_only_pictures_pass(shared_front, shared_origin, announced, body, served):
    caching = {"Cache-Control": "max-age=9", "Etag": '"e"', "Link": "<a>"}
    url = shared_origin.serve("/typed", lambda _: answer(body, 200, announced, caching))
    answered = shared_front.get(f"//{url}")
    if served:
        assert (answered.status, answered["Content-Type"], answered.body) == (200, served, body)
    else:
        # The original's refusal may be cached for as long as its origin said.
        is_error(answered, *DENIED)


def test_nothing_at_all_passes_whatever_it_is_called(shared_front, shared_origin):
    url = shared_origin.serve("/empty", lambda _: answer(b"", content_type="text/html"))
    answered = shared_front.get(f"//{url}")
    assert (answered.status, answered.body, answered["Content-Type"]) == (200, b"", "text/html")


@pytest.mark.parametrize("kind", ["image/jpeg", "text/html", "application/octet-stream", None])
def test_nothing_at_all_stays_that_whatever_is_asked_of_it(shared_front, shared_origin, kind):
    url = shared_origin.serve("/empty", lambda _: answer(b"", content_type=kind))
    for options in ("32x", "png", "r90"):
        answered = shared_front.get(f"/{options}/{url}")
        assert (answered.status, answered.body, answered["X-Imageproxy-Error"]) == (200, b"", "unsupported-format")


@pytest.mark.parametrize("patterns, allowed, refused", [
    ("", ["text/html", "image/jpeg"], []), ("*/*", ["text/html", "image/jpeg"], []), ("*", [], ["text/html", "image/jpeg"]),
    ("text/*, image/png", ["text/html"], ["image/jpeg"]), ("image/[j]???", ["image/jpeg"], ["text/html"]),
])
def test_types_that_pass_can_be_chosen(start, origin, patterns, allowed, refused):
    front = start(*LOCAL, "-workers", "1", "-contentTypes", patterns)
    for kind in allowed + refused:
        url = origin.serve("/typed", lambda _: answer(IMAGE if "image" in kind else b"<p>", content_type=kind))
        answered = front.get(f"//{url}")
        if kind in allowed:
            assert answered.status == 200 and answered["Content-Type"] == kind
        else:
            is_error(answered, *DENIED)


@pytest.mark.parametrize("status", [200, 201, 203, 400, 401, 403, 410, 500, 503])
def test_an_origins_status_is_passed_on(shared_front, shared_origin, status):
    url = shared_origin.serve("/status", lambda _: answer(IMAGE, status, "image/jpeg"))
    answered = shared_front.get(f"//{url}")
    assert (answered.status, answered.body) == (status, IMAGE)
    assert fields(answered) == {**PICTURE_FIELDS, "Content-Type": "image/jpeg"}
    assert pictures.decoded(shared_front.get(f"/32x24/{url}").body).size == (32, 24)


def test_no_content(shared_front, shared_origin):
    url = shared_origin.serve("/204", lambda _: answer(b"", 204, length=False))
    assert shared_front.get(f"//{url}").status == 204
    assert shared_front.get(f"/32x/{url}").status == 204


# Those that only make sense inside another exchange, and those that are none.
@pytest.mark.parametrize("status", [206, 304, 600, 999])
def test_a_status_that_makes_no_sense_is_not(shared_front, shared_origin, status):
    url = shared_origin.serve("/status", lambda _: answer(IMAGE, status, "image/jpeg"))
    answered = shared_front.get(f"//{url}")
    assert answered.status == 502 and answered.text.startswith("error fetching remote image: ")
    assert fields(answered) == ERROR_FIELDS


def test_fetch_errors(shared_front, bin):
    # 500 in the original, which names addresses.
    reached = "error fetching remote image: the remote host could not be reached\n"
    is_error(shared_front.get("/100x/http://no-such-name.invalid/a.jpg"), 502, reached)
    is_error(shared_front.get("/100x/http://127.0.0.1:2/a.jpg"), 502, reached)
    metrics = shared_front.get("/metrics").text
    assert float(re.search(r"^imageproxy_remote_fetch_errors_total (\S+)$", metrics, re.MULTILINE)[1]) >= 2


@pytest.mark.parametrize("target", ["http:host/a", "HTTP:/host", "HTTP:///a"])
def test_urls_without_a_host_are_found_out_late(shared_front, target):
    # 500 in the original, when it dials.
    answered = shared_front.get(f"/x/{target}")
    is_error(answered, 400, "the remote URL cannot be fetched\n")


def test_redirects(shared_front, shared_origin, bin):
    shared_origin.serve("/r0", IMAGE)
    for hop in range(1, 12):
        shared_origin.serve(f"/r{hop}", lambda _, to=hop - 1: answer(b"", 302, headers={"Location": f"/r{to}#100x,png"}))
    for hops in (1, 2, 10):
        answered = shared_front.get("//" + shared_origin.url(f"/r{hops}"))
        # In the original the fragment of a redirect chooses a transformation.
        assert (answered.status, answered.body) == (200, IMAGE)
    is_error(shared_front.get("//" + shared_origin.url("/r11")), 502, "error fetching remote image: too many redirects\n")
    url = shared_origin.serve("/file", lambda _: answer(b"", 302, headers={"Location": "file:///etc/passwd"}))
    assert shared_front.get(f"//{url}").status == 502


def test_redirects_that_are_not_followed(start, origin):
    front = start(*LOCAL, "-workers", "1", "-followRedirects=false")
    url = origin.serve("/empty", lambda _: answer(b"", 302, headers={"Location": "/a"}))
    answered = front.get(f"//{url}")
    assert (answered.status, answered.body, answered["Location"]) == (302, b"", None)
    url = origin.serve("/text", lambda _: answer(b"<a>", 302, "text/html", headers={"Location": "/a"}))
    is_error(front.get(f"//{url}"), *DENIED)
    assert origin.count("/a") == 0


def test_a_denied_redirect(start, origin):
    front = start(*LOCAL, "-workers", "1", "-denyHosts", "127.0.0.3")
    url = origin.serve("/r", lambda _: answer(b"", 302, headers={"Location": "http://127.0.0.3/"}))
    # The original has a second line, with the URL.
    is_error(front.get(f"//{url}"), 403, "requested URL in redirect is not allowed\n")


def test_a_request_that_takes_too_long(start, origin):
    front = start(*LOCAL, "-workers", "1", "-timeout", "300ms")
    url = origin.serve("/slow", lambda _: [3.0])
    is_error(front.get(f"//{url}"), 504, "Gateway timeout waiting for remote resource.")


def test_what_cannot_be_transformed_is_passed_on(shared_front, shared_origin):
    url = shared_origin.serve("/broken.jpg", IMAGE[:200])
    answered = shared_front.get(f"/32x/{url}")
    assert (answered.status, answered.body) == (200, IMAGE[:200])
    # The original lets it be kept as if it were the picture.
    assert fields(answered) == {**PICTURE_FIELDS, "Content-Type": "image/jpeg", "Cache-Control": "max-age=60",
                                "X-Imageproxy-Error": "corrupt-source"}


def test_a_vector_drawing_stays_one(shared_front, shared_origin):
    url = shared_origin.serve("/a.svg", picture(SVG, "image/svg+xml"))
    for options in ("", "100x", "100x,png"):
        answered = shared_front.get(f"/{options}/{url}")
        assert (answered.status, answered.body, answered["Content-Type"]) == (200, SVG, "image/svg+xml")


def test_options_that_change_nothing_leave_the_bytes_alone(shared_front, shared_origin):
    url = shared_origin.serve("/same.jpg", IMAGE + b"trailer")
    for options in ("", "fit", "sc", "scaleUp", "0x0", "r0", "q0", "cx0", "nonsense", "x", "vu99999999999"):
        assert shared_front.get(f"/{options}/{url}").body == IMAGE + b"trailer", options
    assert shared_front.get(f"/q95/{url}").body != IMAGE + b"trailer"


# 9 and 10. Transformations, through the whole service; geometry and pixels have tables of their own.

R, G, B, Y = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)


def drawn(*rows):
    """A PNG file of these pixels."""
    image = Image.new("RGB", (len(rows[0]), len(rows)))
    image.putdata([pixel for row in rows for pixel in row])
    return pictures.encoded(image, "PNG")


def shown(data):
    image = pictures.decoded(data).convert("RGB")
    return [[image.getpixel((x, y)) for x in range(image.width)] for y in range(image.height)]


FOUR = [[R, G], [B, Y]]


@pytest.mark.parametrize("options, expected", [
    ("r45", FOUR), ("r360", FOUR), ("r90", [[G, Y], [R, B]]), ("r180", [[Y, B], [G, R]]), ("r270", [[B, R], [Y, G]]),
    ("r630", [[B, R], [Y, G]]), ("r-90", [[B, R], [Y, G]]), ("fh", [[G, R], [Y, B]]), ("fv", [[B, Y], [R, G]]),
    ("fh,fv", [[Y, B], [G, R]]), ("r90,fh", [[Y, G], [B, R]]), ("100x100", FOUR), ("-1x-1", FOUR), ("q80", FOUR),
    # A rectangle of which nothing lies inside: an empty picture there.
    ("cx2,cy2", FOUR), ("cx1", [[G], [Y]]), ("cy1,ch1", [[B, Y]]), ("cx-1,cw5", [[G], [Y]]), ("cw0.5,ch.5", [[R]]),
])
def test_turns_and_crops(shared_front, shared_origin, options, expected):
    url = shared_origin.serve("/four.png", picture(drawn(*FOUR), "image/png"))
    assert shown(shared_front.get(f"/{options}/{url}").body) == expected


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("options, turn", [("png", 0), ("png,r90", 1)])
def test_cameras_orientation_comes_before_all_else(shared_front, shared_origin, orientation, options, turn):
    # All eight show the same.
    stored = {1: FOUR, 2: [[G, R], [Y, B]], 3: [[Y, B], [G, R]], 4: [[B, Y], [R, G]], 5: [[R, B], [G, Y]],
              6: [[G, Y], [R, B]], 7: [[Y, G], [B, R]], 8: [[B, R], [Y, G]]}[orientation]
    image = Image.new("RGB", (2, 2))
    image.putdata([pixel for row in stored for pixel in row])
    url = shared_origin.serve("/turned.tif", picture(pictures.encoded(image, "TIFF", tiffinfo={274: orientation}), "image/tiff"))
    expected = [[G, Y], [R, B]] if turn else FOUR
    assert shown(shared_front.get(f"/{options}/{url}").body) == expected


def opened(data):
    """A picture in the mode of its file."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("options, quality", [
    ("32x", 95), ("32x,q0", 95), ("32x,q40", 40), ("32x,q100", 100), ("32x,q1000", 100), ("32x,q-5", 1), ("32x,qx", 95),
])
def test_a_jpeg_is_of_the_quality_that_is_asked_for(shared_front, shared_origin, options, quality):
    url = shared_origin.serve("/marked.jpg", picture(pictures.jpeg(64, 48, quality=70, orientation=1, extras=True)))
    body = shared_front.get(f"/{options}/{url}").body
    # libjpeg's own tables for that number.
    assert opened(body).quantization == opened(pictures.jpeg(64, 48, quality=quality)).quantization
    image = opened(body)
    assert image.layer[0][1:3] == (2, 2) and image.layer[1][1:3] == (1, 1) and "progressive" not in image.info
    # Neither EXIF nor profile nor comment.
    assert not {"exif", "icc_profile", "comment", "xmp"} & set(image.info) and not image.getexif()


@pytest.mark.parametrize("mode, resized, coded_again", [
    ("L", "L", "L"), ("P", "RGB", "P"), ("RGB", "RGB", "RGB"), ("RGBA", "RGBA", "RGBA"), ("LA", "LA", "LA"), ("I;16", "L", "L"),
])
def test_a_png_has_eight_bits_a_channel_at_most(start, shared_origin, mode, resized, coded_again):
    # The original makes RGB or RGBA of what it resizes, and leaves 16 bits where nothing but coding again is asked for.
    if mode == "I;16":
        image = Image.fromarray((numpy.arange(40 * 30, dtype=numpy.uint16) * 54).reshape(30, 40))
    else:
        image = opened(pictures.png(40, 30, mode="RGBA" if "A" in mode else "RGB")).convert(mode)
    url = shared_origin.serve("/kind.png", picture(pictures.encoded(image, "PNG"), "image/png"))
    front = start(*LOCAL, "-workers", "1", "-keepSmaller=false")
    for options, served in (("20x", resized), ("q80", coded_again)):
        body = front.get(f"/{options}/{url}").body
        assert (opened(body).format, opened(body).mode) == ("PNG", served), options
        # IHDR's bits of a sample.
        assert body[24] <= 8


def test_quality_is_nothing_to_formats_that_lose_nothing(start, shared_origin):
    front = start(*LOCAL, "-workers", "1")
    for form, kind in (("GIF", "image/gif"), ("BMP", "image/bmp"), ("PNG", "image/png")):
        url = shared_origin.serve(f"/plain.{form}", picture(pictures.encoded(pictures.decoded(pictures.png(40, 30)), form), kind))
        assert front.get(f"/20x,q10/{url}").body == front.get(f"/20x,q90/{url}").body


@pytest.mark.parametrize("announced", ["image/tiff", "image/png", None])
def test_a_tiff_is_served_as_one(shared_front, shared_origin, announced):
    # 403 in the original, for sources too.
    data = pictures.encoded(opened(pictures.png(40, 30, mode="RGBA")), "TIFF")
    url = shared_origin.serve("/a.tif", lambda _: answer(data, content_type=announced))
    whole = shared_front.get(f"//{url}")
    assert (whole.status, whole["Content-Type"], whole.body) == (200, "image/tiff", data)
    result = shared_front.get(f"/20x,tiff/{url}")
    assert (result.status, result["Content-Type"]) == (200, "image/tiff")
    image = opened(result.body)
    assert (image.size, image.mode, image.info["compression"]) == ((20, 15), "RGBA", "tiff_adobe_deflate")


def test_the_environments_proxy_is_not_asked(bin, shared_origin, photo):
    trap = Trap(socket.AF_INET, "127.0.0.1")
    front = Front(bin, *LOCAL, "-workers", "1", environment={
        name: f"http://127.0.0.1:{trap.port}" for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy")})
    try:
        assert front.get(f"/20x/{photo}").status == 200
        assert trap.visits() == 0
    finally:
        front.stop()
        trap.close()


def test_for_a_client_that_has_gone_nothing_more_is_fetched(shared_front, shared_origin):
    # The original fetches on.
    broken = threading.Event()

    def endless(request):
        try:
            yield b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n" + IMAGE
            while True:
                yield 0.05
                yield b"\0"
        finally:
            broken.set()

    url = shared_origin.serve("/endless.jpg", endless)
    with shared_front.connect() as connection:
        connection.send(f"GET /20x/{url} HTTP/1.1\r\nHost: a\r\n\r\n")
        processes.wait_until(lambda: shared_origin.count("/endless.jpg") == 1)
    # Half a minute is what a fetch may take when somebody waits for it.
    assert broken.wait(15)


#: What proxies add, and what has poisoned other caches.
UNKEYED = [
    "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server",
    "X-Forwarded-Scheme", "X-Forwarded-Path", "Forwarded", "X-Host", "X-HTTP-Host-Override", "X-Original-URL", "X-Original-Host",
    "X-Rewrite-URL", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Real-IP", "X-Client-IP", "True-Client-IP",
    "CF-Connecting-IP", "Via", "X-WAP-Profile", "Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Cookie",
    "Authorization", "Proxy-Authorization", "Origin", "Referer", "User-Agent", "Save-Data", "DPR", "Width", "Viewport-Width",
    "Device-Memory", "Downlink", "ECT", "RTT", "Sec-CH-UA", "Sec-CH-DPR", "Sec-CH-Width", "Sec-Fetch-Mode", "Upgrade-Insecure-Requests",
    "Cache-Control", "Pragma", "TE", "Max-Forwards", "X-Imageproxy-Error", "Content-Type",
]


def test_only_what_is_in_the_key_makes_a_difference(start, origin):
    url = origin.serve("/same.jpg", picture(IMAGE, Cache_Control="max-age=1000", Etag='"e"'))
    front = start(*LOCAL, "-workers", "1", "-cache", "memory")
    differing = ("Date", "Age")

    def shown(target, headers):
        answered = front.get(target, headers=headers)
        return answered.status, [field for field in answered.fields if field[0] not in differing], answered.body

    for target in (f"/32x24,png/{url}", f"//{url}"):
        usual = shown(target, {})
        assert usual[0] == 200
        for name in UNKEYED:
            for value in ("evil.test", "/x/http://evil.test/, 192.0.2.1; q=0"):
                assert shown(target, {name: value}) == usual, name
    # And none of it has reached the origin, or stored another answer.
    assert origin.count("/same.jpg") == 1
