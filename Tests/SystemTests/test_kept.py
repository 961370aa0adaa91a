# SPDX-License-Identifier: Apache-2.0
"""Results that keep their source's own coded data: no loss, no metadata, and nothing larger than it was."""

import io

import numpy
import pytest
from PIL import Image, PngImagePlugin

import pictures
import sources as made
from front import LOCAL, Front
from pictures import decoded, encoded

SECRETS = (b"Secret Camera", b"a secret comment", b"Exif", b"ICC_PROFILE", b"after the end")


@pytest.fixture(scope="module")
def serve(shared_origin):
    return shared_origin.serve


def same(first, second):
    return first.size == second.size and (numpy.asarray(first) == numpy.asarray(second)).all()


@pytest.mark.parametrize("options", ["jpeg", "5000x", "5000x5000,fit", "r360"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_to_which_nothing_happens_loses_only_its_metadata(shared_front, serve, options, progressive):
    data = pictures.jpeg(200, 130, extras=True, progressive=progressive, quality=71) + b"after the end"
    body = shared_front.get(f"/{options}/{serve(f'/plain{progressive}.jpg', data)}").body
    assert same(decoded(body), decoded(data))
    assert len(body) < len(data) and not any(secret in body for secret in SECRETS)


@pytest.mark.parametrize("mode, subsampling, progressive", [
    ("RGB", 2, False), ("RGB", 1, False), ("RGB", 0, False), ("RGB", 2, True), ("L", 0, False),
])
@pytest.mark.parametrize("options, turned", [
    ("r180", lambda i: i.transpose(Image.ROTATE_180)), ("fh", lambda i: i.transpose(Image.FLIP_LEFT_RIGHT)),
    ("fv", lambda i: i.transpose(Image.FLIP_TOP_BOTTOM)), ("r90", lambda i: i.transpose(Image.ROTATE_90)),
    ("r270", lambda i: i.transpose(Image.ROTATE_270)), ("r90,fv", lambda i: i.transpose(Image.TRANSPOSE)),
    ("r90,fh", lambda i: i.transpose(Image.TRANSVERSE)),
])
def test_a_jpeg_of_whole_blocks_is_turned_without_loss(
        shared_front, serve, mode, subsampling, progressive, options, turned):
    data = pictures.jpeg(192, 128, mode=mode, subsampling=subsampling, progressive=progressive, quality=60, extras=True)
    name = f"/whole-{mode}{subsampling}{progressive}.jpg"
    body = shared_front.get(f"/{options}/{serve(name, data)}").body
    image = Image.open(io.BytesIO(body))
    assert image.mode == mode and bool(image.info.get("progressive")) == progressive
    assert not any(secret in body for secret in SECRETS)
    # The same coefficients: chroma that is interpolated differs by roundings.
    expected = turned(decoded(data, mode))
    made = decoded(body, mode)
    assert made.size == expected.size
    difference = numpy.abs(numpy.asarray(made, int) - numpy.asarray(expected, int))
    assert difference.max() <= (2 if mode == "L" or subsampling == 0 else 5), difference.max()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_cameras_orientation_is_applied_without_loss(shared_front, serve, orientation):
    from PIL import ImageOps

    data = pictures.jpeg(192, 128, orientation=orientation, subsampling=0, quality=50)
    body = shared_front.get(f"/jpeg/{serve(f'/camera{orientation}.jpg', data)}").body
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    difference = numpy.abs(numpy.asarray(decoded(body), int) - numpy.asarray(upright, int))
    assert difference.max() <= 4
    assert pictures.quality_of(body) == pictures.quality_of(data)


def test_blocks_that_are_cut_are_turned_by_coding_them_again(shared_front, serve):
    data = pictures.jpeg(197, 131, quality=50)
    body = shared_front.get(f"/fh/{serve('/cut.jpg', data)}").body
    assert pictures.psnr(decoded(body), decoded(data).transpose(Image.FLIP_LEFT_RIGHT)) > 33
    assert pictures.quality_of(body) < pictures.quality_of(data)
    # Turned by a quarter, and mirrored on no side, the last blocks stay the last.
    body = shared_front.get(f"/r90,fv,fh/{serve('/cut.jpg', data)}").body
    assert Image.open(io.BytesIO(body)).size == (131, 197)


def test_a_quality_that_is_asked_for_is_the_quality(shared_front, serve):
    data = pictures.jpeg(200, 130, quality=90)
    body = shared_front.get(f"/q40/{serve('/better.jpg', data)}").body
    assert pictures.quality_of(body) > pictures.quality_of(data)


@pytest.mark.parametrize("damage", [
    lambda data: data[:len(data) // 2], lambda data: data[:-2], lambda data: data.replace(b"\xff\xda", b"\xff\xfe", 1),
])
def test_a_damaged_jpeg_is_not_passed_off_as_a_result(shared_front, serve, damage):
    data = damage(pictures.jpeg(200, 130))
    answer = shared_front.get(f"/jpeg/{serve(f'/damaged{len(data)}.jpg', data)}")
    assert answer["X-Imageproxy-Error"] == "corrupt-source" or pictures.psnr(
        decoded(answer.body), decoded(pictures.jpeg(200, 130))) > 30


def sources():
    noise = Image.fromarray(numpy.random.default_rng(1).integers(0, 9, (60, 90, 3), numpy.uint8) * 28)
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "a secret comment")
    exif = Image.Exif()
    exif[0x010F] = "Secret Camera Works"
    flat = noise.quantize(16)
    yield "JPEG", "q95", encoded(noise, "JPEG", quality=30, comment=b"a secret comment", exif=exif.tobytes())
    yield "PNG", "png", encoded(flat, "PNG", optimize=True, bits=4, pnginfo=notes, exif=exif.tobytes())
    yield "WEBP", "webp,q100", encoded(noise, "WEBP", quality=20, exif=exif.tobytes())
    yield "GIF", "gif", encoded(flat, "GIF", comment=b"a secret comment")
    yield "GIF", "gif", encoded(
        flat, "GIF", save_all=True, append_images=[flat.rotate(180)], duration=90, loop=3, comment=b"a secret comment")


    yield "TIFF", "tiff", encoded(noise, "TIFF", compression="jpeg", quality=30)
    yield "TIFF", "tiff", encoded(flat, "TIFF", compression="tiff_lzw") + b"a secret comment"
    yield "BMP", "bmp", encoded(flat, "BMP") + b"a secret comment"


NAMES = ["jpeg", "png", "webp", "gif", "animated gif", "tiff with jpeg", "tiff", "bmp"]


@pytest.mark.parametrize("form, options, data", sources(), ids=NAMES)
def test_nothing_becomes_larger_than_its_source(shared_front, serve, form, options, data):
    body = shared_front.get(f"/{options}/{serve(f'/small{len(data)}.{form}', data)}").body
    assert len(body) <= len(data)
    assert not any(secret in body for secret in SECRETS)
    assert same(decoded(body, "RGBA"), decoded(data, "RGBA"))
    before, after = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(body))
    assert getattr(before, "n_frames", 1) == getattr(after, "n_frames", 1)
    assert before.info.get("loop") == after.info.get("loop")


def test_an_avif_does_not_become_larger(shared_front, serve):
    data = made.avif("--min", "40", "--max", "40")
    body = shared_front.get(f"/avif,q100/{serve('/small.avif', data)}").body
    assert len(body) == len(data)
    assert same(made.avif_decoded(body), made.avif_decoded(data))


def with_metadata(form, tmp_path):
    if form == "AVIF":
        exif = tmp_path / "exif"
        tags = Image.Exif()
        tags[0x010F] = "Secret Camera Works"
        # Without the mark that JPEG puts before it.
        exif.write_bytes(tags.tobytes()[6:])
        return made.avif("--min", "40", "--max", "40", "--exif", str(exif))
    noise = Image.fromarray(numpy.random.default_rng(1).integers(0, 9, (60, 90, 3), numpy.uint8) * 28)
    return encoded(noise, "TIFF", compression="jpeg", quality=30, description="a secret comment")


@pytest.mark.parametrize("form", ["TIFF", "AVIF"])
def test_what_has_metadata_that_cannot_be_left_out_is_made_anew(shared_front, serve, form, tmp_path):
    data = with_metadata(form, tmp_path)
    assert any(secret in data for secret in SECRETS)
    word = form.lower()
    answer = shared_front.get(f"/{word},q100/{serve(f'/secret.{word}', data)}")
    assert answer.status == 200 and answer["Content-Type"] == f"image/{word}"
    assert answer["X-Imageproxy-Error"] is None and len(answer.body) > len(data)
    assert not any(secret in answer.body for secret in SECRETS)


def test_the_operator_may_want_the_result_all_the_same(start, serve):
    form, options, data = next(sources())
    front = start(*LOCAL, "-workers", "1", "-keepSmaller=false")
    body = front.get(f"/{options}/{serve('/small.jpg', data)}").body
    assert len(body) > len(data)
