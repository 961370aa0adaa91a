# SPDX-License-Identifier: Apache-2.0
"""The pages that people see in a browser: each runs its own script and no other, and shows nothing that was sent to it."""

import base64
import hashlib
import re

import pytest

import client
import pictures
from front import LOCAL

BROWSER = {"Accept": "text/html,application/xhtml+xml"}


def policy(page):
    """Directive → what it allows."""
    return {words[0]: words[1:] for words in (part.split() for part in page["Content-Security-Policy"].split(";"))}


def check(page):
    assert page.status == 200 and page["Content-Type"] == "text/html; charset=utf-8"
    assert page["X-Content-Type-Options"] == "nosniff"
    allowed, [script] = policy(page), re.findall(r"<script>(.*?)</script>", page.text, re.S)
    digest = base64.urlsafe_b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert allowed["script-src"] == [f"'sha256-{digest}'"]
    assert allowed["default-src"] == allowed["base-uri"] == allowed["form-action"] == allowed["frame-ancestors"] == ["'none'"]
    assert allowed["connect-src"] == ["'self'"]
    # What is shown is set as text, and no element has a handler of its own.
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|\son\w+=", page.text)
    return page.text


@pytest.mark.parametrize("prefix", ["", "/img"])
def test_the_welcome_page_lets_people_try_a_url(start, tmp_path, prefix):
    flags = ["-pathPrefix", prefix] if prefix else []
    front = start(*LOCAL, "-workers", "1", *flags)
    text = check(front.get(f"{prefix}/", headers=BROWSER))
    assert f'data-prefix="{prefix}"' in text and 'name="options" value="500x"' in text
    assert 'value="https://' in text, "a picture that anybody may fetch"
    # The page says nothing of what was asked.
    if not prefix:
        assert front.get("/?url=<script>alert(1)</script>", headers=BROWSER).text == text


def test_the_welcome_page_tries_the_sample_where_there_is_one(start, tmp_path):
    photo = tmp_path / "a.jpg"
    photo.write_bytes(pictures.jpeg(64, 64))
    front = start(*LOCAL, "-workers", "1", "-samplePhoto", str(photo))
    text = check(front.get("/", headers=BROWSER))
    url = re.search(r'name="url"[^>]*value="([^"]+)"', text)[1]
    assert front.get(f"/500x/{url}").status == 200


def test_the_status_page_does_no_more(start, tmp_path):
    admin = f"{tmp_path}/admin.sock"
    start(*LOCAL, "-workers", "1", "-adminAddr", f"unix:{admin}")
    with client.Connection(admin) as connection:
        text = check(connection.request("/status", headers=BROWSER))
        assert connection.request("/status")["Content-Type"] == "application/json"
    # It reads what it is served at, through whatever it is served.
    assert "fetch(location.pathname" in text
