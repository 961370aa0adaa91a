# SPDX-License-Identifier: Apache-2.0
"""Every kind of source and every family of transforms, against plain arithmetic on what another program decodes.

The expected pictures are made while the tests run, by reference.py: nothing has to be kept, or kept up to date. Results
are asked for as PNG, which adds no loss of its own; what the other encoders do to pixels is a family of its own.
"""

import io

import numpy
import pytest
from PIL import Image

import pictures
import reference
import sources
from front import LOCAL, Front
from reference import difference, psnr

#: Steps of 255 for what only moves pixels, or keeps them. Alpha that is multiplied in and out again takes one.
MOVED = 1
#: Steps of 255 for what is resized: each of two passes rounds, in fixed point here, in doubles there. Measured: 1, and 2
#: where alpha is involved.
RESIZED = 2
#: Decibels for JPEG files that are shrunk while they are decoded, to half their size and less; measured: 35.6 and more, and
#: 34 of 3:1:1.
SHRUNK = 33.5
#: The same of 4:1:1, whose chroma libjpeg shrinks in both directions by what is due in one: as coarse as 4:2:0's of the
#: result, where there could be more. Measured: 28.5.
SHRUNK_411 = 27

W, H = sources.WIDTH, sources.HEIGHT

#: Of every kind that has code of its own between the decoder and the encoder. The others differ in their decoders alone.
USUAL = ["jpeg-420", "jpeg-444", "jpeg-gray", "jpeg-cmyk", "jpeg-progressive", "png-palette4", "png-palette-alpha",
         "png-gray-alpha", "png-rgba16", "png-interlaced", "webp-lossy", "webp-lossless", "webp-lossy-alpha", "tiff-tiff_lzw",
         "tiff-16-alpha", "gif", "gif-transparent", "gif-animated", "bmp", "avif-420", "avif-alpha"]

#: Options, what they make of pixels, and the tolerance.
FAMILIES = {
    "kept": ("r360", lambda p: p, MOVED),
    "down": ("60x", lambda p: reference.resized(p, 60, 46), RESIZED),
    "one side": ("x100", lambda p: reference.resized(p, 132, 100), RESIZED),
    "fit": ("60x60,fit", lambda p: reference.resized(p, 60, 45), RESIZED),
    "filled across": ("80x80", lambda p: reference.filled(p, 80, 80), RESIZED),
    "filled down": ("90x40", lambda p: reference.filled(p, 90, 40), RESIZED),
    "cut": ("cx11,cy7,cw83,ch61", lambda p: reference.cut(p, 11, 7, 83, 61), MOVED),
    "cut from the right": ("cx-90,cy-61,cw50,ch50", lambda p: reference.cut(p, W - 90, H - 61, 50, 50), MOVED),
    "cut and resized": ("cx11,cy7,cw80,ch60,72x54", lambda p: reference.resized(reference.cut(p, 11, 7, 80, 60), 72, 54),
                        RESIZED),
    "turned 90": ("r90", lambda p: reference.turned(p, 90), MOVED),
    "turned 180": ("r180", lambda p: reference.turned(p, 180), MOVED),
    "turned 270": ("r270", lambda p: reference.turned(p, 270), MOVED),
    "flipped across": ("fh", lambda p: p[:, ::-1], MOVED),
    "flipped down": ("fv", lambda p: p[::-1], MOVED),
    "all together": ("cw120,ch100,96x80,r90,fv,fh", lambda p: reference.turned(
        reference.resized(reference.cut(p, 0, 0, 120, 100), 96, 80), 90)[::-1, ::-1], RESIZED),
}


def result(front, url, options):
    answer = front.get(f"/{options}/{url}")
    assert answer.status == 200 and answer["X-Imageproxy-Error"] is None, (options, answer)
    return answer


def pixels(front, url, options):
    return sources.decoded_png(result(front, url, f"{options},png").body)


@pytest.mark.parametrize("kind", USUAL)
@pytest.mark.parametrize("family", FAMILIES)
def test_transforms_are_plain_arithmetic(shared_front, shared_origin, kind, family):
    options, transform, tolerance = FAMILIES[family]
    source = sources.source(kind)
    made = pixels(shared_front, shared_origin.serve(f"/{kind}", source.data), options)
    assert difference(made, transform(source.truth)) <= tolerance


@pytest.mark.parametrize("kind", sources.KINDS)
def test_every_kind_is_decoded(shared_front, shared_origin, kind):
    source = sources.source(kind)
    url = shared_origin.serve(f"/{kind}", source.data)
    assert difference(pixels(shared_front, url, "r180"), source.truth[::-1, ::-1]) <= MOVED
    assert difference(pixels(shared_front, url, "60x"), reference.resized(source.truth, 60, 46)) <= RESIZED
    much_smaller, expected = pixels(shared_front, url, "20x"), reference.resized(source.truth, 20, 15)
    if kind.startswith("jpeg"):
        assert psnr(much_smaller, expected) > (SHRUNK_411 if kind == "jpeg-411" else SHRUNK)
    else:
        assert difference(much_smaller, expected) <= RESIZED


@pytest.fixture(scope="module")
def enlarging_front(bin):
    front = Front(bin, *LOCAL, "-workers", "1", "-scaleUp")
    yield front
    front.stop()


@pytest.mark.parametrize("kind", USUAL)
def test_what_becomes_larger(enlarging_front, shared_origin, kind):
    source = sources.source(kind)
    made = pixels(enlarging_front, shared_origin.serve(f"/{kind}", source.data), "220x")
    assert difference(made, reference.resized(source.truth, 220, 167)) <= RESIZED


# What AVIF's container does with pictures


@pytest.mark.parametrize("settings", [("--yuv", "444"), ("--yuv", "420"), ("--yuv", "420", "--depth", "10")])
def test_a_picture_of_tiles_has_no_seams(shared_front, shared_origin, settings):
    data = sources.avif(*settings, "--grid", "3x2", picture=Image.fromarray(pictures.scene(288, 192)))
    assert b"grid" in data
    url = shared_origin.serve("/tiles.avif", data)
    truth = sources.avif_decoded(data)
    assert difference(pixels(shared_front, url, "r180"), truth[::-1, ::-1]) <= MOVED
    assert difference(pixels(shared_front, url, "90x60"), reference.resized(truth, 90, 60)) <= RESIZED


@pytest.mark.parametrize("turns, mirror", [(None, None), (1, None), (3, 0)])
def test_a_picture_is_cropped_before_it_is_turned(shared_front, shared_origin, turns, mirror):
    left, top, width, height = 10, 20, 90, 60
    turning = (["--irot", str(turns)] if turns else []) + (["--imir", str(mirror)] if mirror is not None else [])
    data = sources.avif("--yuv", "420", "--crop", f"{left},{top},{width},{height}", *turning)
    assert b"clap" in data
    expected = reference.cut(sources.avif_decoded(sources.avif("--yuv", "420")), left, top, width, height)
    expected = reference.turned(expected, 90 * (turns or 0))
    if mirror == 0:
        expected = expected[::-1]
    made = pixels(shared_front, shared_origin.serve(f"/cropped{turns}.avif", data), "r360")
    assert difference(made, expected) <= MOVED


def test_a_sequence_without_a_still_shows_its_first_picture(shared_front, shared_origin):
    whole = sources.source("avif-sequence")
    # Where the still is described, and that there is one; the pictures of the sequence are described elsewhere.
    data = whole.data.replace(b"avif", b"iso8", 1).replace(b"meta", b"free", 1)
    assert data.index(b"iso8") < 40 < data.index(b"free") < data.index(b"moov")
    made = pixels(shared_front, shared_origin.serve("/sequence.avif", data), "r180")
    assert difference(made, whole.truth[::-1, ::-1]) <= MOVED


# What is shrunk while it is decoded is as sharp as what is shrunk afterwards


@pytest.mark.parametrize("times", [3.5, 7.5, 15])
def test_shrinking_while_decoding_blurs_nothing(shared_front, shared_origin, times):
    """Stripes as fine as the result can show, and a little coarser: each scale of the decoder has its own droop."""
    x = numpy.arange(1200)
    result_width = int(1200 / times)
    for pixels_each in (2.6, 3.5):
        stripes = 128 + 80 * numpy.sin(2 * numpy.pi * x / (times * pixels_each))
        picture = Image.fromarray(numpy.tile(stripes.round().astype(numpy.uint8), (240, 1)))
        for turned in (False, True):
            data = pictures.encoded(picture.transpose(Image.ROTATE_90) if turned else picture, "JPEG", quality=98)
            truth = sources.rgba(pictures.decoded(data))
            size = (result_width, round(240 * result_width / 1200))
            size = size[::-1] if turned else size
            url = shared_origin.serve(f"/stripes{times}-{pixels_each}-{turned}.jpg", data)
            made = pixels(shared_front, url, f"{size[0]}x{size[1]}")
            expected = reference.resized(truth, *size)
            middle = (slice(size[1] // 4, -size[1] // 4), slice(size[0] // 4, -size[0] // 4), 0)
            contrast = made[middle].astype(float).std() / expected[middle].astype(float).std()
            # Measured: 0.989 and more; without what undoes the droop, 0.94.
            assert 0.97 < contrast < 1.03


# Borders


def framed(form):
    """The scene with a border of one colour around it, in whole blocks, so that JPEG keeps it of one colour."""
    pixels = numpy.full((112, 144, 3), 200, numpy.uint8)
    pixels[16:96, 32:112] = pictures.scene(80, 80)
    picture = Image.fromarray(pixels)
    if form == "avif":
        return sources.avif("--lossless", picture=picture)
    settings = {"jpeg": {"quality": 95, "subsampling": 0}, "webp": {"lossless": True}, "gif": {"interlace": 0}}
    return pictures.encoded(picture.quantize(64) if form == "gif" else picture, form.upper(), **settings.get(form, {}))


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "tiff", "gif", "bmp", "avif"])
def test_a_border_is_cut_off(shared_front, shared_origin, form):
    data = framed(form)
    seen = sources.avif_decoded(data) if form == "avif" else sources.decoded_png(data)
    url = shared_origin.serve(f"/framed.{form}", data)
    expected = reference.trimmed(seen)
    assert expected.shape[:2] == (80, 80)
    assert difference(pixels(shared_front, url, "trim"), expected) <= MOVED
    assert difference(pixels(shared_front, url, "trim,50x"), reference.resized(expected, 50, 50)) <= RESIZED


# What smart cropping sees does not depend on the file that it stands in.


def with_something_to_see(form):
    y, x = numpy.mgrid[0:120, 0:360]
    pixels = numpy.stack([90 + x // 24, 92 + x // 24, 94 + y // 12], 2).astype(numpy.uint8)
    pixels[20:100, 250:330] = pictures.scene(80, 80)
    picture = Image.fromarray(pixels)
    if form == "avif":
        return sources.avif("--yuv", "444", picture=picture)
    settings = {"jpeg": {"quality": 95, "subsampling": 0}, "webp": {"lossless": True}}
    return pictures.encoded(picture, form.upper(), **settings.get(form, {}))


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "tiff", "gif", "bmp", "avif"])
def test_smart_cropping_keeps_what_there_is_to_see(shared_front, shared_origin, form):
    data = with_something_to_see(form)
    seen = sources.avif_decoded(data) if form == "avif" else sources.decoded_png(data)
    made = pixels(shared_front, shared_origin.serve(f"/seen.{form}", data), "120x120,sc")
    assert made.shape[:2] == (120, 120)
    # The window is as high as the picture, or a tenth less: then things look larger in it.
    assert worth_seeing(made) >= 0.95 * worth_seeing(seen)


@pytest.mark.parametrize("form", ["jpeg", "png", "gif"])
@pytest.mark.parametrize(
    "options, sizes",
    [
        # As large as the picture in either direction: the window is not resized.
        ("400x400,sc", {(120, 120), (108, 108)}),
        # The window's shape, not the picture's, is what fits.
        ("200x60,sc,fit", {(200, 60), (200, 59)}),
    ],
)
def test_what_smart_cropping_keeps_need_not_be_resized(shared_front, shared_origin, form, options, sizes):
    data = with_something_to_see(form)
    made = pixels(shared_front, shared_origin.serve(f"/kept.{form}", data), options)
    assert (made.shape[1], made.shape[0]) in sizes
    assert worth_seeing(made) > 0.2 * made.shape[0] * made.shape[1]


def worth_seeing(pixels):
    """The number of pixels that are none of the dull ground's."""
    return int((numpy.abs(pixels[:, :, :3].astype(int) - 98).max(2) > 20).sum())


# Encoders

#: Decibels for results at their default quality, of a small picture full of noise and edges; for GIF, of its 256 colours.
#: Measured at the least: 29, 28, 28 and 33.
FLOORS = {"jpeg": 28, "webp": 27, "avif": 26, "gif": 31}
#: Steps of 255 by which alpha may be off. Only AVIF's loses something; measured: 13.
ALPHA = {"webp": 1, "avif": 16}


def opened(body, word):
    return sources.avif_decoded(body) if word == "avif" else sources.decoded_png(body)


@pytest.mark.parametrize("word", ["jpeg", "png", "webp", "gif", "tiff", "bmp", "avif"])
@pytest.mark.parametrize("kind", USUAL)
def test_every_kind_becomes_every_format(shared_front, shared_origin, kind, word):
    source = sources.source(kind)
    url = shared_origin.serve(f"/{kind}", source.data)
    for options, expected, tolerance in (("r180", source.truth[::-1, ::-1], MOVED),
                                         ("70x", reference.resized(source.truth, 70, 53), RESIZED)):
        answer = result(shared_front, url, f"{options},{word}")
        assert answer["Content-Type"] == f"image/{word}"
        # Of what moves, the first frame.
        made = opened(answer.body, word)
        if word in ("png", "tiff", "bmp"):
            assert difference(made, expected) <= tolerance
            continue
        if word == "jpeg":
            expected = reference.on_colour(expected)
        elif word == "gif":
            # All or nothing.
            expected = numpy.dstack([expected[:, :, :3], numpy.where(expected[:, :, 3] < 128, 0, 255).astype(numpy.uint8)])
        assert psnr(made, expected) > FLOORS[word]
        assert numpy.abs(made[:, :, 3].astype(int) - expected[:, :, 3]).max() <= ALPHA.get(word, 0)


@pytest.mark.parametrize("word", ["jpeg", "png", "webp", "gif", "tiff", "bmp", "avif"])
@pytest.mark.parametrize("kind", ["png-palette-alpha", "png-gray-alpha", "png-rgba16", "webp-lossy-alpha",
                                  "tiff-16-alpha", "gif-transparent", "avif-alpha"])
def test_a_colour_shows_in_every_format_where_it_was_transparent(shared_front, shared_origin, kind, word):
    source = sources.source(kind)
    url = shared_origin.serve(f"/{kind}", source.data)
    expected = reference.on_colour(reference.resized(source.truth, 70, 53), (0x20, 0xC0, 0x40))
    made = opened(result(shared_front, url, f"70x,bg20c040,{word}").body, word)
    assert (made[:, :, 3] == 255).all()
    if word in ("png", "tiff", "bmp"):
        assert difference(made, expected) <= RESIZED
    else:
        assert psnr(made, expected) > FLOORS[word]


# Animations

#: Decibels for resized frames of a GIF, whose colours are those of a table again, and for frames that WebP codes.
#: Measured at the least: 39.9 and 25.8. Pictures that are off by a pixel come to 24.3 at most.
MOVING_FLOORS = {"gif": 36, "webp": 25}


def moving_frames():
    """A few colours on a ground that stays, so that a table holds what is only moved; later frames change part of it."""
    ground = numpy.asarray(Image.fromarray(pictures.scene(W, H)).quantize(48, dither=0).convert("RGB")).copy()
    frames = []
    for step in range(4):
        frame = ground.copy()
        frame[30:60, 10 + 25 * step:50 + 25 * step] = (250, 20 + 40 * step, 20)
        frames.append(Image.fromarray(frame))
    return frames


@pytest.fixture(scope="module")
def animations():
    """Each with its frames as Pillow shows them."""
    first, *rest = moving_frames()
    table = first.quantize(64, dither=0)
    tabled = [frame.quantize(palette=table, dither=0) for frame in (first, *rest)]
    files = {
        "gif": pictures.encoded(tabled[0], "GIF", save_all=True, append_images=tabled[1:], duration=70, loop=0),
        "webp": pictures.encoded(first, "WEBP", save_all=True, append_images=rest, duration=70, loop=0, lossless=True),
    }
    return {form: (data, shown(data)) for form, data in files.items()}


def shown(data):
    animation = Image.open(io.BytesIO(data))
    frames = []
    for number in range(animation.n_frames):
        animation.seek(number)
        frames.append(sources.rgba(animation.convert("RGBA")))
    return frames


@pytest.mark.parametrize("form", ["gif", "webp"])
@pytest.mark.parametrize("word", ["gif", "webp"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_frame_goes_through_every_transform(shared_front, shared_origin, animations, form, word, family):
    options, transform, tolerance = FAMILIES[family]
    data, before = animations[form]
    url = shared_origin.serve(f"/moving.{form}", data)
    after = shown(result(shared_front, url, f"{options},{word},q95").body)
    assert len(after) == len(before) == 4
    for made, frame in zip(after, before):
        if word == "gif" and tolerance == MOVED:
            assert difference(made, transform(frame)) == 0
        else:
            assert psnr(made, transform(frame)) > MOVING_FLOORS[word]


# Qualities


@pytest.mark.parametrize("word", ["jpeg", "webp", "avif"])
@pytest.mark.parametrize("kind", ["jpeg-420", "jpeg-cmyk", "png-rgba16", "webp-lossy", "tiff-16", "gif", "bmp", "avif-10"])
def test_quality_buys_likeness_for_bytes(shared_front, shared_origin, kind, word):
    source = sources.source(kind)
    url = shared_origin.serve(f"/{kind}", source.data)
    expected = reference.on_colour(reference.resized(source.truth, 120, 91))
    made = [result(shared_front, url, f"120x,q{quality},{word}").body for quality in (10, 40, 75, 95)]
    sizes = [len(body) for body in made]
    likeness = [psnr(opened(body, word), expected) for body in made]
    assert sizes == sorted(sizes) and likeness == sorted(likeness), (sizes, likeness)
    assert likeness[-1] - likeness[0] > 3, likeness
    if word == "jpeg":
        for quality, body in zip((10, 40, 75, 95), made):
            of_the_kind = pictures.encoded(Image.new("RGB", (16, 16)), "JPEG", quality=quality)
            assert pictures.quality_of(body) == pictures.quality_of(of_the_kind)
            assert Image.open(io.BytesIO(body)).size == (120, 91)
