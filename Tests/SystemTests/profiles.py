# SPDX-License-Identifier: Apache-2.0
"""ICC profiles made on the spot: small ones, for colours that are plainly not sRGB's."""

import struct


def _profile(kind, space, connection, tags):
    """A profile of version 2 with these tags, each bytes that begin with their type."""
    offset = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        content += b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", offset + len(data), len(content))
        data += content
    size = offset + len(data)
    head = struct.pack(">I4sI4s4s4s", size, b"test", 0x02400000, kind, space, connection)
    head += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 24
    head += struct.pack(">I3i", 0, round(0.9642 * 65536), 65536, round(0.8249 * 65536))
    return head.ljust(128, b"\0") + table + data


def _xyz(*values):
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))


def _gamma(value):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


_WHITE = {b"wtpt": _xyz(0.9642, 1, 0.8249)}


def wide(gamma=2.2):
    """The primaries of Adobe RGB."""
    return _profile(b"mntr", b"RGB ", b"XYZ ", {
        **_WHITE, b"rXYZ": _xyz(0.60974, 0.31111, 0.01947), b"gXYZ": _xyz(0.20528, 0.62567, 0.06087),
        b"bXYZ": _xyz(0.14919, 0.06322, 0.74457), b"rTRC": _gamma(gamma), b"gTRC": _gamma(gamma), b"bTRC": _gamma(gamma)})


def gray(gamma=1.0):
    return _profile(b"mntr", b"GRAY", b"XYZ ", {**_WHITE, b"kTRC": _gamma(gamma)})


def ink():
    """Four inks, each a little off its name, in a table of two steps each."""
    nodes = bytearray()
    for corner in range(16):
        cyan, magenta, yellow, black = (corner >> shift & 1 for shift in (3, 2, 1, 0))
        light = 95 - 38 * cyan - 45 * magenta - 8 * yellow
        a, b = -32 * cyan + 70 * magenta - 4 * yellow, -48 * cyan - 6 * magenta + 88 * yellow
        if black:
            light, a, b = light * 0.2, a * 0.1, b * 0.1
        nodes += bytes(max(0, min(255, round(value))) for value in (light * 2.55, a + 128, b + 128))
    identity = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0])
    table += struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table += identity * 4 + bytes(nodes) + identity * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {**_WHITE, b"A2B0": table})
