# SPDX-License-Identifier: Apache-2.0
"""One scene in every kind of file that the formats know, and the pixels that a right decoder sees in each.

Where a format keeps pixels as they are, the truth is what was put in; else it is what another program decodes: Pillow,
and for AVIF, libavif's own avifdec.
"""

import functools
import io
import pathlib
import struct
import subprocess
import tempfile
import zlib

import numpy
from PIL import Image

import bombs
import pictures
from pictures import encoded

#: Odd on both sides, and above 100, where the original service begins to crop before it resizes.
WIDTH, HEIGHT = 141, 107


class Source:
    def __init__(self, data, truth):
        #: The file.
        self.data = data
        #: Height x width x 4, straight alpha.
        self.truth = rgba(truth)
        self.is_opaque = bool((self.truth[:, :, 3] == 255).all())


def rgba(pixels):
    """Eight bits of red, green, blue and alpha, of an array or a picture of any kind."""
    if isinstance(pixels, numpy.ndarray):
        if pixels.ndim == 2:
            pixels = pixels[:, :, None]
        if pixels.dtype == numpy.uint16:
            pixels = (pixels.astype(numpy.float64) * 255 / 65535 + 0.5).astype(numpy.uint8)
        count = pixels.shape[2]
        colours = numpy.repeat(pixels[:, :, :1], 3, 2) if count < 3 else pixels[:, :, :3]
        alpha = pixels[:, :, -1:] if count in (2, 4) else numpy.full_like(pixels[:, :, :1], 255)
        return numpy.concatenate([colours, alpha], 2)
    if pixels.mode == "CMYK":
        # Each ink takes its part of the light. (Pillow's own conversion is the same but for its roundings.)
        light = 255 - numpy.asarray(pixels, numpy.float64)
        return rgba((light[:, :, :3] * light[:, :, 3:] / 255 + 0.5).astype(numpy.uint8))
    return numpy.asarray(pixels.convert("RGBA"))


@functools.lru_cache(maxsize=None)
def scene(depth=8):
    """Colours; of 16 bits they are more than eight bits can say."""
    pixels = pictures.scene(WIDTH, HEIGHT)
    if depth == 16:
        fine = numpy.random.default_rng(3).integers(0, 256, pixels.shape, numpy.uint16)
        return pixels.astype(numpy.uint16) * 256 + fine
    return pixels


@functools.lru_cache(maxsize=None)
def alpha(depth=8):
    """Clear at the left, then fading in; with a hole in what is solid."""
    row = numpy.linspace(-0.4, 1.4, WIDTH).clip(0, 1)
    shape = numpy.tile(row, (HEIGHT, 1))
    shape[70:90, 110:125] = 0
    return (shape * (2 ** depth - 1)).astype(numpy.uint16 if depth == 16 else numpy.uint8)


def gray(depth=8):
    pixels = scene(depth).astype(numpy.float64) @ (0.299, 0.587, 0.114)
    return pixels.round().astype(numpy.uint16 if depth == 16 else numpy.uint8)


def image(mode="RGB"):
    picture = Image.fromarray(scene())
    if mode.endswith("A"):
        picture = picture.convert(mode[:-1])
        picture.putalpha(Image.fromarray(alpha()))
        return picture
    return picture.quantize(64) if mode == "P" else picture.convert(mode)


def run(*command, source=None, suffix_in="", suffix_out=""):
    """The file that a program makes of another: "IN" and "OUT" among its arguments are their names."""
    with tempfile.TemporaryDirectory() as directory:
        before, after = pathlib.Path(directory, "in" + suffix_in), pathlib.Path(directory, "out" + suffix_out)
        before.write_bytes(source)
        names = {"IN": str(before), "OUT": str(after)}
        done = subprocess.run([names.get(word, word) for word in command], capture_output=True, timeout=120)
        assert done.returncode == 0, (command, done.stderr)
        return after.read_bytes()


# JPEG


def cjpeg(*settings, mode="RGB"):
    """By libjpeg-turbo's own program, which can what Pillow cannot."""
    return run("cjpeg", "-quality", "90", *settings, "-outfile", "OUT", "IN", source=encoded(image(mode), "PPM"))


def jpeg(mode="RGB", **settings):
    return encoded(image(mode), "JPEG", quality=90, **settings)


def ycck():
    """Inks of which three are told as YCbCr: nobody's encoder makes it of what Pillow has, so the mark is changed."""
    inks = numpy.asarray(image("CMYK"))
    # Stored inverted, and so seen as light by whoever turns YCbCr into colours.
    told = 255 - numpy.asarray(Image.fromarray(inks[:, :, :3]).convert("YCbCr"))
    mixed = Image.fromarray(numpy.dstack([told, inks[:, :, 3]]), "CMYK")
    data = bytearray(encoded(mixed, "JPEG", quality=95, subsampling=0))
    mark = data.index(b"Adobe") + 11
    assert data[mark] == 0
    data[mark] = 2
    return bytes(data)


def inks_as_they_are():
    """Without Adobe's mark 255 is full, and Pillow, which does not look for it, sees the opposite."""
    data = jpeg("CMYK")
    at = data.index(b"\xff\xee")
    data = data[:at] + data[at + 2 + struct.unpack(">H", data[at + 2:at + 4])[0]:]
    opened = Image.open(io.BytesIO(data))
    return Source(data, Image.fromarray(255 - numpy.asarray(opened), "CMYK"))


JPEG = {
    "jpeg-420": lambda: jpeg(subsampling=2),
    "jpeg-422": lambda: jpeg(subsampling=1),
    "jpeg-444": lambda: jpeg(subsampling=0),
    "jpeg-440": lambda: cjpeg("-sample", "1x2"),
    "jpeg-411": lambda: cjpeg("-sample", "4x1"),
    "jpeg-410": lambda: cjpeg("-sample", "4x2"),
    "jpeg-311": lambda: cjpeg("-sample", "3x1"),
    "jpeg-uneven": lambda: cjpeg("-sample", "2x2,2x1,1x2"),
    "jpeg-rgb": lambda: cjpeg("-rgb"),
    "jpeg-gray": lambda: jpeg("L"),
    "jpeg-cmyk": lambda: jpeg("CMYK"),
    "jpeg-cmyk-plain": inks_as_they_are,
    "jpeg-ycck": ycck,
    "jpeg-progressive": lambda: jpeg(progressive=True),
    "jpeg-progressive-gray": lambda: jpeg("L", progressive=True),
    "jpeg-progressive-cmyk": lambda: jpeg("CMYK", progressive=True),
    "jpeg-optimised": lambda: jpeg(optimize=True),
    "jpeg-restart": lambda: cjpeg("-restart", "3B"),
    "jpeg-restart-progressive": lambda: cjpeg("-restart", "1", "-progressive"),
    "jpeg-arithmetic": lambda: cjpeg("-arithmetic"),
    "jpeg-arithmetic-progressive": lambda: cjpeg("-arithmetic", "-progressive"),
}


# PNG

_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def _packed(samples, depth):
    """Rows of samples, as PNG stores them, each after the filter byte 0."""
    rows = samples.reshape(samples.shape[0], -1)
    if depth == 16:
        lines = [row.astype(">u2").tobytes() for row in rows]
    elif depth == 8:
        lines = [row.astype(numpy.uint8).tobytes() for row in rows]
    else:
        bits = (rows[:, :, None] >> numpy.arange(depth - 1, -1, -1) & 1).reshape(len(rows), -1)
        lines = [numpy.packbits(row).tobytes() for row in bits.astype(numpy.uint8)]
    return b"".join(b"\0" + line for line in lines)


def png(samples, colour, depth=8, interlaced=False, extra=b""):
    """Written here, as Pillow knows neither interlacing nor most depths."""
    samples = samples if samples.ndim == 3 else samples[:, :, None]
    if interlaced:
        parts = (samples[top::down, left::right] for left, top, right, down in _PASSES)
        data = b"".join(_packed(part, depth) for part in parts if part.size)
    else:
        data = _packed(samples, depth)
    head = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], depth, colour, 0, 0, interlaced)
    return (b"\x89PNG\r\n\x1a\n" + bombs.chunk(b"IHDR", head) + extra + bombs.chunk(b"IDAT", zlib.compress(data))
            + bombs.chunk(b"IEND", b""))


def png_of(colours, depth, with_alpha=False, interlaced=False):
    """Gray or coloured, with or without alpha; the truth with it."""
    pixels = scene(max(depth, 8)) if colours == 3 else gray(max(depth, 8))[:, :, None]
    if with_alpha:
        pixels = numpy.concatenate([pixels, alpha(depth)[:, :, None]], 2)
    stored = pixels >> 8 - depth if depth < 8 else pixels
    truth = (stored * (255 // (2 ** depth - 1))).astype(numpy.uint8) if depth < 8 else pixels
    colour = (2 if colours == 3 else 0) + (4 if with_alpha else 0)
    return Source(png(stored, colour, depth, interlaced), truth)


def png_of_palette(depth, interlaced=False, with_alpha=False):
    picture = image().quantize(2 ** depth)
    indices = numpy.asarray(picture)
    colours = numpy.array(picture.getpalette()[:3 << depth], numpy.uint8).reshape(-1, 3)
    clear = numpy.full(len(colours), 255, numpy.uint8)
    extra = bombs.chunk(b"PLTE", colours.tobytes())
    if with_alpha:
        clear[:len(clear) // 2] = numpy.linspace(0, 250, len(clear) // 2)
        extra += bombs.chunk(b"tRNS", clear[:len(clear) // 2].tobytes())
    truth = numpy.concatenate([colours, clear[:, None]], 1)[indices]
    return Source(png(indices, 3, depth, interlaced, extra), truth)


def png_of_key(colours):
    """One colour is transparent."""
    pixels = (scene() if colours == 3 else gray()[:, :, None]).copy()
    pixels[20:50, 30:90] = key = pixels[5, 5]
    clear = (pixels == key).all(2, keepdims=True)
    truth = numpy.concatenate([numpy.repeat(pixels, 3, 2) if colours == 1 else pixels,
                               numpy.where(clear, 0, 255).astype(numpy.uint8)], 2)
    extra = bombs.chunk(b"tRNS", key.astype(">u2").tobytes())
    return Source(png(pixels, 2 if colours == 3 else 0, extra=extra), truth)


def apng():
    """The still is another picture than the animation's."""
    frames = [Image.new("RGB", (WIDTH, HEIGHT), colour) for colour in ("red", "blue")]
    return Source(encoded(image(), "PNG", save_all=True, append_images=frames, default_image=True, duration=80), scene())


PNG = {
    **{f"png-gray{depth}": functools.partial(png_of, 1, depth) for depth in (1, 2, 4, 8, 16)},
    **{f"png-palette{depth}": functools.partial(png_of_palette, depth) for depth in (1, 2, 4, 8)},
    "png-rgb": lambda: png_of(3, 8),
    "png-rgb16": lambda: png_of(3, 16),
    "png-gray-alpha": lambda: png_of(1, 8, True),
    "png-gray-alpha16": lambda: png_of(1, 16, True),
    "png-rgba": lambda: png_of(3, 8, True),
    "png-rgba16": lambda: png_of(3, 16, True),
    "png-palette-alpha": lambda: png_of_palette(8, with_alpha=True),
    "png-gray-key": lambda: png_of_key(1),
    "png-rgb-key": lambda: png_of_key(3),
    "png-interlaced": lambda: png_of(3, 8, interlaced=True),
    "png-interlaced-gray2": lambda: png_of(1, 2, interlaced=True),
    "png-interlaced-rgba16": lambda: png_of(3, 16, True, interlaced=True),
    "png-interlaced-palette": lambda: png_of_palette(4, True, True),
    "png-animated": apng,
}


# WebP

WEBP = {
    "webp-lossy": lambda: encoded(image(), "WEBP", quality=90),
    "webp-lossless": lambda: encoded(image(), "WEBP", lossless=True),
    "webp-lossy-alpha": lambda: encoded(image("RGBA"), "WEBP", quality=90),
    "webp-lossless-alpha": lambda: encoded(image("RGBA"), "WEBP", lossless=True, exact=True),
}


# TIFF


def tiff(mode="RGB", compression="raw", **settings):
    return encoded(image(mode), "TIFF", compression=compression, **settings)


def tiffcp(*settings, source):
    return run("tiffcp", *settings, "IN", "OUT", source=source, suffix_in=".tif", suffix_out=".tif")


def tiff_of(samples, depth=8, extra=(), photometric=None):
    """One strip, uncompressed, little-endian."""
    samples = samples if samples.ndim == 3 else samples[:, :, None]
    height, width, count = samples.shape
    colours = 2 if count >= 3 else 1
    data = samples.astype("<u2" if depth == 16 else "u1").tobytes()
    return bombs.tiff([(256, 4, [width]), (257, 4, [height]), (258, 3, [depth] * count), (259, 3, [1]),
                       (262, 3, [colours if photometric is None else photometric]), (277, 3, [count]), (278, 4, [height]),
                       (273, 4, ["data"]), (279, 4, [len(data)]), *extra], data)


def tiff16():
    return tiff_of(scene(16), 16)


def with_alpha16():
    return numpy.concatenate([scene(16), alpha(16)[:, :, None]], 2)


def premultiplied():
    colours = (scene().astype(numpy.float64) * alpha()[:, :, None] / 255).round().astype(numpy.uint8)
    straight = (colours * 255.0 / numpy.maximum(alpha()[:, :, None], 1)).round().clip(0, 255).astype(numpy.uint8)
    return (tiff_of(numpy.concatenate([colours, alpha()[:, :, None]], 2), extra=[(338, 3, [1])]),
            numpy.concatenate([straight, alpha()[:, :, None]], 2))


def tiff_of_few_bits(depth):
    """Gray, several samples in a byte."""
    stored = gray() >> 8 - depth
    bits = (stored[:, :, None] >> numpy.arange(depth - 1, -1, -1) & 1).reshape(HEIGHT, -1).astype(numpy.uint8)
    data = numpy.packbits(bits, axis=1).tobytes()
    return Source(bombs.tiff([(256, 4, [WIDTH]), (257, 4, [HEIGHT]), (258, 3, [depth]), (259, 3, [1]), (262, 3, [1]),
                              (277, 3, [1]), (278, 4, [HEIGHT]), (273, 4, ["data"]), (279, 4, [len(data)])], data),
                  (stored * (255 // (2 ** depth - 1))).astype(numpy.uint8))


TIFF = {
    "tiff-raw": lambda: tiff(),
    "tiff-gray": lambda: tiff("L"),
    "tiff-palette": lambda: tiff("P", "packbits"),
    "tiff-rgba": lambda: tiff("RGBA", "tiff_lzw"),
    "tiff-cmyk": lambda: tiff("CMYK", "tiff_lzw"),
    **{f"tiff-{name}": functools.partial(tiff, compression=name) for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits")},
    "tiff-jpeg": lambda: tiff(compression="jpeg", quality=90),
    **{f"tiff-{name}": functools.partial(tiff, "1", name) for name in ("group3", "group4", "tiff_ccitt")},
    "tiff-bilevel": lambda: tiff("1"),
    "tiff-pages": lambda: tiff(save_all=True, append_images=[image().rotate(180)]),
    "tiff-white-is-0": lambda: Source(tiff_of(255 - gray(), photometric=0), gray()),
    "tiff-predicted": lambda: Source(tiffcp("-c", "lzw:2", source=tiff()), scene()),
    "tiff-tiles": lambda: Source(tiffcp("-t", "-w", "64", "-l", "32", source=tiff()), scene()),
    "tiff-tiles-deflated": lambda: Source(
        tiffcp("-t", "-w", "32", "-l", "48", "-c", "zip:2", source=tiff("RGBA")), rgba(image("RGBA"))),
    "tiff-tiles-jpeg": lambda: tiffcp("-t", "-w", "64", "-l", "64", "-c", "jpeg:r:90", source=tiff()),
    "tiff-tiles-separate": lambda: Source(
        tiffcp("-t", "-w", "64", "-l", "32", "-p", "separate", "-c", "lzw", source=tiff()), scene()),
    "tiff-separate": lambda: Source(tiffcp("-p", "separate", "-r", "7", source=tiff()), scene()),
    "tiff-strips": lambda: Source(tiffcp("-r", "5", "-c", "lzw", source=tiff()), scene()),
    "tiff-big-endian": lambda: Source(tiffcp("-B", "-c", "zip", source=tiff()), scene()),
    "tiff-bigtiff": lambda: Source(tiffcp("-8", "-c", "lzw", source=tiff()), scene()),
    "tiff-bigtiff-tiles": lambda: Source(tiffcp("-8", "-B", "-t", "-w", "64", "-l", "32", source=tiff()), scene()),
    "tiff-gray2": lambda: tiff_of_few_bits(2),
    "tiff-gray4": lambda: tiff_of_few_bits(4),
    "tiff-16": lambda: Source(tiff16(), scene(16)),
    "tiff-16-big-endian": lambda: Source(tiffcp("-B", source=tiff16()), scene(16)),
    "tiff-16-predicted": lambda: Source(tiffcp("-c", "lzw:2", source=tiff16()), scene(16)),
    "tiff-16-tiles": lambda: Source(tiffcp("-t", "-w", "32", "-l", "32", "-c", "zip", source=tiff16()), scene(16)),
    "tiff-16-gray": lambda: Source(tiff_of(gray(16), 16), gray(16)),
    "tiff-16-alpha": lambda: Source(tiff_of(with_alpha16(), 16, [(338, 3, [2])]), with_alpha16()),
    "tiff-premultiplied": lambda: Source(*premultiplied()),
}


# GIF and BMP


def clear_gif():
    picture = image("P")
    return encoded(picture, "GIF", transparency=numpy.asarray(picture)[60, 60])


def animated_gif():
    first = image("P")
    return encoded(first, "GIF", save_all=True, append_images=[first.rotate(90), first.rotate(180)], duration=80, loop=0)


GIF = {
    "gif": lambda: encoded(image("P"), "GIF", interlace=0),
    "gif-interlaced": lambda: encoded(image("P"), "GIF", interlace=1),
    "gif-gray": lambda: encoded(image("L"), "GIF"),
    "gif-transparent": clear_gif,
    "gif-animated": animated_gif,
}


def bmp_of_16_bits():
    """Five, six and five bits, by masks."""
    pixels = scene().astype(numpy.uint32)
    red, green, blue = pixels[:, :, 0] >> 3, pixels[:, :, 1] >> 2, pixels[:, :, 2] >> 3
    words = numpy.pad((red << 11 | green << 5 | blue).astype("<u2"), ((0, 0), (0, WIDTH % 2)))[::-1]
    head = struct.pack("<IiiHHIIiiIIIII", 52, WIDTH, HEIGHT, 1, 16, 3, 0, 0, 0, 0, 0, 0xF800, 0x7E0, 0x1F)
    data = b"BM" + struct.pack("<IHHI", 66 + words.nbytes, 0, 0, 66) + head + words.tobytes()
    truth = numpy.stack([red * 255 / 31, green * 255 / 63, blue * 255 / 31], 2)
    return Source(data, (truth + 0.5).astype(numpy.uint8))


def _bmp_table(picture):
    """Blue, green, red and nothing, of every colour of a palette."""
    colours = numpy.array(picture.getpalette(), numpy.uint8).reshape(-1, 3)
    table = numpy.zeros((len(colours), 4), numpy.uint8)
    table[:, :3] = colours[:, ::-1]
    return table


def _runs(row):
    """Length and value of each run of up to 255."""
    at = 0
    while at < len(row):
        end = at + 1
        while end < len(row) and row[end] == row[at] and end - at < 255:
            end += 1
        yield end - at, int(row[at])
        at = end


def _nibbles(row):
    return bytes(int(high) << 4 | int(low) for high, low in zip(row[::2], [*row[1::2], 0]))


def bmp_of_runs(depth):
    """By run lengths; rows of literal pixels and of runs in turn."""
    picture = image().quantize(2 ** depth)
    data = b""
    for number, row in enumerate(numpy.asarray(picture)[::-1]):
        if number % 2:
            packed = row.tobytes() if depth == 8 else _nibbles(row)
            data += b"\0" + bytes([len(row)]) + packed + b"\0" * (len(packed) % 2)
        else:
            data += b"".join(bytes([length, value if depth == 8 else value * 17]) for length, value in _runs(row))
        data += b"\0\0"
    compression = 1 if depth == 8 else 2
    table = numpy.zeros((2 ** depth, 4), numpy.uint8)
    table[:len(_bmp_table(picture))] = _bmp_table(picture)[:2 ** depth]
    return Source(bombs.bmp(WIDTH, HEIGHT, depth, compression, data + b"\0\1", table.tobytes()), rgba(picture))


def bmp_of_4_bits():
    picture = image().quantize(16)
    rows = b"".join(_nibbles(row).ljust(-(-WIDTH // 8) * 4, b"\0") for row in numpy.asarray(picture)[::-1])
    return Source(bombs.bmp(WIDTH, HEIGHT, 4, 0, rows, _bmp_table(picture)[:16].tobytes()), rgba(picture))


def bmp_from_the_top():
    rows = b"".join(row[:, ::-1].tobytes().ljust(-(-WIDTH * 3 // 4) * 4, b"\0") for row in scene())
    return Source(bombs.bmp(WIDTH, -HEIGHT, 24, 0, rows), scene())


def bmp_of_os2():
    """The oldest header, with three bytes to a colour."""
    picture = image().quantize(256)
    table = numpy.zeros((256, 3), numpy.uint8)
    table[:len(_bmp_table(picture))] = _bmp_table(picture)[:, :3]
    rows = b"".join(row.tobytes().ljust(-(-WIDTH // 4) * 4, b"\0") for row in numpy.asarray(picture)[::-1])
    head = struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, 8)
    start = 14 + len(head) + table.nbytes
    return Source(b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + head + table.tobytes() + rows, rgba(picture))


BMP = {
    "bmp": lambda: encoded(image(), "BMP"),
    "bmp-32": lambda: encoded(image("RGBA"), "BMP"),
    "bmp-gray": lambda: encoded(image("L"), "BMP"),
    "bmp-palette": lambda: encoded(image("P"), "BMP"),
    "bmp-bilevel": lambda: encoded(image("1"), "BMP"),
    "bmp-16": bmp_of_16_bits,
    "bmp-runs": lambda: bmp_of_runs(8),
    "bmp-runs-of-4": lambda: bmp_of_runs(4),
    "bmp-4": bmp_of_4_bits,
    "bmp-from-the-top": bmp_from_the_top,
    "bmp-os2": bmp_of_os2,
}


# AVIF


def avif(*settings, mode="RGB", picture=None):
    """By libavif's own program: Pillow makes none."""
    return run("avifenc", "--speed", "8", "--min", "5", "--max", "15", *settings, "IN", "OUT",
               source=encoded(picture or image(mode), "PNG"), suffix_in=".png", suffix_out=".avif")


def avif_sequence():
    """Two pictures that follow each other; the program takes files only."""
    with tempfile.TemporaryDirectory() as directory:
        names = [f"{directory}/{number}.png" for number in range(2)]
        for name, picture in zip(names, (image(), image().rotate(180))):
            picture.save(name)
        subprocess.run(["avifenc", "--speed", "8", "--min", "5", "--max", "15", *names, f"{directory}/out.avif"], check=True,
                       capture_output=True, timeout=120)
        return pathlib.Path(directory, "out.avif").read_bytes()


def avif_decoded(data):
    """By its other one, turned as the file says."""
    return decoded_png(run("avifdec", "--depth", "8", "--png-compress", "0", "IN", "OUT", source=data, suffix_in=".avif",
                           suffix_out=".png"))


def decoded_png(data):
    return rgba(pictures.decoded(data, "RGBA"))


AVIF = {
    "avif-420": lambda: avif("--yuv", "420"),
    "avif-422": lambda: avif("--yuv", "422"),
    "avif-444": lambda: avif("--yuv", "444"),
    "avif-gray": lambda: avif("--yuv", "400"),
    "avif-limited": lambda: avif("--yuv", "420", "--range", "limited"),
    "avif-lossless": lambda: avif("--lossless"),
    "avif-alpha": lambda: avif("--yuv", "420", mode="RGBA"),
    "avif-premultiplied": lambda: avif("--yuv", "444", "--premultiply", mode="RGBA"),
    "avif-10": lambda: avif("--yuv", "420", "--depth", "10"),
    "avif-10-alpha": lambda: avif("--yuv", "444", "--depth", "10", mode="RGBA"),
    "avif-12": lambda: avif("--yuv", "444", "--depth", "12"),
    "avif-sequence": avif_sequence,
    "avif-named-later": lambda: avif("--yuv", "420").replace(b"ftypavif", b"ftypmif1", 1),
}

KINDS = {**JPEG, **PNG, **WEBP, **TIFF, **GIF, **BMP, **AVIF}


@functools.lru_cache(maxsize=None)
def source(name):
    made = KINDS[name]()
    if isinstance(made, Source):
        return made
    if name in AVIF:
        return Source(made, avif_decoded(made))
    opened = Image.open(io.BytesIO(made))
    opened.load()
    return Source(made, opened)


def form(name):
    return name.split("-")[0]
