# SPDX-License-Identifier: Apache-2.0
"""What a checksum does not agree with is no picture: a wrong image is worse than none."""

import io
import random
import struct
import zlib

import numpy
import pytest
from PIL import Image, TiffImagePlugin

import bombs
import pictures
import processes
import sources
import stub_front

DEFLATED = {
    "in a strip": lambda: sources.tiffcp("-c", "zip", "-r", "200", source=sources.tiff()),
    "predicted": lambda: sources.tiffcp("-c", "zip:2", "-r", "9", source=sources.tiff()),
    "in a large strip": lambda: sources.tiffcp(
        "-c", "zip:2", "-r", "3200", source=pictures.encoded(sources.image().crop((0, 0, 3600, 3200)), "TIFF")),
    "of 16 bits in the other order": lambda: sources.tiffcp("-B", "-c", "zip:2", source=sources.tiff16()),
    "of bits in the other order": lambda: sources.tiffcp("-f", "lsb2msb", "-c", "zip", source=sources.tiff("L")),
    "in planes": lambda: sources.tiffcp("-c", "zip:2", "-p", "separate", source=sources.tiff()),
    "in tiles": lambda: sources.tiffcp("-t", "-w", "64", "-l", "32", "-c", "zip:2", source=sources.tiff("RGBA")),
    "in tiles of planes": lambda: sources.tiffcp(
        "-t", "-w", "32", "-l", "32", "-p", "separate", "-c", "zip:2", source=sources.tiff()),
    "as YCbCr": lambda: ycbcr(zlib.compress(numpy.asarray(sources.image("YCbCr")).tobytes())),
}


@pytest.fixture(scope="module")
def worker(bin, tmp_path_factory):
    with processes.worker(bin, tmp_path_factory.mktemp("damage") / "jobs.sock") as path:
        yield path


def ycbcr(data):
    return bombs.tiff_picture(sources.WIDTH, sources.HEIGHT, data, compression=8, photometric=6, more=[(530, 3, [1, 1])])


def strip(data, height=sources.HEIGHT):
    return bombs.tiff_picture(sources.WIDTH, height, data, compression=8)


def parts(data):
    """Where the coded data of strips or tiles begins and ends."""
    tags = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
    file = io.BytesIO(data)
    file.seek(tags.next)
    tags.load(file)
    starts, sizes = (tags[324], tags[325]) if 324 in tags else (tags[273], tags[279])
    return [(start, start + size) for start, size in zip(starts, sizes)]


def decoded(worker, data):
    """As it is; None when it is damaged."""
    outcome = stub_front.transform(worker, data, form="png")
    assert outcome.end == "exited" and outcome.failure in (None, "corrupt-source"), outcome
    return None if outcome.failure else numpy.asarray(Image.open(io.BytesIO(outcome.body)))


@pytest.mark.parametrize("kind", DEFLATED)
def test_the_checksum_of_every_part_of_a_tiff_counts(worker, kind):
    data = DEFLATED[kind]()
    assert decoded(worker, data) is not None
    all_parts = parts(data)
    for start, end in {all_parts[0], all_parts[len(all_parts) // 2], all_parts[-1]}:
        for at in range(end - 4, end):
            wrong = bytearray(data)
            wrong[at] ^= 4
            assert decoded(worker, bytes(wrong)) is None, (start, end, at)


@pytest.mark.parametrize("kind", DEFLATED)
def test_a_wrong_bit_in_deflate_never_shows(worker, kind):
    data = DEFLATED[kind]()
    right = decoded(worker, data)
    chance = random.Random(kind)
    places = parts(data)
    for _ in range(40):
        wrong = bytearray(data)
        start, end = chance.choice(places)
        wrong[chance.randrange(start, end)] ^= 1 << chance.randrange(8)
        seen = decoded(worker, bytes(wrong))
        assert seen is None or (seen == right).all()


def test_a_last_strip_may_be_filled_up(worker):
    """Some writers do that, and every reader looks at the rows that there should be."""
    rows = sources.scene().tobytes()
    right = decoded(worker, strip(zlib.compress(rows)))
    for more in (bytes(1), bytes(50_000)):
        data = zlib.compress(rows + more)
        assert (decoded(worker, strip(data)) == right).all()
        assert (decoded(worker, strip(data + b"and something behind it")) == right).all()
        # Which counts as well.
        assert decoded(worker, strip(data[:-1] + bytes([data[-1] ^ 1]))) is None
        assert decoded(worker, strip(data[:-4])) is None


def test_a_strip_that_is_too_short_is_damaged(worker):
    rows = sources.scene().tobytes()
    assert decoded(worker, strip(zlib.compress(rows[:-1]))) is None


def png_with(kind, change):
    """A PNG of a kind whose data has been changed before its checksums were made."""
    data = sources.source(kind).data
    at, packed, rest = 8, b"", [b"", b""]
    while at < len(data):
        size, = struct.unpack(">I", data[at:at + 4])
        end = at + 12 + size
        if data[at + 4:at + 8] == b"IDAT":
            packed += data[at + 8:end - 4]
        else:
            rest[bool(packed)] += data[at:end]
        at = end
    return data[:8] + rest[0] + bombs.chunk(b"IDAT", change(packed)) + rest[1]


@pytest.mark.parametrize("kind", ["png-rgb", "png-rgb16", "png-palette4", "png-interlaced", "png-animated"])
def test_the_checksum_of_a_png_counts(worker, kind):
    def longer(packed):
        return zlib.compress(zlib.decompress(packed) + bytes(50_000))

    def wrong(packed):
        return packed[:-1] + bytes([packed[-1] ^ 1])

    right = decoded(worker, png_with(kind, bytes))
    for harmless in (longer, lambda packed: packed + b"and something behind it"):
        assert (decoded(worker, png_with(kind, harmless)) == right).all()
    for change in (wrong, lambda packed: packed[:-4], lambda packed: wrong(longer(packed))):
        assert decoded(worker, png_with(kind, change)) is None


def gif(codes, size=3, width=4):
    """A row of pixels in four colours, by codes of a bit more than `size`."""
    bits = sum(code << number * (size + 1) for number, code in enumerate(codes))
    data = bits.to_bytes(-(-len(codes) * (size + 1) // 8), "little")
    return (b"GIF89a" + struct.pack("<HHBBB", width, 1, 0x80 | size - 1, 0, 0) + bytes(range(3 << size))
            + b"," + struct.pack("<HHHHB", 0, 0, width, 1, 0) + bytes([size, len(data)]) + data + b"\0;")


def test_a_code_that_is_not_defined_is_damage(worker):
    """giflib makes up a string for it; nobody else does."""
    clear, end, first = 8, 9, 10
    # The string of the code before and its own first index, which is not in the table until then.
    assert decoded(worker, gif([clear, 1, first, 2, end])) is not None
    assert decoded(worker, gif([clear, 1, 2, first, end])) is not None
    for wrong in ([clear, 1, first + 1, 2, end], [clear, 1, 2, first + 2, end], [clear, first, 2, 1, 1, end], [first, 1, 1, 1]):
        assert decoded(worker, gif(wrong)) is None, wrong


def test_a_mark_that_comes_before_the_last_row_is_damage(worker):
    """In runs of a BMP."""
    def runs(data):
        return decoded(worker, bombs.bmp(8, 4, 8, 1, data, bytes(range(256)) * 4))

    row, end, jump = b"\x08\x05\0\0", b"\0\1", b"\0\2\0\4"
    right = runs(row * 4 + end)
    for harmless in (row * 4, row * 3 + row[:2] + end, row * 5 + end, row * 4 + end + b"more"):
        assert (runs(harmless) == right).all()
    for left_out in (b"\x04\x05\0\0" * 4 + end, row * 2 + jump + end):
        assert runs(left_out) is not None
    for wrong in (row * 2 + end, row * 3 + end, row * 3 + b"\x04\x05" + end, end):
        assert runs(wrong) is None, wrong


def test_arithmetic_coding_ends_with_the_end_of_the_file(worker):
    """Its decoder takes any marker for the end of the data, and makes up the pixels that follow."""
    data = sources.source("jpeg-arithmetic").data
    assert decoded(worker, data) is not None
    start = data.index(b"\xff\xda") + 20
    for at in (start, (start + len(data)) // 2):
        # Of a segment, of another picture, and none.
        for marker in (b"\xff\xc4", b"\xff\xd8", b"\xff\x02"):
            assert decoded(worker, data[:at] + marker + data[at + 2:]) is None
