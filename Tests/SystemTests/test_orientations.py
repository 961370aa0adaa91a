# SPDX-License-Identifier: Apache-2.0
"""The eight ways a camera can be held, in every format that says so: the same picture comes out."""

import functools
import io
import subprocess

import numpy
import pytest
from PIL import Image, ImageDraw, ImageOps

import pictures
import reference
import sources
from pictures import encoded

#: Whole blocks, so that JPEG has the same ones whichever way they are turned.
WIDTH, HEIGHT = 144, 112
#: Steps of 255 from plain arithmetic: each of the two passes rounds, in fixed point here; where black and white take
#: turns one step of the first is two in the end.
EXACT, RESIZED = 0, 2
#: Steps of 255 on the average between a JPEG file and what went into it.
JPEG = 2

#: Steps of 255 between JPEG files of the same coefficients, at most and on the average, of which one is mirrored (an
#: inverse DCT rounds halves up, and what makes chroma as large as luma rounds to the right and to the left by turns) or
#: on its side (the DCT goes down first, and rounds before it goes across).
MIRRORED, ON_ITS_SIDE = (3, 0.3), (3, 0.4)
#: The same in planes, of what is then coded as JPEG at full quality.
MIRRORED_PLANES, PLANES_ON_THEIR_SIDE = (1, 0.002), (3, 0.2)

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


@functools.lru_cache(maxsize=None)
def upright(has_alpha=False):
    """A scene with edges that are as hard as they can be: only there it shows which side is resampled first."""
    pixels = pictures.scene(WIDTH, HEIGHT).copy()
    y, x = numpy.mgrid[0:40, 0:60]
    pixels[8:48, 4:64] = (((x // 2 + y // 3) % 2) * 255)[:, :, None]
    pixels[60:100, 80:140] = numpy.random.default_rng(2).integers(0, 2, (40, 60, 3)) * 255
    picture = Image.fromarray(pixels)
    ImageDraw.Draw(picture).text((70, 20), "Which way\nis up?", "white")
    if has_alpha:
        holes = numpy.random.default_rng(3).integers(0, 3, (HEIGHT // 4, WIDTH // 4), numpy.uint8) * 127
        picture.putalpha(Image.fromarray(holes.repeat(4, 0).repeat(4, 1)))
    return numpy.asarray(picture)


def stored(orientation, has_alpha=False):
    """The pixels that have to be turned that way to be upright: the other ways are tried for the one that undoes it."""
    wanted = upright(has_alpha)
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


def png(orientation, has_alpha=False):
    return encoded(stored(orientation, has_alpha), "PNG", exif=exif(orientation))


def webp(orientation, has_alpha=False):
    return encoded(stored(orientation, has_alpha), "WEBP", lossless=True, exact=True, exif=exif(orientation))


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


FORMATS = {"jpeg": jpeg, "png": png, "webp": webp, "tiff": tiff, "tiff in tiles": tiles, "avif": avif,
           "png with alpha": functools.partial(png, has_alpha=True),
           "webp with alpha": functools.partial(webp, has_alpha=True)}

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
    def url(orientation):
        return shared_origin.serve(f"/held-{form.replace(' ', '-')}-{orientation}", FORMATS[form](orientation))

    has_alpha = "alpha" in form
    whole = upright(has_alpha)
    if form == "jpeg":
        # It has lost a little, differently each way.
        whole = numpy.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(FORMATS[form](orientation)))))
        assert numpy.abs(whole.astype(int) - upright()).mean() < JPEG
    for options, (transform, tolerance) in TRANSFORMS.items():
        made = shared_front.picture(f"/{options},png/{url(orientation)}", "RGBA")
        difference = reference.difference(sources.rgba(made), transform(sources.rgba(whole)))
        assert difference <= tolerance, (options, difference)
        if form != "jpeg":
            # To the last bit.
            assert made == shared_front.picture(f"/{options},png/{url(1)}", "RGBA"), options


#: What makes a file that is upright one that has to be turned that way.
JPEGTRAN = {1: "-copy none", 2: "-flip horizontal", 3: "-rotate 180", 4: "-flip vertical", 5: "-transpose",
            6: "-rotate 270", 7: "-transverse", 8: "-rotate 90"}
SAMPLINGS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2, "gray": None}


@pytest.fixture(scope="module", params=SAMPLINGS)
def coefficients(request, shared_origin):
    """A file for each orientation, with the same coefficients in another place."""
    name, subsampling = request.param, SAMPLINGS[request.param]
    picture = Image.fromarray(upright())
    data = encoded(picture.convert("L"), "JPEG", quality=90) if subsampling is None else encoded(
        picture, "JPEG", quality=90, subsampling=subsampling)
    urls = {}
    for orientation, operation in JPEGTRAN.items():
        turned = subprocess.run(
            ["jpegtran", "-perfect", *operation.split()], input=data, capture_output=True, check=True).stdout
        mark = b"Exif\0\0" + exif(orientation).removeprefix(b"Exif\0\0")
        marked = turned[:2] + b"\xff\xe1" + (len(mark) + 2).to_bytes(2, "big") + mark + turned[2:]
        path = f"/same-{name.replace(':', '')}-{orientation}.jpg"
        urls[orientation] = shared_origin.serve(path, marked)
    return urls


def assert_alike(pictures, mirrored, on_its_side):
    """Of each orientation, with what it may differ by from the first: at most, and on the average."""
    first = numpy.asarray(pictures[1]).astype(int)
    for orientation, picture in pictures.items():
        difference = numpy.abs(numpy.asarray(picture).astype(int) - first)
        most, mean = on_its_side if orientation > 4 else mirrored
        assert difference.max() <= most and difference.mean() <= mean, (orientation, difference.max(), difference.mean())


@pytest.mark.parametrize("options", ["60x", "100x87", "31x", "cx16,cy16,cw64,ch64", "50x50,sc", "60x,r90,fh"])
def test_coefficients_that_are_turned(shared_front, coefficients, options):
    made = {}
    for orientation, url in coefficients.items():
        made[orientation] = picture = Image.open(io.BytesIO(shared_front.get(f"/{options},q100/{url}").body))
        if picture.mode == "RGB":
            # As it is in the file.
            picture.draft("YCbCr", picture.size)
    assert_alike(made, MIRRORED_PLANES, PLANES_ON_THEIR_SIDE)


@pytest.mark.parametrize("options", ["60x", "130x101", "31x", "cx16,cy16,cw64,ch64", "60x,r90,fh"])
def test_coefficients_that_are_turned_become_the_same_pixels(shared_front, coefficients, options):
    made = {orientation: shared_front.picture(f"/{options},png/{url}") for orientation, url in coefficients.items()}
    assert_alike(made, MIRRORED, ON_ITS_SIDE)


@pytest.mark.parametrize("form", ["png", "webp"])
@pytest.mark.parametrize("mark", [0, 9, 65535])
def test_a_mark_that_means_nothing_turns_nothing(shared_front, shared_origin, form, mark):
    settings = {"lossless": True} if form == "webp" else {}
    data = encoded(Image.fromarray(upright()), form.upper(), exif=exif(mark), **settings)
    made = shared_front.picture(f"/r360,png/{shared_origin.serve(f'/mark{mark}.{form}', data)}")
    assert (numpy.asarray(made) == upright()).all()
