# SPDX-License-Identifier: Apache-2.0
"""Colours that are not sRGB's, through the sandbox: converted as Pillow's colour management converts them."""

import io

import numpy
import pytest
from PIL import Image, ImageCms

import pictures
import profiles
from pictures import decoded, encoded

SIZE = (200, 130)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
#: Steps of 255 between two that convert the same pixels.
TOLERANCE = 2
#: The same after JPEG, whose decoders round differently.
JPEG_TOLERANCE = 6


def scene(mode="RGB"):
    return Image.fromarray(pictures.scene(*SIZE)).convert(mode)


def managed(image, profile, mode="RGB"):
    """By Pillow, as photographs are meant to be converted."""
    if image.mode == "L":
        # There is no gray sRGB to convert to: a gray's three channels are alike.
        return ImageCms.profileToProfile(image, opened(profile), SRGB, outputMode="RGB").convert("L").convert(mode)
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    colours = image.convert("RGB") if alpha else image
    converted = ImageCms.profileToProfile(colours, opened(profile), SRGB, outputMode="RGB")
    if alpha:
        converted.putalpha(alpha)
    return converted.convert(mode)


def opened(profile):
    return ImageCms.ImageCmsProfile(io.BytesIO(profile))


def difference(first, second):
    assert first.size == second.size
    return int(numpy.abs(numpy.asarray(first, int) - numpy.asarray(second, int)).max())


@pytest.fixture(scope="module")
def serve(shared_origin):
    return shared_origin.serve


@pytest.mark.parametrize("form, mode, settings, tolerance", [
    ("PNG", "RGB", {}, TOLERANCE), ("PNG", "RGBA", {}, TOLERANCE), ("TIFF", "RGB", {}, TOLERANCE),
    ("WEBP", "RGB", {"lossless": True}, TOLERANCE),
    ("JPEG", "RGB", {"quality": 95, "subsampling": 0}, JPEG_TOLERANCE),
])
def test_wide_colours_become_srgb(shared_front, serve, form, mode, settings, tolerance):
    image = scene(mode)
    if mode == "RGBA":
        image.putalpha(Image.fromarray(numpy.tile(numpy.arange(SIZE[0], dtype=numpy.uint8), (SIZE[1], 1))))
    data = encoded(image, form, icc_profile=profiles.wide(), **settings)
    made = shared_front.get(f"/png,r180/{serve(f'/wide-{mode}.{form}', data)}")
    assert made.status == 200, made
    expected = managed(decoded(data, mode), profiles.wide(), mode).rotate(180)
    assert difference(decoded(made.body, mode), expected) <= tolerance
    assert difference(decoded(data, mode).rotate(180), expected) > 20, "the profile must make a difference"


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_gray_has_a_curve_too(shared_front, serve, form):
    data = encoded(scene("L"), form, icc_profile=profiles.gray())
    made = shared_front.get(f"/png,r180/{serve(f'/gray.{form}', data)}")
    expected = managed(scene("L"), profiles.gray()).rotate(180)
    assert difference(decoded(made.body), expected) <= TOLERANCE
    assert difference(scene("L").convert("RGB").rotate(180), expected) > 20


@pytest.mark.parametrize("form, tolerance", [("TIFF", TOLERANCE), ("JPEG", JPEG_TOLERANCE)])
def test_inks_look_as_their_profile_says(shared_front, serve, form, tolerance):
    image = scene("CMYK")
    settings = {"quality": 95} if form == "JPEG" else {}
    data = encoded(image, form, icc_profile=profiles.ink(), **settings)
    made = shared_front.get(f"/png,r180/{serve(f'/ink.{form}', data)}")
    stored = Image.open(io.BytesIO(data))
    stored.load()
    expected = managed(stored, profiles.ink()).rotate(180)
    assert difference(decoded(made.body), expected) <= tolerance
    assert difference(stored.convert("RGB").rotate(180), expected) > 20


def test_a_photograph_keeps_its_colours_when_it_shrinks(shared_front, serve):
    data = encoded(scene(), "JPEG", icc_profile=profiles.wide(), quality=95)
    made = decoded(shared_front.get(f"/100x,q95/{serve('/wide.jpg', data)}").body)
    expected = managed(decoded(data), profiles.wide()).resize((100, 65), Image.LANCZOS)
    assert pictures.psnr(made, expected) > 33
    assert b"ICC_PROFILE" not in shared_front.get(f"/100x,q95/{serve('/wide.jpg', data)}").body


@pytest.mark.parametrize("name, profile", [
    ("text", b"no profile"), ("cut", profiles.wide()[:200]), ("zeros", b"\0" * 400),
    ("damaged", profiles.wide()[:300].ljust(3000, b"\xff")), ("for-gray", profiles.gray()), ("for-ink", profiles.ink()),
])
def test_a_profile_that_is_none_counts_for_nothing(shared_front, serve, name, profile):
    data = encoded(scene(), "PNG", icc_profile=profile)
    made = shared_front.get(f"/png,r180/{serve(f'/{name}.png', data)}")
    assert made.status == 200
    assert difference(decoded(made.body), scene().rotate(180)) == 0


def test_every_frame_of_an_animation_is_converted(shared_front, serve):
    frames = [scene().rotate(turn).convert("RGB") for turn in (0, 3, 6)]
    first, *rest = frames
    data = encoded(
        first, "WEBP", save_all=True, append_images=rest, duration=80, loop=0, lossless=True,
        icc_profile=profiles.wide())
    made = Image.open(io.BytesIO(shared_front.get(f"/webp,fh,q100/{serve('/wide-animated.webp', data)}").body))
    assert made.n_frames == len(frames)
    for index, frame in enumerate(frames):
        made.seek(index)
        expected = managed(frame, profiles.wide()).transpose(Image.FLIP_LEFT_RIGHT)
        assert pictures.psnr(made.convert("RGB"), expected) > 28
        assert pictures.psnr(frame.transpose(Image.FLIP_LEFT_RIGHT), expected) < 25
