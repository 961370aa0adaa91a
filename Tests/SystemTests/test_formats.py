# SPDX-License-Identifier: Apache-2.0
"""Formats besides JPEG and PNG, through the sandbox: another library must see in them what went in."""

import io
import struct

import numpy
import pytest
from PIL import Image, ImageSequence

import pictures
import sources
from pictures import decoded, encoded, psnr

SIZE = (300, 200)
#: Decibels against Pillow's own resizing. Palettes cost most.
LEAST = {"GIF": 30, "WEBP": 30, "BMP": 40, "TIFF": 40, "PNG": 40, "JPEG": 33}


def scene():
    return Image.fromarray(pictures.scene(*SIZE))


def faded():
    image = scene()
    image.putalpha(Image.fromarray(numpy.tile(numpy.linspace(0, 255, SIZE[0]).astype(numpy.uint8), (SIZE[1], 1))))
    return image


def frames():
    """Something that moves over a ground that stays, clear around it."""
    for step in range(8):
        image = Image.new("RGBA", (120, 80), (0, 0, 0, 0))
        image.paste((200, 30, 40, 255), (10, 20, 110, 70))
        image.paste((20, 60, 220, 255), (10 + step * 10, 5 + step * 5, 30 + step * 10, 25 + step * 5))
        yield image


def animation(form, **settings):
    first, *rest = frames()
    return encoded(first, form, save_all=True, append_images=rest, duration=70, loop=0, **settings)


@pytest.fixture(scope="module")
def serve(shared_origin):
    def serve_file(name, data):
        return shared_origin.serve(name, data)

    return serve_file


@pytest.mark.parametrize("form, settings", [
    ("WEBP", {"quality": 95}), ("WEBP", {"lossless": True}), ("GIF", {}), ("BMP", {}), ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}), ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ("TIFF", {"compression": "jpeg", "quality": 95}), ("TIFF", {"compression": "packbits"}),
])
def test_sources_are_read_as_pillow_reads_them(shared_front, serve, form, settings):
    data = encoded(scene(), form, **settings)
    image = shared_front.picture(f"/150x,png/{serve(f'/{form}{len(data)}', data)}")
    assert image.size == (150, 100)
    assert psnr(image, decoded(data).resize((150, 100), Image.LANCZOS)) > 40


@pytest.mark.parametrize("word, form", [("webp", "WEBP"), ("gif", "GIF"), ("bmp", "BMP"), ("tiff", "TIFF")])
def test_results_are_what_pillow_reads(shared_front, serve, word, form):
    answer = shared_front.get(f"/150x,{word}/{serve('/photo.png', encoded(scene(), 'PNG'))}")
    assert answer.status == 200 and answer["Content-Type"] == f"image/{word}", answer
    image = Image.open(io.BytesIO(answer.body))
    assert image.format == form and image.size == (150, 100)
    assert psnr(decoded(answer.body), scene().resize((150, 100), Image.LANCZOS)) > LEAST[form]


@pytest.mark.parametrize("count, depth", [(2, 1), (4, 2), (16, 4), (256, 8)])
@pytest.mark.parametrize("options, made", [
    ("r90", lambda image: image.transpose(Image.ROTATE_90)), ("cx3,cy5,cw90,ch80", lambda image: image.crop((3, 5, 93, 85))),
])
def test_few_colours_stay_few(shared_front, serve, count, depth, options, made):
    places = numpy.random.default_rng(count).integers(0, count, (100, 100), numpy.uint8)
    image = Image.fromarray(places, "P")
    image.putpalette([value for i in range(256) for value in (i, i * 7 % 256, 255 - i)])
    body = shared_front.get(f"/{options}/{serve(f'/palette{count}.png', encoded(image, 'PNG'))}").body
    # IHDR's depth, and the type with a palette.
    assert body[24:26] == bytes([depth, 3])
    assert decoded(body).tobytes() == made(image.convert("RGB")).tobytes()


def test_avif_goes_out_and_comes_in(shared_front, serve):
    answer = shared_front.get(f"/150x,avif,q90/{serve('/photo.png', encoded(scene(), 'PNG'))}")
    assert answer.status == 200 and answer["Content-Type"] == "image/avif"
    assert answer.body[4:12] == b"ftypavif"
    extent = answer.body.index(b"ispe")
    assert struct.unpack(">II", answer.body[extent + 8:extent + 16]) == (150, 100)
    back = shared_front.picture(f"/png/{serve('/photo.avif', answer.body)}")
    assert psnr(back, scene().resize((150, 100), Image.LANCZOS)) > 30


@pytest.mark.parametrize("form, opaque, clear", [
    ("WEBP", "JPEG", "PNG"), ("TIFF", "JPEG", "PNG"), ("GIF", "GIF", "GIF"), ("BMP", "BMP", "BMP"),
])
def test_what_no_option_names(shared_front, serve, form, opaque, clear):
    for name, picture, expected in (("opaque", scene(), opaque), ("clear", faded(), clear)):
        answer = shared_front.get(f"/90x/{serve(f'/{name}.{form}', encoded(picture, form))}")
        assert answer.status == 200 and answer["X-Imageproxy-Error"] is None, answer
        assert answer["Content-Type"] == f"image/{expected.lower()}"
        image = Image.open(io.BytesIO(answer.body))
        assert image.format == expected and image.size == (90, 60)
        if name == "clear" and clear == "PNG":
            alpha = numpy.asarray(image)[30, :, 3].astype(int)
            assert alpha[2] < 20 and alpha[-3] > 235 and (numpy.diff(alpha) >= 0).all()


@pytest.mark.parametrize("source", ["GIF", "WEBP"])
@pytest.mark.parametrize("target", ["gif", "webp"])
def test_what_moves_goes_on_moving(shared_front, serve, source, target):
    settings = {"disposal": 2} if source == "GIF" else {"lossless": True}
    data = animation(source, **settings)
    answer = shared_front.get(f"/60x,{target},q95/{serve(f'/moving.{source}', data)}")
    assert answer.status == 200 and answer["Content-Type"] == f"image/{target}", answer
    image = Image.open(io.BytesIO(answer.body))
    assert image.n_frames == 8 and image.size == (60, 40) and image.info.get("loop") == 0
    for got, wanted in zip(ImageSequence.Iterator(image), frames()):
        got.load()
        assert got.info["duration"] == 70
        small = numpy.asarray(wanted.resize((60, 40), Image.LANCZOS)).astype(int)
        shown = numpy.asarray(got.convert("RGBA")).astype(int)
        solid = small[:, :, 3] == 255
        assert (shown[:, :, 3][solid] == 255).all() and (shown[:, :, 3][small[:, :, 3] == 0] == 0).all()
        assert numpy.abs(shown[solid][:, :3] - small[solid][:, :3]).mean() < 8


@pytest.mark.parametrize("word", ["jpeg", "png"])
def test_the_first_frame_where_nothing_can_move(shared_front, serve, word):
    image = shared_front.picture(f"/60x,{word}/{serve('/still.gif', animation('GIF', disposal=2))}", "RGBA")
    assert image.size == (60, 40)
    first = next(frames()).resize((60, 40), Image.LANCZOS)
    solid = numpy.asarray(first)[:, :, 3] == 255
    difference = numpy.asarray(image).astype(int)[solid][:, :3] - numpy.asarray(first).astype(int)[solid][:, :3]
    assert numpy.abs(difference).mean() < 8


@pytest.mark.parametrize("kind", sources.KINDS)
def test_a_third_of_a_file_is_no_picture(shared_front, serve, kind):
    data = sources.source(kind).data
    answer = shared_front.get(f"/50x/{serve(f'/third-{kind}', data[:len(data) // 3])}")
    assert answer["X-Imageproxy-Error"] == "corrupt-source", answer


def test_smart_crop_keeps_the_same_part_of_every_frame(shared_front, serve):
    def frame(left):
        image = Image.new("RGB", (240, 80), (40, 44, 50))
        image.paste(Image.fromarray(pictures.scene(70, 70)), (left, 5))
        return image

    # What is worth seeing moves; the first frame decides.
    data = encoded(frame(165), "GIF", save_all=True, append_images=[frame(5), frame(80)], duration=80)
    answer = shared_front.get(f"/80x80,sc/{serve('/moving.gif', data)}")
    image = Image.open(io.BytesIO(answer.body))
    assert image.size == (80, 80) and image.n_frames == 3
    kept = [numpy.asarray(part.convert("RGB"), int).std() for part in ImageSequence.Iterator(image)]
    assert kept[0] > 20 and kept[1] < 10 and kept[0] > 2 * kept[2], kept
    # Without the option it is the middle that stays.
    plain = Image.open(io.BytesIO(shared_front.get(f"/80x80/{serve('/moving.gif', data)}").body))
    kept = [numpy.asarray(part.convert("RGB"), int).std() for part in ImageSequence.Iterator(plain)]
    assert kept[2] > 20 and kept[0] < kept[2] / 2, kept
