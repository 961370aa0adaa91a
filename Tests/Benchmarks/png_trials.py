#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bytes and CPU time of a PNG with other choices of filters, and with a palette: what decision 34 rests on.

    Tests/Benchmarks/png_trials.py [--width N] PICTURE…

Rows are filtered by numpy and compressed by libdeflate, as the service's own writer does with what is
no noise; only the compressor is timed.
"""

import argparse
import ctypes
import ctypes.util
import pathlib
import time

import numpy
from PIL import Image

LEVEL = 6  # the service's
PALETTE_CHUNKS = 3 * 256 + 12


class Deflater:
    def __init__(self):
        self.library = ctypes.CDLL(ctypes.util.find_library("deflate"))
        self.library.libdeflate_alloc_compressor.restype = ctypes.c_void_p
        self.library.libdeflate_zlib_compress.restype = ctypes.c_size_t
        self.library.libdeflate_zlib_compress.argtypes = [
            ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
        self.compressor = self.library.libdeflate_alloc_compressor(LEVEL)

    def __call__(self, data):
        """Bytes, and milliseconds of CPU time."""
        room = ctypes.create_string_buffer(len(data) + len(data) // 8 + 1024)
        before = time.process_time()
        size = self.library.libdeflate_zlib_compress(self.compressor, data, len(data), room, len(room))
        return size, (time.process_time() - before) * 1e3


def residuals(pixels):
    """Of each of the five filters, in PNG's order: rows × bytes."""
    height, width, channels = pixels.shape
    padded = numpy.zeros((height + 1, width + 1, channels), numpy.int16)
    padded[1:, 1:] = pixels
    x, a, b, c = padded[1:, 1:], padded[1:, :-1], padded[:-1, 1:], padded[:-1, :-1]
    pa, pb, pc = abs(b - c), abs(a - c), abs(a + b - 2 * c)
    paeth = numpy.where((pa <= pb) & (pa <= pc), a, numpy.where(pb <= pc, b, c))
    return [(x - guess).astype(numpy.uint8).reshape(height, -1) for guess in (0 * x, a, b, (a + b) // 2, paeth)]


def joined(rows_by_filter, chosen):
    return b"".join(bytes([f]) + rows_by_filter[f][y].tobytes() for y, f in enumerate(chosen))


def entropy(rows):
    """Bits of each row, if its bytes were coded one by one."""
    bits = []
    for row in rows:
        shares = numpy.bincount(row, minlength=256) / len(row)
        shares = shares[shares > 0]
        bits.append(-(shares * numpy.log2(shares)).sum() * len(row))
    return numpy.array(bits)


def trials(pixels, deflate):
    rows = residuals(pixels)
    height = pixels.shape[0]
    magnitude = numpy.array([abs(row.view(numpy.int8).astype(int)).sum(axis=1) for row in rows])
    yield "least sum of magnitudes (ours)", deflate(joined(rows, magnitude.argmin(axis=0)))
    yield "least entropy", deflate(joined(rows, numpy.array([entropy(row) for row in rows]).argmin(axis=0)))
    whole = [deflate(joined(rows, [f] * height)) for f in range(5)]
    yield "none", whole[0]
    yield "Paeth alone", whole[4]
    yield "the best of one for all rows", (min(size for size, _ in whole), sum(time for _, time in whole))


def palette(image, deflate):
    """With 256 colours: bytes, milliseconds of compression, PSNR."""
    indices = image.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT)
    data = b"".join(b"\0" + row.tobytes() for row in numpy.asarray(indices))
    size, spent = deflate(data)
    error = numpy.asarray(indices.convert("RGB"), float) - numpy.asarray(image.convert("RGB"), float)
    return size + PALETTE_CHUNKS, spent, 10 * numpy.log10(255 ** 2 / max(1e-9, (error ** 2).mean()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=500)
    parser.add_argument("pictures", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    deflate = Deflater()
    for path in arguments.pictures:
        image = Image.open(path)
        image = image.convert("RGBA" if image.mode in ("RGBA", "P", "LA") else "RGB")
        width = min(arguments.width, image.width)
        image = image.resize((width, round(image.height * width / image.width)), Image.LANCZOS)
        print(f"{path.name} {image.width}x{image.height}")
        for name, (size, spent) in trials(numpy.asarray(image), deflate):
            print(f"  {name:32}{size:10,} bytes {spent:8.1f} ms")
        size, spent, quality = palette(image, deflate)
        print(f"  {'256 colours':32}{size:10,} bytes {spent:8.1f} ms {quality:6.1f} dB")


if __name__ == "__main__":
    main()
