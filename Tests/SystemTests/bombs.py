# SPDX-License-Identifier: Apache-2.0
"""Small files that would cost a decoder without limits dearly: pixels, frames, scans, chunks, directories."""

import functools
import io
import pathlib
import struct
import subprocess
import tempfile
import zlib

import numpy
from PIL import Image

import pictures
import profiles

# JPEG


def with_size(data, width, height):
    """The same JPEG file, whose frame header says something else."""
    at = next(data.index(mark) for mark in (b"\xff\xc0", b"\xff\xc1", b"\xff\xc2") if mark in data)
    return data[:at + 5] + struct.pack(">HH", height, width) + data[at + 9:]


def segments(data):
    """The segments of a JPEG file, scans with the data that follows them."""
    at, found = 2, []
    while data[at + 1] != 0xD9:
        end = at + 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
        if data[at + 1] == 0xDA:
            while not (data[end] == 0xFF and data[end + 1] not in (0, *range(0xD0, 0xD8))):
                end += 1
        found.append(data[at:end])
        at = end
    return found


def jpeg(width, height, **settings):
    return pictures.encoded(Image.new(settings.pop("mode", "RGB"), (width, height), settings.pop("colour", 0)), "JPEG",
                            **settings)


def many_scans(count, side):
    """A progressive JPEG whose last scan comes again and again."""
    parts = segments(jpeg(side, side, progressive=True))
    scan = next(part for part in reversed(parts) if part[1] == 0xDA)
    return b"\xff\xd8" + b"".join(parts) + scan * count + b"\xff\xd9"


def many_scans_of_nothing(count):
    """Scans that say in a few bytes that none of 16 million blocks has anything to add."""
    parts = segments(jpeg(64, 64, mode="L", progressive=True))
    return with_size(b"\xff\xd8" + b"".join(parts) + parts[-1] * count + b"\xff\xd9", 32000, 3000)


def noisy_jpeg(width, height, *settings):
    """Gray."""
    noise = numpy.random.default_rng(4).integers(0, 256, (height, width), numpy.uint8)
    return subprocess.run(["cjpeg", "-quality", "90", *settings], check=True, capture_output=True,
                          input=b"P5\n%d %d\n255\n" % (width, height) + noise.tobytes()).stdout


def arithmetic_jpeg(side):
    """Each of its bytes takes as long as fifteen of the usual ones."""
    return noisy_jpeg(side, side, "-arithmetic")


def many_markers(count):
    """Restart markers, comments and application data without end."""
    data = jpeg(64, 64)
    return data[:2] + b"\xff\xfe\x00\x02" * count + b"\xff\xe5\x00\x02" * count + data[2:]


# PNG


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def zeros(count):
    """Zlib's stream for that many zeros, without so many ever being in memory."""
    packer = zlib.compressobj(9)
    block = bytes(1 << 20)
    return b"".join([packer.compress(block[:min(len(block), count - at)]) for at in range(0, count, len(block))]
                    + [packer.flush()])


@functools.lru_cache(maxsize=None)
def png(width, height, depth=8, colour=2, interlace=0, extra=b"", parts=1):
    """Black. What stands in `extra` comes before the picture's data."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    rows = 0
    if interlace:
        for left, top, right, down in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
                                       (0, 1, 1, 2)):
            columns = -(-(width - left) // right)
            rows += -(-(height - top) // down) * (1 + -(-columns * channels * depth // 8))
    else:
        rows = height * (1 + -(-width * channels * depth // 8))
    data = zeros(rows)
    size = -(-len(data) // parts)
    palette = chunk(b"PLTE", bytes(3)) if colour == 3 else b""
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))
            + extra + palette
            + b"".join(chunk(b"IDAT", data[at:at + size]) for at in range(0, len(data), size)) + chunk(b"IEND", b""))


def compressed_texts(count, size):
    return chunk(b"zTXt", b"Comment\0\0" + zeros(size)) * count


def compressed_profile(size):
    return chunk(b"iCCP", b"profile\0\0" + zeros(size))


def animated_png(frames, side):
    control = struct.pack(">IIIIHHBB", side, side, 0, 0, 1, 100, 0, 0)
    data = zeros(side * (side * 4 + 1))
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)), chunk(b"acTL", struct.pack(">II", frames, 0)),
             chunk(b"fcTL", struct.pack(">I", 0) + control), chunk(b"IDAT", data)]
    for number in range(1, frames):
        parts.append(chunk(b"fcTL", struct.pack(">I", 2 * number - 1) + control))
        parts.append(chunk(b"fdAT", struct.pack(">I", 2 * number) + data))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


# GIF


def lzw_of_zeros(count):
    """LZW data, in blocks, for that many zeros: as short as the method allows, codes grow to 12 bits and stay there."""
    bits, filled, out = 0, 0, bytearray()

    def put(code, width):
        nonlocal bits, filled
        bits |= code << filled
        filled += width
        while filled >= 8:
            out.append(bits & 255)
            bits >>= 8
            filled -= 8

    clear, width, following, length, left = 4, 3, 6, 1, count
    put(clear, width)
    first = True
    while left > 0:
        # The code for a run one longer than the last one is always the one just being made.
        if first or length > left:
            if length > left and not first:
                put(clear, width)
                width, following, length, first = 3, 6, 1, True
                continue
            put(0, width)
            left -= 1
            first, length = False, 2
            continue
        if following == 4096:
            put(clear, width)
            width, following, length, first = 3, 6, 1, True
            continue
        put(following, width)
        left -= length
        length += 1
        following += 1
        if following == 1 << width and width < 12:
            width += 1
    put(5, width)
    if filled:
        out.append(bits & 255)
    blocks = b"".join(bytes([len(out[at:at + 255])]) + out[at:at + 255] for at in range(0, len(out), 255))
    return b"\x02" + blocks + b"\0"


def gif(width, height, frames=1, screen=None, interlace=False, changes=False):
    """Frames of one colour. Where it changes, nothing of a frame is left of the one before."""
    data = lzw_of_zeros(width * height)
    control = b"\x21\xf9\x04\x04\x05\x00\x00\x00"
    descriptor = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0x40 * interlace | (0x81 if changes else 0))
    every = [control + descriptor + (bytes([shade]) * 12 if changes else b"") + data for shade in (10, 200)]
    head = b"GIF89a" + struct.pack("<HHBBB", *(screen or (width, height)), 0x91, 0, 0)
    return head + bytes(range(0, 120, 10)) + b"".join(every[number % 2] for number in range(frames)) + b";"


def _literally(indices):
    """Codes of nine bits that stand for one index each, as the dictionary is cleared before it makes them longer."""
    codes = numpy.full((-(-len(indices) // 254), 255), 256, numpy.uint16)
    padded = numpy.zeros(len(codes) * 254, numpy.uint16)
    padded[:len(indices)] = indices
    codes[:, 1:] = padded.reshape(-1, 254)
    codes = numpy.append(codes.ravel()[:len(indices) + len(codes)], 257)
    data = numpy.packbits((codes[:, None] >> numpy.arange(9) & 1).astype(numpy.uint8), bitorder="little").tobytes()
    return b"\x08" + b"".join(bytes([len(data[at:at + 255])]) + data[at:at + 255] for at in range(0, len(data), 255)) + b"\0"


def gif_of_noise(width, height, frames):
    """Every frame in 256 colours of its own."""
    random = numpy.random.default_rng(1)
    every = [_literally(random.integers(0, 256, width * height, numpy.uint8)) for _ in range(4)]
    descriptor = b"\x21\xf9\x04\x04\x05\x00\x00\x00\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0x87)
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x70, 0, 0)
    return head + b"".join(descriptor + random.bytes(768) + every[number % 4] for number in range(frames)) + b";"


def gif_of_corners(width, height, frames):
    """A small square at the top left, then one at the bottom right, and so on, each gone when the next one comes."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x91, 0, 0) + bytes(range(0, 120, 10))
    data, side = lzw_of_zeros(64), 8
    body = b""
    for number in range(frames):
        left, top = (0, 0) if number % 2 == 0 else (width - side, height - side)
        body += b"\x21\xf9\x04\x08\x05\x00\x00\x00\x2c" + struct.pack("<HHHHB", left, top, side, side, 0) + data
    return head + body + b";"


def dense_png(width, height):
    """Four values in no order, so that two bits say each of them and nothing is said again."""
    size = 1 << 20
    # The filters of rows are among them, and exist.
    values = numpy.random.default_rng(11).integers(0, 4, size, numpy.uint8).tobytes()
    # Complete blocks, which may follow each other as often as wanted.
    packer = zlib.compressobj(1, zlib.DEFLATED, -15, 8, zlib.Z_HUFFMAN_ONLY)
    block = packer.compress(values) + packer.flush(zlib.Z_FULL_FLUSH)
    count = width * height * 3 + height
    data, sum_ = bytearray(b"\x78\x01"), 1
    for _ in range(count // size):
        data += block
        sum_ = zlib.adler32(values, sum_)
    rest = values[:count % size]
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    data += packer.compress(rest) + packer.flush() + struct.pack(">I", zlib.adler32(rest, sum_))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", bytes(data)) + chunk(b"IEND", b""))


# WebP

@functools.cache
def noisy_webp(width, height):
    """Of which most samples take bits."""
    out = io.BytesIO()
    noise = numpy.random.default_rng(1).integers(0, 256, (height, width, 3), numpy.uint8)
    Image.fromarray(noise).save(out, "WEBP", quality=80, method=0)
    return out.getvalue()


def webp_of_one_colour(width, height):
    """A lossless WebP of a few bytes: every code has one symbol only, so no pixel takes a bit."""
    bits, filled = 0, 0

    def put(value, width):
        nonlocal bits, filled
        bits |= value << filled
        filled += width

    put(0x2F, 8)
    put(width - 1, 14)
    put(height - 1, 14)
    put(0, 1 + 3)  # no alpha, version 0
    put(0, 1)  # no transform
    put(0, 1)  # no colour cache
    put(0, 1)  # no prefix codes of areas
    for _ in range(5):
        put(1, 1)  # a simple code
        put(0, 1)  # of one symbol
        put(0, 1)  # that takes one bit
        put(0, 1)
    data = bits.to_bytes((filled + 7) // 8, "little")
    data += b"\0" * (len(data) % 2)
    body = b"WEBPVP8L" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def animated_webp(width, height, frames, still=None):
    """still: the chunks of every frame."""
    still = still or webp_of_one_colour(width, height)[12:]

    def part(kind, body):
        return kind + struct.pack("<I", len(body)) + body

    def three(value):
        return struct.pack("<I", value)[:3]

    frame = part(b"ANMF", three(0) * 2 + three(width - 1) + three(height - 1) + three(10) + b"\0" + still)
    body = (b"WEBP" + part(b"VP8X", b"\x02\0\0\0" + three(width - 1) + three(height - 1)) + part(b"ANIM", bytes(6))
            + frame * frames)
    return b"RIFF" + struct.pack("<I", len(body)) + body


# TIFF


def tiff(tags, data=b"", following=0):
    """One directory: tags are (number, type, values); a value of "data" is where `data` begins."""
    sizes = {1: 1, 3: 2, 4: 4, 7: 1}
    letters = {1: "B", 3: "H", 4: "I", 7: "B"}
    tags = sorted(tags)
    at = 8 + 2 + 12 * len(tags) + 4
    entries, rest = b"", b""
    length = sum(sizes[kind] * len(values) for _, kind, values in tags if sizes[kind] * len(values) > 4)
    start = at + length
    for number, kind, values in tags:
        values = [start if value == "data" else value for value in values]
        packed = struct.pack(f"<{len(values)}{letters[kind]}", *values)
        if len(packed) <= 4:
            entries += struct.pack("<HHI", number, kind, len(values)) + packed.ljust(4, b"\0")
        else:
            entries += struct.pack("<HHII", number, kind, len(values), at + len(rest))
            rest += packed
    return (b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + struct.pack("<I", following) + rest
            + data)


def tiff_picture(width, height, data, rows=None, compression=1, samples=3, tile=None, strips=None,
                 photometric=None, more=()):
    """All strips, or tiles, are the same bytes."""
    rows = rows or height
    if tile:
        count = -(-width // tile[0]) * -(-height // tile[1])
        layout = [(322, 4, [tile[0]]), (323, 4, [tile[1]]), (324, 4, ["data"] * count), (325, 4, [len(data)] * count)]
    else:
        count = strips or -(-height // rows)
        layout = [(278, 4, [rows]), (273, 4, ["data"] * count), (279, 4, [len(data)] * count)]
    photometric = photometric or (2 if samples >= 3 else 1)
    return tiff([(256, 4, [width]), (257, 4, [height]), (258, 3, [8] * samples), (259, 3, [compression]),
                 (262, 3, [photometric]), (277, 3, [samples]), *layout, *more], data)


def tiff_of_inks(width, height):
    """One row of noise again and again, and what the inks look like."""
    row = numpy.random.default_rng(5).integers(0, 256, 4 * width, numpy.uint8).tobytes()
    return tiff_picture(width, height, row, rows=1, samples=4, photometric=5, more=[(34675, 7, list(profiles.ink()))])


def tiff_chain(count, loop):
    """Directories one after the other; the last one leads to the first, or nowhere."""
    size = 2 + 12 * 3 + 4
    parts = [b"II*\0" + struct.pack("<I", 8)]
    for number in range(count):
        following = 8 + size * (number + 1)
        if number == count - 1:
            following = 8 if loop else 0
        parts.append(struct.pack("<H", 3) + struct.pack("<HHII", 256, 4, 1, 10) + struct.pack("<HHII", 257, 4, 1, 10)
                     + struct.pack("<HHII", 330, 4, 1, 8) + struct.pack("<I", following))
    return b"".join(parts)


# AVIF


def avif_with_size(data, width, height):
    """The same file, whose container says something else."""
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width, height) + data[at + 8:]


def _avif_units(data, item=0):
    """Where the place of an item's AV1 data is told, and kind and body of each unit in it."""
    at = data.index(b"iloc") + 18 + 14 * item
    start, length = struct.unpack(">II", data[at:at + 8])
    units, position = [], start
    while position < start + length:
        size, shift, after = 0, 0, position + 1
        while True:
            size |= (data[after] & 127) << shift
            shift, after = shift + 7, after + 1
            if not data[after - 1] & 128:
                break
        units.append((data[position] >> 3 & 15, data[after:after + size]))
        position = after + size
    return at, units


def _avif_unit(kind, body, head=2, digits=4):
    """With a length of so many bytes, which may be more than it needs."""
    length = bytes(len(body) >> 7 * digit & 127 | 128 * (digit < digits - 1) for digit in range(digits))
    return bytes([kind << 3 | head]) + length + body


def avif_of_frames(data, count, kind=6, **style):
    """Its frame so many times before the one that is shown, as units of that kind."""
    at, units = _avif_units(data)
    made = b"".join(
        (_avif_unit(kind, body, **style) * count if number == 6 else b"") + _avif_unit(number, body, **style)
        for number, body in units)
    place = struct.pack(">II", len(data) + 8, len(made))
    return data[:at] + place + data[at + 8:] + struct.pack(">I", 8 + len(made)) + b"mdat" + made


def avif_cut_in_two(data, count):
    """The same in two places, of which the first ends within a unit's head."""
    at, units = _avif_units(data)
    body = b"".join(_avif_unit(number, body) * (1 + count * (number == 6)) for number, body in units)
    # A unit of padding, whose length is in the second place.
    made = b"\x7a" + b"\0" + body
    meta, places = data.index(b"meta") - 4, data.index(b"iloc") - 4
    start = len(data) + 8 + 8
    file = bytearray(data[:at - 2] + struct.pack(">HIIII", 2, start, 1, start + 1, len(made) - 1) + data[at + 8:])
    for box in (meta, places):
        file[box:box + 4] = struct.pack(">I", struct.unpack(">I", data[box:box + 4])[0] + 8)
    return bytes(file) + struct.pack(">I", 8 + len(made)) + b"mdat" + made


def avif_of_shared_tiles(side, count):
    """Tiles that all have the same data, with so many empty units in it."""
    data = bytearray(avif_of_tiles(side))
    # The first item is the grid.
    at, units = _avif_units(bytes(data), 1)
    made = b"".join(_avif_unit(2, b"") * count * (number == 6) + _avif_unit(number, body) for number, body in units)
    for tile in range(side * side):
        data[at + 14 * tile:at + 14 * tile + 8] = struct.pack(">II", len(data) + 8, len(made))
    return bytes(data) + struct.pack(">I", 8 + len(made)) + b"mdat" + made


def avif_with_inner_data(data, count):
    """With so many bytes inside of the container's own box, where a picture could be as well."""
    at, meta = data.index(b"iloc") + 18, data.index(b"meta") - 4
    start, size = struct.unpack(">I", data[at:at + 4])[0], struct.unpack(">I", data[meta:meta + 4])[0]
    box = struct.pack(">I", 8 + count) + b"idat" + bytes(count)
    moved = data[:at] + struct.pack(">I", start + len(box)) + data[at + 4:]
    return (moved[:meta] + struct.pack(">I", size + len(box)) + moved[meta + 4:meta + size] + box + moved[meta + size:])


def avif_of_tiles(side):
    """As many tiles on either side, each of them of 64 pixels and a picture of its own."""
    with tempfile.TemporaryDirectory() as directory:
        Image.new("RGB", (64, 64), (90, 120, 60)).save(f"{directory}/tile.png")
        subprocess.run(["avifenc", "--speed", "10", "--yuv", "444", "--grid", f"{side}x{side}"]
                       + ["tile.png"] * (side * side) + ["out.avif"], cwd=directory, check=True, capture_output=True)
        return pathlib.Path(directory, "out.avif").read_bytes()


# BMP


def bmp(width, height, bits=24, compression=0, data=b"", palette=b""):
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, 0, 0, 0, len(palette) // 4, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(palette) + len(data), 0, 0, 54 + len(palette)) + head + palette + data


def bmp_of_runs(width, height):
    row = b"\xff\x01" * (width // 255) + b"\0\0"
    return bmp(width, height, 8, 1, row * height + b"\0\1", bytes(1024))
