# SPDX-License-Identifier: Apache-2.0
"""Who may have what: hosts, signatures, referrers, redirects, prefixes, and what an origin is told."""

import base64
import hashlib
import hmac

import pytest

import pictures
import processes
from front import LOCAL, Front, run_program
from origin import Origin, answer, picture

KEY = "secretkey"
DENIED = (403, "requested URL is not allowed\n")


def signature(message, key=KEY):
    digest = hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()
    return "s" + base64.urlsafe_b64encode(digest).decode()


def outcome(answer):
    return answer.status, answer.text if answer.status != 200 else ""


@pytest.fixture(scope="module")
def photo(shared_origin):
    return shared_origin.serve("/a.jpg", pictures.flat(200, 100))


@pytest.fixture(scope="module")
def signed(bin):
    front = Front(bin, *LOCAL, "-workers", "1", "-signatureKey", KEY, "-verbose")
    yield front
    front.stop()


@pytest.mark.parametrize("options, message", [
    ("100x", "{url}#100x0"), ("100x", "{url}"), ("", "{url}#0x0"), ("q40,100", "{url}#100x100,q40"),
    ("vu99999999999", "{url}#0x0,vu99999999999"), ("scaleUp,50x", "{url}#50x0,scaleUp"),
])
def test_a_signed_request_is_answered(signed, photo, options, message):
    one = signature(message.format(url=photo))
    for given in (one, one.rstrip("=")):
        for target in (photo, photo.replace("://", ":/"), base64.urlsafe_b64encode(photo.encode()).decode().rstrip("=")):
            assert signed.get(f"/{options},{given}/{target}").status == 200


@pytest.mark.parametrize("options, message", [
    ("100x", "{url}#200x0"), ("100x", "{url}#100x"), ("100x", "{url}x"), ("vu1", "{url}#0x0,vu1"), ("", ""),
])
def test_any_other_is_refused(signed, photo, options, message):
    assert outcome(signed.get(f"/{options},{signature(message.format(url=photo))}/{photo}")) == DENIED
    assert outcome(signed.get(f"/{options}/{photo}")) == DENIED
    processes.wait_until(
        lambda: "request does not contain an allowed host or valid signature: " in signed.errors, what="a line")


def test_a_fragment_carries_nothing_past_a_signature(signed, photo):
    one = signature(f"{photo}#10x10")
    encoded = photo.replace(":", "%3A").replace("/", "%2F")
    assert signed.get(f"/10x10,{one}/{encoded}").status == 200
    assert outcome(signed.get(f"/60x40,{one}/{encoded}%2310x10")) == DENIED
    assert outcome(signed.get(f"/60x40,{one}/{photo}#10x10")) == DENIED


def test_a_signature_is_no_part_of_what_is_cached(bin, shared_origin):
    url = shared_origin.serve("/cached.jpg", picture(pictures.flat(200, 100), Cache_Control="max-age=60"))
    front = Front(bin, *LOCAL, "-workers", "1", "-cache", "memory", "-signatureKey", f"{KEY} other")
    try:
        first = front.get(f"/100x,{signature(url)}/{url}")
        assert front.get(f"/100x,{signature(url, 'other')}/{url}")["Etag"] == first["Etag"]
        # What is cached is still not for everybody.
        assert outcome(front.get(f"/100x/{url}")) == DENIED
        assert shared_origin.count("/cached.jpg") == 1
    finally:
        front.stop()


def test_hosts(bin, shared_origin, photo):
    front = Front(bin, "-workers", "1", "-allowHosts", "127.0.0.0/8,*.localhost", "-denyHosts", "127.9.0.0/16")
    try:
        port = shared_origin.port
        # Naming a host is also what lets it be inside.
        for host in ("127.0.0.1", "127.1", "0x7f000001"):
            assert front.get(f"/100x/http://{host}:{port}/a.jpg").status == 200
        for host in ("[::1]", "127.9.0.1", "127.0.0.1@10.0.0.1", "evillocalhost", "example.com"):
            assert outcome(front.get(f"/100x/http://{host}:{port}/a.jpg")) == DENIED
    finally:
        front.stop()


def test_addresses_that_nobody_named(bin, photo, shared_origin):
    front = Front(bin, "-workers", "1")
    try:
        assert outcome(front.get(f"/100x/{photo}")) == DENIED
        # A name tells nothing about what it leads to.
        status, text = outcome(front.get(f"/100x/http://localhost:{shared_origin.port}/a.jpg"))
        assert (status, text) == (502, "error fetching remote image: the remote host could not be reached\n")
    finally:
        front.stop()


@pytest.mark.parametrize("strict", [False, True])
def test_redirects(bin, shared_origin, photo, strict):
    elsewhere = Origin("127.0.0.2")
    target = elsewhere.serve("/b.jpg", pictures.flat(200, 100))
    url = shared_origin.serve("/redirect", lambda _: answer(status=302, headers={"Location": target}))
    away = shared_origin.serve("/away", lambda _: answer(status=302, headers={"Location": "http://127.0.0.3/"}))
    front = Front(
        bin, *LOCAL, "-workers", "1", "-allowHosts", "127.0.0.1", "-denyHosts", "127.0.0.3",
        *(["-strictRedirects"] if strict else []))
    refused = (403, "requested URL in redirect is not allowed\n")
    try:
        assert front.get(f"/100x/{photo}").status == 200
        assert outcome(front.get(f"/100x/{away}")) == refused
        assert outcome(front.get(f"/100x/{url}")) == (refused if strict else (200, ""))
        assert elsewhere.connections == (0 if strict else 1)
    finally:
        front.stop()
        elsewhere.close()


def test_referrers(bin, photo):
    front = Front(bin, *LOCAL, "-workers", "1", "-referrers", "good.test,*.pages.test")
    try:
        for referrer in ("http://good.test/x", "https://GOOD.test:8443", "http://a.pages.test/"):
            assert front.get(f"/100x/{photo}", headers={"Referer": referrer}).status == 200
        for referrer in ("http://bad.test/", "good.test", "", "http://evilpages.test/"):
            assert outcome(front.get(f"/100x/{photo}", headers={"Referer": referrer})) == DENIED
        assert outcome(front.get(f"/100x/{photo}")) == DENIED
    finally:
        front.stop()


def test_ports(bin, photo, shared_origin):
    front = Front(bin, *LOCAL, "-workers", "1", "-allowPorts", "80,443")
    try:
        assert outcome(front.get(f"/100x/{photo}")) == DENIED
    finally:
        front.stop()
    front = Front(bin, *LOCAL, "-workers", "1", "-allowPorts", str(shared_origin.port))
    try:
        assert front.get(f"/100x/{photo}").status == 200
    finally:
        front.stop()


def test_what_origins_are_told(bin, shared_origin):
    url = shared_origin.serve("/told.jpg", pictures.flat(200, 100))
    sent = {"Referer": "http://page.test/", "Authorization": "Basic eDp5", "Cookie": "a=b", "X-Own": "1", "X-Other": "2"}
    front = Front(bin, *LOCAL, "-workers", "1", "-includeReferer", "-passRequestHeaders", "X-Own,Authorization")
    try:
        assert front.get(f"//{url}", headers=sent).status == 200
    finally:
        front.stop()
    headers = shared_origin.seen("/told.jpg")[-1].headers
    assert headers["user-agent"] == "willnorris/imageproxy" and headers["accept"] == "image/*"
    assert headers["accept-encoding"] == "identity"
    assert (headers["referer"], headers["x-own"]) == (sent["Referer"], "1")
    assert headers["authorization"] == "Basic eDp5"
    assert "cookie" not in headers and "x-other" not in headers


def test_an_authorised_picture_is_not_shown_to_others(bin, shared_origin):
    def whose(request):
        seed = {"Basic YWxpY2U6": 1, "Basic Ym9iOg==": 2}.get(request.headers.get("authorization"))
        if seed is None:
            return answer(b"no", 401, "text/plain")
        return answer(pictures.flat(40, 20, seed), content_type="image/jpeg", headers={"Cache-Control": "max-age=60"})

    url = shared_origin.serve("/whose.jpg", whose)
    front = Front(bin, *LOCAL, "-workers", "1", "-cache", "memory", "-passRequestHeaders", "Authorization")
    try:
        for target in (f"//{url}", f"/20x/{url}"):
            answers = [
                front.get(target, headers={"Authorization": who} if who else {})
                for who in ("Basic YWxpY2U6", "Basic Ym9iOg==", None, "Basic YWxpY2U6")]
            assert [one.status == 200 for one in answers] == [True, True, False, True]
            assert answers[0].body == answers[3].body != answers[1].body
    finally:
        front.stop()


def test_a_prefix(bin, photo):
    front = Front(bin, *LOCAL, "-workers", "1", "-pathPrefix", "/pictures/")
    try:
        assert front.get(f"/pictures/100x/{photo}").status == 200
        assert outcome(front.get(f"/100x/{photo}")) == (404, "not found\n")
        assert front.get("/health-check").text == front.get("/pictures/health-check?x").text == "OK"
        wrong = front.get("/pictures/nonsense")
        assert outcome(wrong) == (400, 'invalid request URL: malformed URL "/nonsense": too few path segments\n')
    finally:
        front.stop()


def test_malformed_urls(signed):
    for target, text in {
        "/1/": 'invalid request URL: malformed URL "/1/": must provide absolute remote URL\n',
        "/a|b/ftp://h/?\u00e9": 'invalid request URL: malformed URL "/a%7Cb/ftp://h/?\u00e9":'
        " remote URL must have http or https scheme\n",
        "/x/http://h/%zz": "400 Bad Request",
    }.items():
        answer = signed.get(target)
        assert outcome(answer) == (400, text)
        assert answer["Content-Type"] == "text/plain; charset=utf-8" and answer["X-Content-Type-Options"] == "nosniff"


def test_a_checked_configuration(bin, tmp_path):
    file = tmp_path / "settings"
    file.write_text("# of a test\nallowHosts *.example.com\nsignatureKey hidden\n")
    good = run_program(bin, "check", "-config", str(file), "-denyHosts", "*")
    assert good.returncode == 0 and good.stderr == ""
    assert "example.com and all below it" in good.stdout and "hidden" not in good.stdout
    assert 'remark: "*" in -denyHosts can never match a host' in good.stdout
    bad = run_program(bin, "check", "-config", str(file), "-timeout", "5")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr.count("\n") == 1


def test_settings_from_a_file(bin, photo, tmp_path):
    file = tmp_path / "settings"
    file.write_text(f"allowPrivateNetworks\nworkers 1\naddr nonsense\nsignatureKey {KEY}\n")
    front = Front(bin, environment={"IMAGEPROXY_CONFIG": str(file)})
    try:
        assert front.get(f"/100x,{signature(photo)}/{photo}").status == 200
        assert outcome(front.get(f"/100x/{photo}")) == DENIED
    finally:
        front.stop()


def test_the_signing_tool_by_its_old_name(bin, tmp_path):
    (tmp_path / "imageproxy-sign").symlink_to(bin / "imageproxy")
    key = tmp_path / "key"
    key.write_text(KEY)
    url = "http://localhost:8080/q40,400,sabc/https://octodex.github.com/images/codercat.jpg"
    run = run_program(tmp_path, "-key", f"@{key}", url, program="imageproxy-sign")
    assert run.stdout == f"url: {url}\nsignature: 0sR2kjyfiF1RQRj4Jm2fFa3_6SDFqdAaDEmy1oD2U-4=\n"
    assert (run.returncode, run.stderr) == (0, "")
    assert run_program(tmp_path, program="imageproxy-sign").stdout == "imageproxy-sign url [key]\n"


def test_a_background_is_signed_and_cached_in_one_spelling(signed, shared_origin):
    url = shared_origin.serve("/clear.png", picture(pictures.png(40, 30, mode="RGBA"), "image/png"))
    one = signature(f"{url}#0x0,bgff8800,jpeg")
    answers = [signed.get(f"/{colour},jpeg,{one}/{url}") for colour in ("bgf80", "bgFF8800")]
    assert [answered.status for answered in answers] == [200, 200]
    assert answers[0]["Etag"] == answers[1]["Etag"] and answers[0].body == answers[1].body
    red, green, blue = pictures.decoded(answers[0].body).convert("RGB").getpixel((2, 15))
    assert abs(red - 255) < 6 and abs(green - 136) < 6 and blue < 6
    assert outcome(signed.get(f"/bgf81,jpeg,{one}/{url}")) == DENIED
