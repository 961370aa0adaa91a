#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes seeds for one harness into a directory: seeds.py HARNESS DIRECTORY

Inputs that once broke something are files under Corpus; what can be made is made here, so that the tree stays small. A
harness without seeds of its own starts from its corpus alone.
"""

import functools
import hashlib
import io
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "SystemTests"))


def request_heads():
    host = "Host: a\r\n"
    for line in ("GET / HTTP/1.1", "HEAD /200x/http://a.test/b.jpg?c HTTP/1.0", "OPTIONS * HTTP/1.1",
                 "GET http://host/a HTTP/1.1", "POST / HTTP/2.0"):
        for fields in ("", host, host + "Connection: close, x\r\n", host + "Content-Length: 12\r\n",
                       host + "Transfer-Encoding: chunked\r\n", host + "If-None-Match: \"a\", W/\"b\"\r\nAccept: */*\r\n",
                       host + " folded\r\n", host + host):
            yield f"{line}\r\n{fields}\r\n".encode()
    yield b"\r\nGET / HTTP/1.1\nHost: a\n\n"


def request_urls():
    for row in json.loads((ROOT / "Fixtures/vectors/requests.json").read_text()):
        yield f"{row['base_url']}\n{row['request_target']}".encode()
    for row in json.loads((ROOT / "Fixtures/vectors/options.json").read_text()):
        yield f"\n/{row['input']}/http://example.com/a.jpg".encode()


def hosts():
    for row in json.loads((ROOT / "Fixtures/vectors/hosts.json").read_text()):
        host = row["url"].split("//")[-1].split("/")[0]
        yield f"{','.join(row['hosts'])}\n{host}".encode()
    lists = ["a.test, *.b.test,10.0.0.0/8", "::1,2001:db8::/32,[fe80::1]", "Bücher.example.,127.1", "0.0.0.0/0,::/0",
             "::ffff:10.0.0.0/104,*.xn--bcher-kva.example"]
    spelt = ["A.Test.", "x.b.test:81", "10.1.2.3", "0x0a.1", "012.1.1", "167772161", "[::ffff:10.0.0.1]", "[0:0::1]",
             "%31%30.0.0.1", "①⓪.0.0.1", "bücher.example", "b。test", "user:pass@a.test", "[fe80::1%25lo]", "a..test", "a.test.."]
    for items in lists:
        for host in spelt:
            yield f"{items}\n{host}".encode()


def frames():
    def frame(kind, body):
        return struct.pack("<4sBBH", b"IPW1", kind, 4, 8 + len(body)) + body

    nonce = bytes(range(16))
    yield frame(1, struct.pack("<IHH11I", 63, 6, 6, *range(11)))
    for form in (0, 1, 2):
        yield frame(2, nonce + struct.pack("<IQQQHH6dqq4sIQ4sH", 20000, 10**8, 5 * 10**7, 1 << 26, 63, form, 500, .5, -1, 0, 0,
                                          0, -90, 80, b"\x07\x03", 9, 10**6, b"\1\2\3\1", 8))
    yield frame(3, nonce + struct.pack("<HHIIQ5I", 0, 1, 500, 333, 70000, 1, 2, 3, 4, 5))
    yield frame(3, nonce + struct.pack("<HHIIQ5I", 2, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    for end in ((1, 0), (2, 11), (3, 0), (4, 0)):
        yield frame(4, struct.pack("<HHQI", *end, 5000, 20000))


def response_heads():
    for status in ("200 OK", "304 Not Modified", "302 Found", "404 Not Found", "100 Continue"):
        for fields in ("Content-Type: image/jpeg\r\nContent-Length: 5\r\n", "Transfer-Encoding: chunked\r\n",
                       "Cache-Control: max-age=5, private\r\nETag: \"a\"\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
                       "Location: //a/b\r\nContent-Encoding: gzip\r\n", " folded\r\nX : y\r\n"):
            yield f"HTTP/1.1 {status}\r\n{fields}\r\n".encode()


def cache_entries():
    def message(fields, body=b"\xff\xd8\xff\xe0" + bytes(40)):
        head = (f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nContent-Type: image/jpeg\r\nCache-Control: max-age=60\r\n"
                f"Date: Tue, 14 Nov 2023 22:13:20 GMT\r\nETag: \"a\"\r\n{fields}").encode()
        return head, body

    def ours(fields, **more):
        head, body = message(fields + "X-Imageproxy-Key: https://example.com/a.jpg#500x0\r\nX-Imageproxy-Generated: 1700000000\r\n",
                             **more)
        head += b"X-Imageproxy-Body: " + hashlib.sha256(body).hexdigest().encode() + b"\r\n"
        return head + b"X-Imageproxy-Seal: sha-256=" + hashlib.sha256(head).hexdigest().encode() + b"\r\n\r\n" + body

    # The first byte says whether the harness makes the seal right.
    for flag in (b"0", b"1"):
        yield flag + ours("")
        yield flag + ours(f"X-Imageproxy-Source: {'a1' * 32}\r\nX-Imageproxy-Tag: \"t\"\r\nX-Imageproxy-Fetched-From: https://b/\r\n")
        yield flag + ours("Vary: Foo, Bar\r\nX-Imageproxy-Varies-By: bar,foo\r\n", body=b"")
        yield flag + ours("Vary: Foo\r\nX-Imageproxy-Selection: foo 00\r\n")
        yield flag + b"\r\n".join(message("Vary: Accept\r\nX-From-Cache: 1\r\nX-Varied-Accept: image/*\r\n"))


def exif(orientation):
    from PIL import Image

    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


def pictures():
    """Small pictures of every kind: what a decoder does with them is the same as with large ones."""
    from PIL import Image, ImageCms

    picture = Image.effect_mandelbrot((40, 28), (-2, -1.5, 1, 1.5), 60)

    def saved(image, form, **settings):
        out = io.BytesIO()
        image.save(out, form, **settings)
        return out.getvalue()

    for mode in ("L", "RGB", "CMYK"):
        for progressive in (False, True):
            for subsampling in (0, 1, 2):
                yield saved(picture.convert(mode), "JPEG", progressive=progressive, subsampling=subsampling, quality=60)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    yield saved(picture.convert("RGB"), "JPEG", exif=exif(6), icc_profile=profile)
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I"):
        yield saved(picture.convert(mode), "PNG")
    yield saved(picture.convert("RGBA"), "PNG", exif=exif(7), icc_profile=profile)
    for form in ("GIF", "BMP", "TIFF", "WEBP"):
        for mode in ("L", "RGB", "P", "RGBA"):
            yield saved(picture.convert(mode), form)
    yield saved(picture.convert("RGBA"), "WEBP", lossless=True, exif=exif(6), icc_profile=profile)
    yield saved(picture.convert("P"), "GIF", interlace=1)
    for mode, compressions in (("1", ("group3", "group4", "packbits")), ("RGB", ("tiff_lzw", "tiff_adobe_deflate", "jpeg")),
                               ("CMYK", ("tiff_lzw", "jpeg")), ("P", ("packbits",)), ("L", ("jpeg",))):
        for compression in compressions:
            yield saved(picture.convert(mode), "TIFF", compression=compression, tiffinfo={0x0112: 8})
    steps = [picture.convert("RGBA").rotate(angle) for angle in (0, 40, 80, 120)]
    for disposal in (1, 2, 3):
        yield saved(steps[0], "GIF", save_all=True, append_images=steps[1:], disposal=disposal, duration=50, loop=2)
    yield saved(steps[0], "WEBP", save_all=True, append_images=steps[1:], duration=50)
    yield from avifs(picture)
    # Colours that are converted, and what Pillow does not write: see the tests' own sources.
    import profiles

    yield saved(picture.convert("RGB"), "PNG", icc_profile=profiles.wide())
    yield saved(picture.convert("RGB"), "JPEG", icc_profile=profiles.wide())
    yield saved(picture.convert("L"), "PNG", icc_profile=profiles.gray())
    for form in ("JPEG", "TIFF"):
        yield saved(picture.convert("CMYK"), form, icc_profile=profiles.ink())
    yield from rare(picture)


def rare(picture):
    """Arithmetic coding, sampling and restart markers; tiles, planes and deep samples; interlacing and keys."""
    import numpy
    import sources
    from bombs import chunk

    def made(*command, source, suffix):
        return sources.run(*command, source=source, suffix_in=suffix, suffix_out=suffix)

    pixmap, sheet = io.BytesIO(), io.BytesIO()
    picture.convert("RGB").save(pixmap, "PPM")
    picture.convert("RGB").save(sheet, "TIFF")
    for settings in (("-arithmetic",), ("-arithmetic", "-progressive"), ("-sample", "4x1"), ("-sample", "4x2"),
                     ("-sample", "1x2"), ("-rgb",), ("-restart", "2B"), ("-restart", "1", "-progressive")):
        yield made("cjpeg", *settings, "-outfile", "OUT", "IN", source=pixmap.getvalue(), suffix=".ppm")
    for settings in (("-t", "-w", "16", "-l", "16"), ("-t", "-w", "16", "-l", "16", "-c", "jpeg"), ("-p", "separate"),
                     ("-B", "-c", "lzw:2"), ("-r", "3", "-c", "zip")):
        yield made("tiffcp", *settings, "IN", "OUT", source=sheet.getvalue(), suffix=".tif")
    colours = numpy.asarray(picture.convert("RGB"))
    deep = colours.astype(numpy.uint16) * 257
    yield sources.tiff_of(deep, 16)
    for samples, depth in ((colours, 8), (deep, 16)):
        for interlaced in (False, True):
            yield sources.png(samples, 2, depth, interlaced)
    # Most colours are none of those that are transparent.
    yield sources.png(colours, 2, extra=chunk(b"tRNS", colours[0, 0].astype(">u2").tobytes()))
    yield sources.png(colours[:, :, 0], 0, extra=chunk(b"tRNS", colours[0, 0, 0].astype(">u2").tobytes()))


def avifs(picture):
    """By libavif's own program: Pillow makes none."""
    with tempfile.TemporaryDirectory() as directory:
        source, result = f"{directory}/a.png", f"{directory}/a.avif"
        for mode in ("RGB", "RGBA"):
            picture.convert(mode).save(source)
            for settings in (("--yuv", "420"), ("--yuv", "444", "--depth", "10"), ("--yuv", "400", "--irot", "1"),
                             ("--lossless",), ("--irot", "3", "--imir", "0"), ("--clap", "20,1,20,1,0,1,0,1")):
                subprocess.run(["avifenc", "--speed", "10", *settings, source, result], check=True, capture_output=True)
                yield pathlib.Path(result).read_bytes()
        # More rows than are converted at a time.
        picture.convert("RGB").resize((24, 160)).save(source)
        subprocess.run(["avifenc", "--speed", "10", source, result], check=True, capture_output=True)
        yield pathlib.Path(result).read_bytes()


def images():
    """The harness takes its options from the first bytes."""
    some = [
        bytes((64, 0, 0, 0, 0, 0, 0, 80, 0, 0)),     # half the width
        bytes((140, 150, 0, 0, 0, 0, 1, 80, 2, 1)),  # to fill a box, turned, as PNG
        bytes((0, 0, 9, 5, 101, 91, 14, 0, 3, 0)),   # a part, flipped, as WebP
        bytes((16, 16, 0, 0, 0, 0, 48, 0, 4, 0)),    # fitted and trimmed, as GIF
        bytes((133, 133, 0, 0, 0, 0, 64, 0, 0, 2)),  # cropped smartly, as what it is
        bytes((135, 132, 0, 0, 0, 0, 192, 0, 0, 16)),  # the same on a colour, as WebP if a client would have it
        bytes((0, 0, 0, 0, 0, 0, 1, 0, 0, 12)),      # turned without being decoded, where that is possible
    ]
    for number, picture in enumerate(pictures()):
        yield some[number % len(some)] + picture


#: How the files of a format begin; of AVIF the brand is looked at, which follows a length.
MAGIC = {"JPEG": b"\xff\xd8", "PNG": b"\x89PNG", "WebP": b"RIFF", "GIF": b"GIF8", "TIFF": (b"II", b"MM"), "BMP": b"BM"}


def files(form):
    for picture in pictures():
        if picture[4:8] == b"ftyp" if form == "AVIF" else picture.startswith(MAGIC[form]):
            yield picture


def jpegs():
    """Each in several ways: the byte behind a picture's end chooses what is made of it."""
    for picture in files("JPEG"):
        yield from (picture + bytes([choice]) for choice in (0x00, 0x25, 0x4B, 0xFF))


def colour_profiles():
    from PIL import ImageCms
    import profiles

    for name in ("sRGB", "LAB", "XYZ"):
        yield ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()
    yield from (profiles.wide(), profiles.gray(), profiles.ink())


def headers():
    """Files, and the blocks in them that are read by themselves."""
    yield from pictures()
    for orientation in (1, 6, 9):
        yield exif(orientation)
        yield exif(orientation)[6:]
    yield from colour_profiles()


SEEDS = {
    "FuzzRequestHead": request_heads, "FuzzRequestURL": request_urls, "FuzzHosts": hosts,
    "FuzzWorkerProtocol": frames, "FuzzResponseHead": response_heads, "FuzzCacheEntry": cache_entries,
    "FuzzImage": images, "FuzzHeader": headers, "JPEGShortcuts": functools.partial(files, "JPEG"),
    "DecodeJPEG": jpegs, "ConvertColours": colour_profiles,
    **{f"Decode{form}": functools.partial(files, form) for form in ("PNG", "WebP", "GIF", "TIFF", "BMP", "AVIF")},
}


def main():
    harness, directory = sys.argv[1], pathlib.Path(sys.argv[2])
    directory.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS.get(harness, list)()):
        (directory / f"seed-{number:03}").write_bytes(seed)


if __name__ == "__main__":
    main()
