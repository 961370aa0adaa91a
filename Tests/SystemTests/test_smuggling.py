# SPDX-License-Identifier: Apache-2.0
"""Requests that two servers could take for different ones, through balancers that send everybody's over one connection.

Every request of a bystander names itself in its path, and the answer says which path was asked for.
IMAGEPROXY_ALL_FAULTS=1 tries 8,300 of them.
"""

import contextlib
import itertools
import os
import random
import shutil
import socket
import subprocess
import tempfile

import pytest

import client
import processes
from front import Front
from redis_server import free_port
from test_http import REFUSED

SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
# What is said about the length of a body that holds a request.
FRAMINGS = [
    "Transfer-Encoding: chunked\r\nContent-Length: {length}", "Content-Length: {length}\r\nTransfer-Encoding: chunked",
    "Content-Length: {length}", "Content-Length: 0\r\nContent-Length: {length}", "Content-Length: {length}, {length}",
    "Content-Length: {length}\r\nContent-Length: {length}", "Content-Length: +{length}", "Content-Length : {length}",
    "Content-Length: 0{length}", "Content-Length: 0x5", "Content-Length:\t{length}", "Content-Length:\x0b{length}",
    "Content-Length: {length} {length}", "Transfer-Encoding: chunked", "Transfer-Encoding: Chunked", "Transfer-Encoding : chunked",
    "Transfer-Encoding:\x0bchunked", "Transfer-Encoding: \tchunked", "Transfer-Encoding: xchunked\r\nContent-Length: {length}",
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked, identity\r\nContent-Length: {length}",
    "Transfer-Encoding: gzip, chunked\r\nContent-Length: {length}", "Transfer-Encoding\r\n : chunked\r\nContent-Length: {length}",
    "X: y\nTransfer-Encoding: chunked\r\nContent-Length: {length}", "X: y\rTransfer-Encoding: chunked\r\nContent-Length: {length}",
    "X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: {length}", "Connection: Content-Length\r\nContent-Length: {length}",
    "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked", "Expect: 100-continue\r\nContent-Length: {length}",
    "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
]


ALL = 8_300 if os.environ.get("IMAGEPROXY_ALL_FAULTS") else None
#: What some servers pass over, or take for something else.
PIECES = ["\0", "\t", "\x0b", "\x0c", "\x1f", "\x7f", "\x85", "\xa0", "\r", "\n", " ", "\r\n", "\n\n", "\r\n ", ":",
          ",", ";", "0", "+", "chunked", "\xff"]


def variations():
    """The same again, each with a byte or two too many, too few or in other places, in their heads."""
    chance = random.Random(19)
    known = list(attacks())
    while True:
        attack = chance.choice(known)
        head, end, rest = attack.partition("\r\n\r\n")
        for _ in range(chance.randint(1, 2)):
            at = chance.randrange(len(head))
            how = chance.randrange(4)
            if how == 0:
                head = head[:at] + chance.choice(PIECES) + head[at:]
            elif how == 1:
                head = head[:at] + head[at + 1:]
            elif how == 2:
                head = head[:at] + head[at:at + 1].swapcase() + head[at + 1:]
            else:
                lines = head.split("\r\n")
                lines.insert(chance.randint(1, len(lines)), chance.choice(lines[1:] or ["X: y"]))
                head = "\r\n".join(lines)
        yield head + end + rest


def attacks():
    for method in ("GET", "HEAD", "POST", "OPTIONS"):
        for framing in FRAMINGS:
            for body in (SMUGGLED, "0\r\n\r\n" + SMUGGLED, "1;x\r\nZ\r\n0\r\nX: y\r\n\r\n" + SMUGGLED):
                yield f"{method} /attack HTTP/1.1\r\nHost: a\r\n{framing.format(length=len(body))}\r\n\r\n{body}"
    for _, data, _ in REFUSED:
        yield data + SMUGGLED
    yield "GET /attack HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n" + SMUGGLED
    yield "GET http://b/attack HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED


HAPROXY = """
defaults
    mode http
    timeout connect 2s
    timeout client 10s
    timeout server 10s
    option http-keep-alive
frontend all
    bind 127.0.0.1:{port}
    default_backend one
backend one
    http-reuse always
    server a 127.0.0.1:{front} maxconn 1
"""
NGINX = """
daemon off; pid {directory}/pid; error_log {directory}/errors crit;
events {{ worker_connections 256; }}
http {{
    access_log off; proxy_temp_path {directory}/proxy; client_body_temp_path {directory}/body;
    upstream one {{ server 127.0.0.1:{front}; keepalive 1; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://one; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
}}
"""


@pytest.fixture(scope="module", params=["haproxy", "nginx"])
def chain(request, bin):
    """A balancer that keeps one connection to a front."""
    front = Front(bin, "-workers", "1")
    directory = tempfile.mkdtemp(prefix="smuggling-test-")
    os.chmod(directory, 0o755)
    endpoint = ("127.0.0.1", free_port())
    text = {"haproxy": HAPROXY, "nginx": NGINX}[request.param].format(
        port=endpoint[1], front=front.endpoint[1], directory=directory)
    file = os.path.join(directory, "configuration")
    with open(file, "w") as output:
        output.write(text)
    command = {"haproxy": ["haproxy", "-db", "-f", file], "nginx": ["nginx", "-e", f"{directory}/errors", "-p", directory, "-c", file]}
    process = subprocess.Popen(command[request.param], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listens():
        assert process.poll() is None
        with contextlib.suppress(OSError):
            socket.create_connection(endpoint, 5).close()
            return True

    try:
        processes.wait_until(listens, timeout=20, what="a balancer")
        yield front, endpoint
    finally:
        process.terminate()
        process.wait(20)
        front.stop()
        shutil.rmtree(directory, ignore_errors=True)


def test_nobody_gets_an_answer_to_somebody_elses_request(chain):
    front, endpoint = chain
    asked = busy = 0
    for attack in itertools.islice(itertools.chain(attacks(), variations()), ALL) if ALL else attacks():
        with client.Connection(endpoint, timeout=10) as attacker, client.Connection(endpoint, timeout=10) as bystander:
            with contextlib.suppress(OSError):
                attacker.send(attack.encode("latin-1"))
            for _ in range(3):
                asked += 1
                bystander.send(f"GET /bystander-{asked} HTTP/1.1\r\nHost: test\r\n\r\n")
                try:
                    answered = bystander.read()
                except AssertionError:
                    # The balancer's own: its one connection waits for a body that the attacker does not send.
                    own = b"<html><body><h1>503 Service Unavailable"
                    assert bystander.buffer.startswith(own), (attack, bystander.buffer)
                    busy += 1
                    break
                assert (answered.status, f'"/bystander-{asked}"' in answered.text) == (400, True), (attack, answered)
    assert asked - busy >= 3 * (ALL or 400) * 99 // 100
    assert front.get("/health-check").body == b"OK"
