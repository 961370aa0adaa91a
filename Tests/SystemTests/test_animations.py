# SPDX-License-Identifier: Apache-2.0
"""Animations: shown as Pillow shows them, whatever a frame leaves behind; and of each frame only what has changed is coded."""

import io
import struct

import numpy
import pytest
from PIL import Image

import pictures

WIDTH, HEIGHT = 40, 30
COLOURS = numpy.array([(200, 30, 30), (30, 200, 30), (30, 30, 200), (240, 240, 60)], numpy.uint8)
OTHERS = numpy.array([(10, 90, 120), (250, 140, 10), (90, 10, 160), (15, 20, 25)], numpy.uint8)


def _literally(indices):
    """LZW data of two-bit pixels that never grows its codes: a clear code after every second one."""
    codes = []
    for number, index in enumerate(indices):
        if number % 2 == 0:
            codes.append(4)
        codes.append(int(index))
    codes.append(5)
    bits = "".join(f"{code:03b}"[::-1] for code in codes)
    data = bytes(int(bits[at:at + 8][::-1].rjust(8, "0"), 2) for at in range(0, len(bits), 8))
    return b"\x02" + b"".join(bytes([len(data[at:at + 255])]) + data[at:at + 255] for at in range(0, len(data), 255)) + b"\0"


def _interlaced(rows):
    order = [y for start, step in ((0, 8), (4, 8), (2, 4), (1, 2)) for y in range(start, len(rows), step)]
    return rows[order]


class Frame:
    def __init__(self, pixels, left=0, top=0, disposal=0, clear=None, colours=None, interlaced=False, delay=7):
        # In hundredths of a second.
        self.pixels, self.left, self.top, self.disposal = numpy.asarray(pixels), left, top, disposal
        self.clear, self.colours, self.interlaced, self.delay = clear, colours, interlaced, delay

    def bytes(self):
        height, width = self.pixels.shape
        data = b"\x21\xf9\x04" + struct.pack(
            "<BHB", self.disposal << 2 | (self.clear is not None), self.delay, self.clear or 0) + b"\0"
        data += b"\x2c" + struct.pack("<HHHHB", self.left, self.top, width, height,
                                      0x40 * self.interlaced | (0x81 if self.colours is not None else 0))
        if self.colours is not None:
            data += self.colours.tobytes()
        rows = _interlaced(self.pixels) if self.interlaced else self.pixels
        return data + _literally(rows.ravel())


def gif(frames, loop=None):
    data = b"GIF89a" + struct.pack("<HHBBB", WIDTH, HEIGHT, 0x91, 0, 0) + COLOURS.tobytes()
    if loop is not None:
        data += b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", loop) + b"\0"
    return data + b"".join(frame.bytes() for frame in frames) + b";"


def shown(data):
    """Every frame as Pillow shows it, and how long."""
    animation = Image.open(io.BytesIO(data))
    frames = []
    for number in range(getattr(animation, "n_frames", 1)):
        animation.seek(number)
        frames.append((numpy.asarray(animation.convert("RGBA")), animation.info.get("duration")))
    return frames


def composited(frames):
    """The same, straight from the format's rules, with what browsers make of "background": nothing. Pillow shows the colour
    that the header names for it, where a frame has no clear pixels."""
    canvas, pictures_so_far = numpy.zeros((HEIGHT, WIDTH, 4), numpy.uint8), []
    for frame in frames:
        before = canvas.copy()
        table = COLOURS if frame.colours is None else frame.colours
        area = canvas[frame.top:frame.top + frame.pixels.shape[0], frame.left:frame.left + frame.pixels.shape[1]]
        pixels = frame.pixels[:area.shape[0], :area.shape[1]]
        solid = numpy.ones(pixels.shape, bool) if frame.clear is None else pixels != frame.clear
        area[solid] = numpy.concatenate([table[pixels[solid]], numpy.full((solid.sum(), 1), 255, numpy.uint8)], 1)
        pictures_so_far.append(canvas.copy())
        if frame.disposal == 2:
            area[:] = 0
        elif frame.disposal == 3:
            canvas = before
    return pictures_so_far


def noise(seed, width, height, among=4):
    return numpy.random.default_rng(seed).integers(0, among, (height, width))


def case(disposals, clear=None, colours=None, interlaced=False):
    """A first frame that covers all, then smaller ones that do not, each with what it leaves behind."""
    first = Frame(noise(1, WIDTH, HEIGHT), disposal=1)
    return [first] + [
        Frame(noise(number + 2, 14, 11), 3 + 6 * number, 2 + 4 * number, disposal, clear, colours, interlaced)
        for number, disposal in enumerate(disposals)]


CASES = {
    "nothing is said": case([0, 0, 0]),
    "all stays": case([1, 1, 1]),
    "back to nothing": case([2, 2, 2, 1]),
    "back to what was": case([3, 3, 3, 1]),
    "by turns": case([1, 2, 3, 1, 3]),
    "with clear pixels": case([1, 1, 2, 3], clear=2),
    "with colours of their own": case([1, 2, 3], colours=OTHERS),
    "interlaced": case([1, 2, 3], interlaced=True),
    "all of it": case([1, 3, 2, 1], 1, OTHERS, True),
    "clear from the first": [Frame(noise(7, WIDTH, HEIGHT), disposal=2, clear=0), Frame(noise(8, 20, 20), 9, 9, 1, clear=3)],
}


def same(first, second):
    """Alike in all that shows."""
    return first.shape == second.shape and (first[:, :, 3] == second[:, :, 3]).all() and (
        first[first[:, :, 3] > 0] == second[second[:, :, 3] > 0]).all()


@pytest.mark.parametrize("name", CASES)
def test_frames_are_what_pillow_shows(shared_front, shared_origin, name):
    data = gif(CASES[name], loop=0)
    expected = composited(CASES[name])
    assert len({frame.tobytes() for frame in expected}) > 1
    if not any(frame.disposal == 2 for frame in CASES[name]):
        assert all(same(wanted, pillow) for wanted, (pillow, _) in zip(expected, shown(data)))
    url = shared_origin.serve(f"/{name.replace(' ', '-')}.gif", data)
    answer = shared_front.get(f"/fh/{url}")
    assert answer.status == 200 and answer["Content-Type"] == "image/gif" and answer["X-Imageproxy-Error"] is None, answer
    made = shown(answer.body)
    assert [duration for _, duration in made] == [10 * frame.delay for frame in CASES[name]]
    wrong = [at for at, ((got, _), wanted) in enumerate(zip(made, expected)) if not same(got, wanted[:, ::-1])]
    assert not wrong
    # Nothing is lost in a still of the first, either.
    still = numpy.asarray(shared_front.picture(f"/fv,png/{url}", "RGBA"))
    assert same(still, expected[0][::-1])


@pytest.mark.parametrize("loop, plays", [(None, None), (0, 0), (1, 1), (5, 5), (65535, 65535)])
def test_it_is_shown_as_often(shared_front, shared_origin, loop, plays):
    url = shared_origin.serve(f"/loop{loop}.gif", gif(CASES["all stays"], loop))
    assert Image.open(io.BytesIO(shared_front.get(f"/fh/{url}").body)).info.get("loop") == plays


@pytest.mark.parametrize("loop, plays", [(None, 1), (0, 0), (1, 2), (5, 6)])
def test_it_is_shown_as_often_in_the_other_format(shared_front, shared_origin, loop, plays):
    """GIF counts how often it comes again, WebP how often it comes."""
    moving = shared_front.get(f"/webp/{shared_origin.serve(f'/loop{loop}.gif', gif(CASES['all stays'], loop))}").body
    assert moving[12:16] == b"VP8X" and moving[30:34] == b"ANIM"
    assert struct.unpack("<H", moving[42:44])[0] == plays
    back = shared_front.get(f"/gif/{shared_origin.serve(f'/loop{loop}.webp', moving)}").body
    assert Image.open(io.BytesIO(back)).info.get("loop") == loop


# WebP's frames, which leave something behind as well, and can be blended over it


class Patch:
    """A frame of part of the canvas: where, its RGBA pixels, whether it goes away again, and whether it covers all of its
    area or is blended. Places and sizes are even, as the format wants them."""

    def __init__(self, pixels, left=0, top=0, vanishes=False, blends=False):
        self.pixels, self.left, self.top, self.vanishes, self.blends = pixels, left, top, vanishes, blends

    def bytes(self):
        height, width = self.pixels.shape[:2]
        still = pictures.encoded(Image.fromarray(self.pixels), "WEBP", lossless=True, exact=True)
        # Its one chunk, or that after the header which tells of alpha.
        at = still.index(b"VP8L")
        coded = still[at:at + 8 + struct.unpack("<I", still[at + 4:at + 8])[0]]
        head = b"".join(value.to_bytes(3, "little") for value in (self.left // 2, self.top // 2, width - 1, height - 1, 70))
        return webp_part(b"ANMF", head + bytes([self.vanishes | (not self.blends) << 1]) + coded + b"\0" * (len(coded) % 2))


def webp_part(name, body):
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def webp(patches):
    size = b"".join(value.to_bytes(3, "little") for value in (WIDTH - 1, HEIGHT - 1))
    body = b"WEBP" + webp_part(b"VP8X", b"\x12\0\0\0" + size) + webp_part(b"ANIM", bytes(6))
    body += b"".join(patch.bytes() for patch in patches)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def coloured(seed, width, height, alphas=(255,)):
    """One colour, in squares of these alphas."""
    random = numpy.random.default_rng(seed)
    squares = random.choice(numpy.array(alphas, numpy.uint8), (-(-height // 4), -(-width // 4)))
    return numpy.dstack([numpy.full((height, width, 3), random.integers(0, 256, 3, numpy.uint8)),
                         squares.repeat(4, 0).repeat(4, 1)[:height, :width]])


def webp_case(vanishing, **settings):
    whole = Patch(coloured(1, WIDTH, HEIGHT))
    alphas = settings.pop("alphas", (255,))
    return [whole] + [Patch(coloured(number + 2, 14, 12, alphas), 2 + 6 * number, 2 + 4 * number, vanishes, **settings)
                      for number, vanishes in enumerate(vanishing)]


WEBP_CASES = {
    "all stays": webp_case([False] * 3),
    "back to nothing": webp_case([True, True, True, False]),
    "by turns": webp_case([True, False, True, False]),
    "clear pixels cover": webp_case([False, False, True], alphas=(0, 255)),
    "clear pixels show what is behind": webp_case([False, True, False], alphas=(0, 255), blends=True),
    "half clear pixels": webp_case([False, True, False], alphas=(0, 90, 200, 255), blends=True),
    "nothing at first": [Patch(coloured(9, 20, 14, (0, 255)), 8, 6, True), Patch(coloured(10, 12, 12), 10, 4)],
}


@pytest.mark.parametrize("name", WEBP_CASES)
def test_frames_of_webp_are_what_pillow_shows(shared_front, shared_origin, name):
    data = webp(WEBP_CASES[name])
    expected = [picture for picture, _ in shown(data)]
    assert len(expected) == len(WEBP_CASES[name])
    url = shared_origin.serve(f"/patches-{name.replace(' ', '-')}.webp", data)
    answer = shared_front.get(f"/fh,webp,q100/{url}")
    assert answer.status == 200 and answer["X-Imageproxy-Error"] is None, answer
    made = [picture for picture, _ in shown(answer.body)]
    assert len(made) == len(expected)
    for got, wanted in zip(made, expected):
        wanted = wanted[:, ::-1]
        assert numpy.abs(got[:, :, 3].astype(int) - wanted[:, :, 3]).max() <= 1
        # Frames are lossy, at the borders of colours most of all.
        error = numpy.abs(got[:, :, :3].astype(int) - wanted[:, :, :3]) * (wanted[:, :, 3:] / 255)
        assert error.mean() < 6


@pytest.mark.parametrize("quality", [50, 80, 100])
def test_half_clear_pixels_that_stay_stay_as_they_are(shared_front, shared_origin, quality):
    """Frames are blended over what is there: what has not changed must not be blended once more."""
    random = numpy.random.default_rng(4)
    ground = numpy.dstack([numpy.full((64, 96, 3), (200, 60, 30), numpy.uint8), numpy.full((64, 96), 255, numpy.uint8)])
    for y, x, alpha in random.integers((0, 0, 20), (60, 90, 200), (40, 3)):
        ground[y:y + 3, x:x + 3, 3] = alpha
    frames = []
    for step in range(6):
        pixels = ground.copy()
        for y in range(0, 64, 8):
            # On the ground alone.
            part = pixels[y:y + 4, (7 * step + y) % 92:][:, :4]
            part[part[:, :, 3] == 255] = (20, 40 * step, 220, 255)
        frames.append(Image.fromarray(pixels))
    data = pictures.encoded(
        frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=60, loop=0, lossless=True, exact=True)
    answer = shared_front.get(f"/fh,webp,q{quality}/{shared_origin.serve('/half-clear.webp', data)}")
    made = [picture for picture, _ in shown(answer.body)]
    assert len(made) == len(frames)
    for got, wanted in zip(made, frames):
        alpha = numpy.asarray(wanted)[:, ::-1, 3].astype(int)
        # One pixel of a frame may be a step off.
        assert numpy.abs(got[:, :, 3] - alpha).max() <= 1 and (got[:, :, 3] != alpha).sum() <= len(frames)


# Only what changes is coded


def moving():
    """Whole frames of a noisy ground that stays, with a small square that moves on by four pixels."""
    ground = pictures.scene(160, 120)
    frames = []
    for step in range(6):
        pixels = ground.copy()
        pixels[40:60, 20 + 4 * step:40 + 4 * step] = (250, 20, 20)
        frames.append(Image.fromarray(pixels))
    return frames


def gif_areas(data):
    """Left, top, width and height of every frame."""
    at, found = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0), []
    while data[at] != 0x3B:
        if data[at] == 0x2C:
            found.append(struct.unpack("<HHHH", data[at + 1:at + 9]))
            at += 11 + (3 << (data[at + 9] & 7) + 1 if data[at + 9] & 0x80 else 0)
        else:
            at += 2
        while data[at]:
            at += 1 + data[at]
        at += 1
    return found


def webp_areas(data):
    def three(at):
        return int.from_bytes(data[at:at + 3], "little")

    at, found = 12, []
    while at < len(data):
        size = struct.unpack("<I", data[at + 4:at + 8])[0]
        if data[at:at + 4] == b"ANMF":
            found.append((2 * three(at + 8), 2 * three(at + 11), three(at + 14) + 1, three(at + 17) + 1))
        at += 8 + size + size % 2
    return found


@pytest.mark.parametrize("word, areas", [("gif", gif_areas), ("webp", webp_areas)])
@pytest.mark.parametrize("source", ["GIF", "WEBP"])
@pytest.mark.parametrize("options, scale", [("fv", 1), ("80x", 2)])
def test_only_what_has_changed_is_coded(shared_front, shared_origin, source, word, areas, options, scale):
    first, *rest = moving()
    if source == "GIF":
        # One table for all, and no dithering, which would move with the square.
        table = first.quantize(200)
        first, *rest = (frame.quantize(palette=table, dither=0) for frame in (first, *rest))
    settings = {"lossless": True, "kmax": 1} if source == "WEBP" else {}
    data = pictures.encoded(first, source, save_all=True, append_images=rest, duration=80, loop=0, **settings)
    answer = shared_front.get(f"/{options},{word}/{shared_origin.serve(f'/ground.{source}', data)}")
    assert answer.status == 200 and answer["Content-Type"] == f"image/{word}"
    found = areas(answer.body)
    assert len(found) == 6 and found[0] == (0, 0, 160 // scale, 120 // scale)
    for step, (left, top, width, height) in enumerate(found[1:], 1):
        # The square, where it was and where it is, and what a filter's three lobes reach of it.
        reach = 0 if scale == 1 else 4
        low = 60 if options == "fv" else 40
        assert left >= (20 + 4 * (step - 1)) // scale - reach - 1 and left + width <= (40 + 4 * step) / scale + reach + 1
        assert top >= low // scale - reach - 1 and top + height <= (low + 20) / scale + reach + 1
