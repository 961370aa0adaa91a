# SPDX-License-Identifier: Apache-2.0
"""The eight ways a camera can be held, in every format that says so: the same picture comes out."""

import io

import numpy
import pytest
from PIL import Image, ImageOps

import pictures
import reference
import sources
from pictures import encoded

#: Whole blocks, so that JPEG has the same ones whichever way they are turned.
WIDTH, HEIGHT = 144, 112
#: Steps of 255: nothing is lost, but by the two passes of a resampler, which take turns with the sides.
EXACT, RESIZED = 0, 2
#: Steps of 255 on the average between a JPEG file and what went into it.
JPEG = 2

#: What is done to the stored picture to show it, by EXIF's numbers.
SHOWN = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: numpy.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: numpy.rot90(p),
}
#: AVIF's own words for the same: quarters turned counter-clockwise, then mirrored: 0 top to bottom, 1 left to right.
TURNS = {1: (0, None), 2: (0, 1), 3: (2, None), 4: (0, 0), 5: (1, 0), 6: (3, None), 7: (1, 1), 8: (1, None)}


def upright():
    return pictures.scene(WIDTH, HEIGHT)


def stored(orientation):
    """The pixels that have to be turned that way to be upright: the other ways are tried for the one that undoes it."""
    wanted = upright()
    for undo in SHOWN.values():
        pixels = undo(wanted)
        shown = SHOWN[orientation](pixels)
        if shown.shape == wanted.shape and (shown == wanted).all():
            return Image.fromarray(numpy.ascontiguousarray(pixels))
    raise AssertionError(orientation)


def exif(orientation):
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


def jpeg(orientation):
    return encoded(stored(orientation), "JPEG", quality=97, subsampling=0, exif=exif(orientation))


def png(orientation):
    return encoded(stored(orientation), "PNG", exif=exif(orientation))


def webp(orientation):
    return encoded(stored(orientation), "WEBP", lossless=True, exif=exif(orientation))


def tiff(orientation):
    return encoded(stored(orientation), "TIFF", tiffinfo={0x0112: orientation})


def tiles(orientation):
    return sources.tiffcp("-t", "-w", "32", "-l", "16", "-c", "lzw", source=tiff(orientation))


def avif(orientation):
    turns, mirror = TURNS[orientation]
    settings = ["--lossless", *(["--irot", str(turns)] if turns else [])]
    if mirror is not None:
        settings += ["--imir", str(mirror)]
    return sources.avif(*settings, picture=stored(orientation))


FORMATS = {"jpeg": jpeg, "png": png, "webp": webp, "tiff": tiff, "tiff in tiles": tiles, "avif": avif}

TRANSFORMS = {
    "r360": (lambda p: p, EXACT),
    "60x": (lambda p: reference.resized(p, 60, 47), RESIZED),
    "50x50": (lambda p: reference.resized(reference.cut(p, 16, 0, 112, 112), 50, 50), RESIZED),
    "cx5,cy9,cw40,ch30": (lambda p: reference.cut(p, 5, 9, 40, 30), EXACT),
    "cx-50,cw40,ch30,r90,fh": (lambda p: numpy.rot90(reference.cut(p, WIDTH - 50, 0, 40, 30))[:, ::-1], EXACT),
}


@pytest.mark.parametrize("orientation", SHOWN)
@pytest.mark.parametrize("form", FORMATS)
def test_the_same_picture_comes_out(shared_front, shared_origin, form, orientation):
    data = FORMATS[form](orientation)
    url = shared_origin.serve(f"/held-{form.replace(' ', '-')}-{orientation}", data)
    whole = upright()
    if form == "jpeg":
        # It has lost a little, differently each way.
        whole = numpy.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
        assert numpy.abs(whole.astype(int) - upright()).mean() < JPEG
    for options, (transform, tolerance) in TRANSFORMS.items():
        made = sources.rgba(shared_front.picture(f"/{options},png/{url}", "RGBA"))
        difference = reference.difference(made, transform(sources.rgba(whole)))
        assert difference <= tolerance, (options, difference)


@pytest.mark.parametrize("form", ["png", "webp"])
@pytest.mark.parametrize("mark", [0, 9, 65535])
def test_a_mark_that_means_nothing_turns_nothing(shared_front, shared_origin, form, mark):
    settings = {"lossless": True} if form == "webp" else {}
    data = encoded(Image.fromarray(upright()), form.upper(), exif=exif(mark), **settings)
    made = shared_front.picture(f"/r360,png/{shared_origin.serve(f'/mark{mark}.{form}', data)}")
    assert (numpy.asarray(made) == upright()).all()
