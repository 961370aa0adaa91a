# SPDX-License-Identifier: Apache-2.0
"""Pictures made on the spot, and ways to compare them."""

import functools
import io
import struct
import zlib

import numpy
from PIL import Image


@functools.lru_cache(maxsize=None)
def scene(width=1600, height=1067):
    """RGB pixels with what a photograph has: soft gradients, hard edges, texture and noise; no two corners alike."""
    y, x = numpy.mgrid[0:height, 0:width].astype(numpy.float32)
    x, y = x / width, y / height
    red = 60 + 150 * x + 40 * numpy.sin(9 * y + 4 * x)
    green = 50 + 140 * y + 35 * numpy.sin(11 * x)
    blue = 180 - 120 * x * y + 30 * numpy.cos(7 * (x + y))
    pixels = numpy.stack([red, green, blue], axis=2)
    # A fan of edges, a disc, and a fine pattern in one corner.
    pixels[((x * 30 + y * 7).astype(int) % 5 == 0) & (y > 0.6)] *= 0.55
    pixels[(x - 0.3) ** 2 + (y - 0.35) ** 2 < 0.02] = (225, 190, 60)
    pixels[(x > 0.8) & (y < 0.2)] += 40 * numpy.sin(200 * x[(x > 0.8) & (y < 0.2)])[:, None]
    pixels += numpy.random.default_rng(7).normal(0, 5, pixels.shape)
    return pixels.clip(0, 255).astype(numpy.uint8)


def encoded(image, form, **settings):
    out = io.BytesIO()
    image.save(out, form, **settings)
    return out.getvalue()


@functools.lru_cache(maxsize=None)
def jpeg(width=1600, height=1067, mode="RGB", quality=90, progressive=False, subsampling=2, orientation=0, extras=False):
    """A JPEG file of `scene`.

    orientation: an EXIF mark; the pixels are *not* turned, so 6 is a picture that has to be turned when it is shown.
    extras: EXIF with a position, an ICC profile, a comment.
    """
    image = Image.fromarray(scene(width, height)).convert(mode)
    settings = dict(quality=quality, progressive=progressive)
    if mode != "L":
        settings["subsampling"] = subsampling
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    if extras:
        from PIL import ImageCms

        exif[0x010F] = "Secret Camera Works"
        exif[0x8825] = {1: "N", 2: (48.0, 8.0, 13.0), 3: "E", 4: (11.0, 34.0, 31.0)}
        settings["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        settings["comment"] = b"a secret comment"
    if orientation or extras:
        settings["exif"] = exif.tobytes()
    return encoded(image, "JPEG", **settings)


@functools.lru_cache(maxsize=None)
def png(width=600, height=400, mode="RGB"):
    """A PNG file of `scene`; with alpha, the left half is transparent and the rest fades in."""
    image = Image.fromarray(scene(width, height))
    if mode in ("RGBA", "LA"):
        alpha = numpy.zeros((height, width), numpy.uint8)
        alpha[:, width // 2:] = numpy.linspace(0, 255, width - width // 2).astype(numpy.uint8)
        image = image.convert(mode[:-1])
        image.putalpha(Image.fromarray(alpha))
    elif mode == "P":
        image = image.quantize(64)
    else:
        image = image.convert(mode)
    return encoded(image, "PNG")


def flat(width, height, seed=0):
    """A small JPEG of smooth colour that differs by seed."""
    y, x = numpy.mgrid[0:height, 0:width].astype(numpy.float32)
    pixels = numpy.stack([x / width * 200 + seed % 50, y / height * 200, 0 * x + seed * 37 % 255], axis=2)
    return encoded(Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8)), "JPEG", quality=90)


def png_header(width, height):
    """A PNG file that declares a size, and holds next to nothing."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"\0" * 4096)) + chunk(b"IEND", b""))


def jpeg_header(width, height):
    """A JPEG file whose frame header declares another size than it has."""
    data = bytearray(flat(64, 64))
    at = data.index(b"\xff\xc0")
    data[at + 5:at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def decoded(data, mode="RGB"):
    """Pixels, after a complete decode by another library."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image.convert(mode)


def psnr(first, second):
    """Peak signal-to-noise ratio of two pictures of one size, in decibels."""
    assert first.size == second.size, f"{first.size} is not {second.size}"
    difference = numpy.asarray(first, numpy.float64) - numpy.asarray(second, numpy.float64)
    error = numpy.mean(difference ** 2)
    return 99.0 if error == 0 else 10 * numpy.log10(255 ** 2 / error)


def likeness(image, expected):
    """As `psnr`; what JPEG at quality 95 does to any picture of that size does not count."""
    mode = "L" if image.mode == "L" else "RGB"
    stored = decoded(encoded(expected.convert(mode), "JPEG", quality=95), image.mode)
    return max(psnr(image, expected), psnr(image, stored))


def quality_of(data):
    """Sum of the luminance quantisation table: less is better quality."""
    return sum(Image.open(io.BytesIO(data)).quantization[0])
