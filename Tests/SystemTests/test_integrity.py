# SPDX-License-Identifier: Apache-2.0
"""Whatever stands where a front has stored something: what clients get is right."""

import hashlib
import random
import re
import socket

import pytest

import pictures
import processes
from front import LOCAL, in_parallel
from origin import answer
from test_cache_disk import entry

CLIENTS = 4


class RedisPlace:
    def __init__(self, redis):
        self.flags = ["-cache", redis.url]
        self.socket = socket.create_connection(("127.0.0.1", redis.port), 60)
        self.file = self.socket.makefile("rb")

    def ask(self, commands):
        """Answers to many commands, which are sent at once."""
        self.socket.sendall(b"".join(
            b"*%d\r\n" % len(command) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in command)
            for command in commands))
        return [self._answer() for _ in commands]

    def _answer(self):
        line = self.file.readline()
        assert line[:1] in b"+$", line
        if line[:1] == b"+" or line == b"$-1\r\n":
            return None
        return self.file.read(int(line[1:]) + 2)[:-2]

    def load(self, keys):
        return self.ask([[b"GET", b"rediscache:" + key.encode()] for key in keys])

    def store(self, values):
        self.ask([[b"SET", b"rediscache:" + key.encode(), value] for key, value in values.items()])


class DiskPlace:
    def __init__(self, directory):
        self.directory = directory
        self.flags = ["-cache", str(directory)]

    def load(self, keys):
        files = [entry(self.directory, key) for key in keys]
        return [file.read_bytes() if file.exists() else None for file in files]

    def store(self, values):
        for key, value in values.items():
            file = entry(self.directory, key)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(value)


def flipped(value, other, chance):
    value = bytearray(value)
    value[chance.randrange(len(value))] ^= 1 << chance.randrange(8)
    return bytes(value)


def in_the_body(value, other, chance):
    head, _, body = value.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n" + flipped(body, other, chance)


def forged(value, other, chance):
    """Another answer, with the digest of its bytes; only the seal of the head is the old one's."""
    head, _, _ = value.partition(b"\r\n\r\n")
    body = other.partition(b"\r\n\r\n")[2]
    lines = [line for line in head.split(b"\r\n") if not line.startswith((b"X-Imageproxy-Body:", b"Content-Length:"))]
    lines[1:1] = [b"Content-Length: %d" % len(body), b"X-Imageproxy-Body: " + hashlib.sha256(body).hexdigest().encode()]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


HARM = [
    flipped, in_the_body, forged,
    lambda value, other, chance: value[:chance.randrange(len(value))],
    lambda value, other, chance: value + chance.randbytes(1 + chance.randrange(30)),
    lambda value, other, chance: other,
    lambda value, other, chance: value.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + other.partition(b"\r\n\r\n")[2],
    lambda value, other, chance: chance.randbytes(len(value)),
    lambda value, other, chance: bytes(len(value)),
    lambda value, other, chance: value.replace(b"max-age=1000", b"max-age=9999"),
    lambda value, other, chance: value.replace(b"image/jpeg", b"text/html "),
    lambda value, other, chance: value.replace(b"\r\n\r\n", b"\r\nX-More: 1\r\n\r\n", 1),
    lambda value, other, chance: b"HTTP/1.1 200 OK\r\n\r\n",
]


def sealed(value, key, body):
    """An entry as the front would have stored it under another key, made of one that it has."""
    head, mark, _ = value.partition(b"\r\nX-Imageproxy-Seal: sha-256=")
    assert mark
    for name, text in ((b"Content-Length", b"%d" % len(body)), (b"X-Imageproxy-Key", key.encode()),
                       (b"X-Imageproxy-Body", hashlib.sha256(body).hexdigest().encode())):
        head = re.sub(rb"(?m)^%s: [^\r]*" % name, lambda _: name + b": " + text, head)
    return head + mark + hashlib.sha256(head + b"\r\n").hexdigest().encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize("kind, count", [("redis", 10_000), ("disk", 2_000)])
def test_what_is_corrupted_is_never_served(request, start, origin, tmp_path, kind, count):
    place = RedisPlace(request.getfixturevalue("redis")) if kind == "redis" else DiskPlace(tmp_path / "cache")
    front = start(*LOCAL, "-workers", "2", *place.flags)
    photo = pictures.flat(60, 40)
    # No two are alike, so that one that is served for another is seen.
    url = origin.serve("/a.jpg", lambda seen: answer(
        photo + seen.target.encode(), content_type="image/jpeg", headers={"Cache-Control": "max-age=1000"}))

    def ask(targets):
        """Asks for all of them; every answer has to be the right one."""
        def client(which):
            with front.connect() as connection:
                for target in batch[which::CLIENTS]:
                    got = connection.request("/" + target)
                    right = variant if target.startswith("30x") else photo + target.partition(origin.host)[2].encode()
                    assert got.status == 200 and got.body == right, (target, got, front.errors)
                    assert got["X-Imageproxy-Error"] is None and got["Content-Type"] == "image/jpeg"

        for first in range(0, len(targets), 1000):
            batch = targets[first:first + 1000]
            with in_parallel(CLIENTS, client):
                pass

    # One in forty is a variant.
    urls = [f"{url}?{number}" for number in range(count)]
    targets = [f"30x/{one}" if number % 40 == 0 else one for number, one in enumerate(urls)]
    keys = [f"{one}#30x0" if number % 40 == 0 else one for number, one in enumerate(urls)]
    variant = front.get(f"/{targets[0]}").body
    assert pictures.decoded(variant).size == (30, 20)
    ask(targets[:2])
    samples = processes.wait_until(lambda: all(found := place.load(keys[:2])) and found, what="entries")

    def whole(number):
        body = variant if number % 40 == 0 else photo + f"/a.jpg?{number}".encode()
        return sealed(samples[0 if number % 40 == 0 else 1], keys[number], body)

    assert [whole(0), whole(1)] == samples
    place.store({keys[number]: whole(number) for number in range(200)})
    before = origin.count()
    ask(targets[:200])
    assert origin.count() == before, "what was written by the test is no entry for the front"

    chance = random.Random(17)
    broken = {}
    for number, key in enumerate(keys):
        # A variant's neighbour is an original.
        broken[key] = HARM[number % len(HARM)](whole(number), whole((number + 41) % count), chance)
        assert broken[key] != whole(number)
    place.store(broken)
    before = origin.count()
    ask(targets)
    # Each was looked at, found wrong, and fetched again; of the variants some have a whole original.
    fetched = origin.count() - before
    assert fetched >= count * 39 // 40 - count // 1000, fetched
    front.stop()
