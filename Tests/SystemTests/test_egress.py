# SPDX-License-Identifier: Apache-2.0
"""Where the front connects to: public addresses, unless told otherwise, however an address is spelt."""

import base64
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import urllib.parse

import pytest

import pictures
from front import LOCAL

LOOPBACK = [
    "127.0.0.1", "localhost", "LOCALHOST", "localhost.", "127.0.0.1.", "127.1", "127.0.1", "2130706433", "0x7f000001",
    "0x7f.1", "0X7F.0.0.1", "0177.0.0.1", "017700000001", "0", "0.0.0.0", "00.0.0.0", "%31%32%37.0.0.1", "127%2e0.0.1",
    "127。0。0。1", "①②⑦.⓪.⓪.①", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::ffff:0:127.0.0.1]", "user@127.0.0.1",
    "user:password@127.0.0.1", "example.com@127.0.0.1", "127.0.0.1%00.example.com", "ip6-localhost", "ip6-loopback",
    "127.0.0.2", "127.255.255.254", "[fe80::1%25lo]", "[fe80::1%lo]", "localhost.localdomain",
]


def spellings(url):
    """One remote URL in all forms that a request may have it in."""
    raw = url.encode()
    return [
        "/100x/" + urllib.parse.quote(url, safe=":/%@[]"),
        "/100x/" + urllib.parse.quote(url, safe=""),
        "/100x/" + base64.urlsafe_b64encode(raw).decode().rstrip("="),
    ]


def test_private_addresses_are_refused_in_every_spelling(start, traps):
    front = start("-workers", "1", "-fetchTimeout", "700ms")
    four = traps(socket.AF_INET, "0.0.0.0")
    six = traps(socket.AF_INET6, "::")
    statuses = {}
    for trap in (four, six):
        for host in LOOPBACK:
            for target in spellings(f"http://{host}:{trap.port}/secret.jpg"):
                answer = front.get(target)
                assert answer.status in (400, 403, 502), f"{target}: {answer}"
                # Bare `str` of the client's own request may stand in a 400; nothing else may name an address.
                assert answer.status == 400 or "127." not in answer.text
                assert trap.visits() == 0, f"{target} was dialled"
                statuses.setdefault(answer.status, []).append(host)
    # A literal that is forbidden is told apart from a failure; a name that leads to one is not.
    assert "127.0.0.1" in statuses[403] and "localhost" in statuses[502]
    # The trap works: with leave to do so, the front walks into it.
    free = start(*LOCAL, "-workers", "1", "-fetchTimeout", "300ms")
    assert free.get(f"/100x/http://127.0.0.1:{four.port}/secret.jpg").status == 504
    assert four.visits() == 1


def test_names_and_literals_cannot_be_told_from_silence(start, traps):
    front = start("-workers", "1", "-fetchTimeout", "2s")
    trap = traps(socket.AF_INET, "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as unused:
        closed = unused.getsockname()[1]
    texts = {front.get(f"/100x/http://{host}/a.jpg").text
             for host in (f"localhost:{trap.port}", f"localhost:{closed}", "does-not-exist.invalid")}
    assert len(texts) == 1 and trap.visits() == 0


def on_stage(name, *arguments):
    """What a script finds in a network of its own, in which an origin can have a public address."""
    command = [shutil.which("unshare"), "--net", "--mount"]
    if os.geteuid() != 0:
        command.append("--map-root-user")
    stage = pathlib.Path(__file__).with_name(name)
    result = subprocess.run(
        [*command, sys.executable, str(stage), *map(str, arguments)], capture_output=True, text=True, timeout=3000,
        cwd=stage.parent)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_a_name_server_that_changes_its_mind_leads_nowhere_private(bin):
    """DNS rebinding: what was checked is what is dialled, so there is no moment in which an answer could change.

    IMAGEPROXY_ALL_FAULTS=1 asks for a thousand names of each kind.
    """
    count = 1000 if os.environ.get("IMAGEPROXY_ALL_FAULTS") else 100
    outcome = on_stage("rebinding_stage.py", bin, count)
    statuses = outcome["statuses"]
    assert outcome["visits"] == 0 < outcome["control"], outcome
    # The stage is right: names are asked for there, and public addresses are fetched from.
    assert statuses["public"] == {"200": 3 * count} and outcome["public"] > 2 * count and outcome["private"] > 2 * count
    # What is within, what is not there, and what nobody listens to: one answer to all of them, which tells nothing.
    for kind in ("inside", "alias", "nowhere", "unrouted", "refused"):
        assert statuses[kind] == {"502": 3 * count}, kind
    assert len(outcome["texts"]) == 1, outcome["texts"]
    for kind in ("mixed", "hidden", "flip", "flop"):
        assert set(statuses[kind]) <= {"200", "502"}, outcome
    assert statuses["flip"]["200"] > 0 and statuses["flop"]["502"] > 0


def test_redirects_to_private_addresses_are_refused(bin):
    outcome = on_stage("egress_stage.py", bin)
    # The stage is right: a public address is fetched from, and a redirect to another one followed.
    assert outcome.pop("public") == 200 and outcome.pop("public to public") == 200
    visits = outcome.pop("visits")
    assert visits == 0, f"{visits} connections to addresses that are not public: {outcome}"
    assert len(outcome) > 50
    assert set(outcome.values()) <= {403, 502}, outcome


def test_the_sample_photograph_needs_no_network(start, tmp_path):
    file = tmp_path / "photo.jpg"
    file.write_bytes(pictures.jpeg())
    front = start("-workers", "1", "-samplePhoto", str(file))
    assert front.picture("/500x/http://imageproxy.invalid/sample.jpg").size == (500, 333)
    assert front.get("/imageproxy-sample.jpg").body == file.read_bytes()
    assert front.get("/http://imageproxy.invalid/sample.jpg").body == file.read_bytes()
    page = front.get("/", headers={"Accept": "text/html"})
    # Every picture on the page is there.
    sources = [part.split('"')[0] for part in page.text.split('src="')[1:]]
    assert len(sources) > 8
    for source in sources:
        assert front.get(source).status == 200, source
    # Nothing else hides behind that name.
    assert front.get("/500x/http://imageproxy.invalid/other.jpg").status == 502
