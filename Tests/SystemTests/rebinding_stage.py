# SPDX-License-Identifier: Apache-2.0
"""Runs inside a network and a mount namespace of its own, with a name server of its own that cannot be trusted, and
prints what it found.

Its names lead to a public address and to others by turns, to several at once, and to each other. An origin listens on
the public address, a trap on the same port of all the others.
"""

import collections
import json
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import threading

import egress_stage
import origin as origins
import pictures
from front import LOCAL, Front, in_parallel

PUBLIC = egress_stage.PUBLIC
PRIVATE = ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.0.1"]
#: Public, too, and there is no way there.
UNROUTED = "7.7.7.7"
#: Kinds of names of which nobody is to learn more than that.
UNREACHABLE = ["inside", "alias", "nowhere", "unrouted", "refused"]
SIX = ["::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"]


class NameServer:
    """Answers A and AAAA questions with addresses that change at every question."""

    def __init__(self):
        self.turns = collections.Counter()
        self.told_public = self.told_private = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            data, client = self.socket.recvfrom(2048)
            self.socket.sendto(self._answer(data), client)

    def _answer(self, data):
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode())
            at += 1 + data[at]
        kind = struct.unpack(">H", data[at + 1:at + 3])[0]
        records = [(1, socket.inet_pton(socket.AF_INET, one)) for one in self._four(labels)] if kind == 1 else []
        if kind == 28:
            records = [(28, socket.inet_pton(socket.AF_INET6, one)) for one in self._six(labels)]
        if labels[0] == "alias":
            # The name of this machine, by way of another.
            records = [(5, b"\x09localhost\x00"), *records]
        # No such name.
        code = 3 if labels[0] == "nowhere" else 0
        head = data[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(records), 0, 0)
        return head + data[12:at + 5] + b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", number, 1, 0, len(value)) + value for number, value in records)

    def _four(self, labels):
        name = ".".join(labels)
        turn = self.turns[name]
        self.turns[name] += 1
        private = PRIVATE[(turn + len(name) + sum(map(ord, name))) % len(PRIVATE)]
        answer = {"public": [PUBLIC], "mixed": [PUBLIC, private], "hidden": [private, PUBLIC], "inside": [private],
                  "unrouted": [UNROUTED], "refused": [PUBLIC],
                  "flip": [PUBLIC if turn % 2 == 0 else private], "flop": [private if turn % 2 == 0 else PUBLIC],
                  "alias": []}.get(labels[0], [])
        self.told_public += PUBLIC in answer
        self.told_private += private in answer
        return answer

    def _six(self, labels):
        return [SIX[sum(map(ord, "".join(labels))) % len(SIX)]] if labels[0] in ("mixed", "hidden") else []


def use_own_files():
    """The resolver of every program in here asks the server above, and no file of this machine."""
    for path, text in {"/etc/resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:3\n",
                       "/etc/nsswitch.conf": "hosts: dns\n"}.items():
        with tempfile.NamedTemporaryFile("w", delete=False) as file:
            file.write(text)
        pathlib.Path(file.name).chmod(0o644)
        subprocess.run(["mount", "--bind", file.name, str(pathlib.Path(path).resolve())], check=True)
        pathlib.Path(file.name).unlink()


def main(bin, count):
    egress_stage.bring_up()
    use_own_files()
    names = NameServer()
    origin = origins.Origin(PUBLIC)
    origin.serve("/a.jpg", pictures.flat(20, 20))
    traps = []
    for family, address in [(socket.AF_INET, one) for one in PRIVATE] + [(socket.AF_INET6, "::1")]:
        traps.append(origins.Trap(family, address, origin.port))
    statuses, texts = collections.defaultdict(collections.Counter), set()
    with socket.create_server((PUBLIC, 0)) as closed:
        unused = closed.getsockname()[1]
    front = Front(bin, "-workers", "1", "-fetchTimeout", "5s", address="127.0.0.1:0")
    try:
        def look(index):
            for number in range(index, count, 8):
                for kind in ("public", "mixed", "hidden", "flip", "flop", *UNREACHABLE):
                    port = unused if kind == "refused" else origin.port
                    for _ in range(3):
                        answered = front.get(f"/http://{kind}.{number}.test:{port}/a.jpg")
                        statuses[kind][answered.status] += 1
                        if kind in UNREACHABLE:
                            texts.add(repr([answered.status, answered.fields[1:], answered.body]))

        with in_parallel(8, look):
            pass
    finally:
        front.stop()
    visits = sum(trap.visits() for trap in traps)
    # The traps work: with leave to do so, a front walks into them.
    free = Front(bin, *LOCAL, "-workers", "1", "-fetchTimeout", "300ms", address="127.0.0.1:0")
    try:
        free.get(f"/http://inside.control.test:{origin.port}/a.jpg")
    finally:
        free.stop()
    print(json.dumps({"statuses": statuses, "texts": list(texts), "visits": visits,
                      "control": sum(trap.visits() for trap in traps),
                      "public": names.told_public, "private": names.told_private}))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
