# SPDX-License-Identifier: Apache-2.0
"""Runs inside a network namespace, whose loopback it gives public and private addresses, and prints what it found.

An origin with a public address redirects to others that are not; a trap listens on all of them.
"""

import fcntl
import json
import pathlib
import socket
import struct
import sys

import origin as origins
import pictures
from front import Front

PUBLIC, OTHER_PUBLIC = "8.8.8.8", "9.9.9.9"
PRIVATE = ["10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "198.18.0.1", "192.0.0.8"]


def ioctl_address(control, request, name, address):
    data = struct.pack("16sH2s4s8x", name.encode(), socket.AF_INET, b"\0\0", socket.inet_aton(address))
    fcntl.ioctl(control, request, data)


def bring_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        flags = struct.pack("16sH22x", b"lo", 0x1 | 0x8 | 0x40)
        fcntl.ioctl(control, 0x8914, flags)
        for number, address in enumerate([PUBLIC, OTHER_PUBLIC, *PRIVATE]):
            # SIOCSIFADDR makes the alias, SIOCSIFNETMASK keeps it to one address.
            ioctl_address(control, 0x8916, f"lo:{number}", address)
            ioctl_address(control, 0x891C, f"lo:{number}", "255.255.255.255")


def main(bin):
    bring_up()
    public, other = origins.Origin(PUBLIC), origins.Origin(OTHER_PUBLIC)
    trap = origins.Trap(socket.AF_INET, "0.0.0.0")
    six = origins.Trap(socket.AF_INET6, "::1")
    outcome, visits = {}, 0
    front = Front(bin, "-workers", "1", "-fetchTimeout", "700ms", address="127.0.0.1:0")
    try:
        outcome["public"] = front.get("/" + public.serve("/a.jpg", pictures.flat(20, 20))).status
        other.serve("/b.jpg", pictures.flat(20, 20))
        where = {"public to public": other.url("/b.jpg")}
        hosts = PRIVATE + ["127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "0", "0.0.0.0", "[::ffff:127.0.0.1]",
                           "0xa000001", "[::ffff:a00:1]", "169.254.43518", "0xA9FEA9FE"]
        for host in hosts:
            where[f"redirect {host}"] = f"http://{host}:{trap.port}/x.jpg"
            where[f"redirect, no scheme {host}"] = f"//{host}:{trap.port}/x.jpg"
        where["redirect [::1]"] = f"http://[::1]:{six.port}/x.jpg"
        for name, location in where.items():
            public.serve("/r", lambda _: origins.answer(b"", 302, headers={"Location": location}))
            outcome[name] = front.get("/" + public.url("/r")).status
            visits += trap.visits() + six.visits()
        for host in hosts:
            outcome[f"direct {host}"] = front.get(f"/http://{host}:{trap.port}/x.jpg").status
            # Two hops, the first of them harmless.
            other.serve("/r", lambda _: origins.answer(b"", 307, headers={"Location": f"http://{host}:{trap.port}/x"}))
            public.serve("/r", lambda _: origins.answer(b"", 301, headers={"Location": other.url("/r")}))
            outcome[f"second hop {host}"] = front.get("/" + public.url("/r")).status
            visits += trap.visits() + six.visits()
    finally:
        front.stop()
    print(json.dumps({**outcome, "visits": visits}))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
