# SPDX-License-Identifier: Apache-2.0
"""Colours that are not sRGB's, through the sandbox: converted as Pillow's colour management converts them."""

import io
import struct
import zlib

import numpy
import pytest
from PIL import Image, ImageCms

import pictures
import profiles
import sources
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
@pytest.mark.parametrize("gamma, apart", [(1.0, 20), (2.2, 3)])
def test_gray_has_a_curve_too(shared_front, serve, form, gamma, apart):
    data = encoded(scene("L"), form, icc_profile=profiles.gray(gamma))
    made = shared_front.get(f"/png,r180/{serve(f'/gray{gamma}.{form}', data)}")
    expected = managed(scene("L"), profiles.gray(gamma)).rotate(180)
    assert difference(decoded(made.body), expected) <= TOLERANCE
    assert difference(scene("L").convert("RGB").rotate(180), expected) > apart


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


def test_inks_told_as_ycck_have_a_profile_too(shared_front, serve):
    stored = Image.open(io.BytesIO(sources.ycck()))
    stored.load()
    # Pillow would write them as plain inks.
    parts = [profiles.ink()[at:at + 65519] for at in range(0, len(profiles.ink()), 65519)]
    assert len(parts) == 1
    body = b"ICC_PROFILE\0\1\1" + parts[0]
    data = sources.ycck()
    data = data[:2] + b"\xff\xe2" + struct.pack(">H", 2 + len(body)) + body + data[2:]
    made = shared_front.get(f"/png,r180/{serve('/ycck.jpg', data)}")
    expected = managed(stored, profiles.ink()).rotate(180)
    assert difference(decoded(made.body), expected) <= JPEG_TOLERANCE
    assert difference(stored.convert("RGB").rotate(180), expected) > 20


@pytest.mark.parametrize("settings", [("--yuv", "444"), ("--yuv", "420", "--depth", "10")])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_profile_in_avif_counts(shared_front, serve, tmp_path, mode, settings):
    profile = tmp_path / "wide.icc"
    profile.write_bytes(profiles.wide())
    data = sources.avif(*settings, "--icc", str(profile), picture=sources.image(mode))
    assert b"colrprof" in data
    # libavif's program would hand the profile on, and its pixels as they are.
    stored = Image.fromarray(sources.avif_decoded(data)).convert(mode)
    made = shared_front.get(f"/png,r180/{serve(f'/wide{mode}{len(settings)}.avif', data)}")
    expected = managed(stored, profiles.wide(), mode).rotate(180)
    assert difference(decoded(made.body, mode), expected) <= TOLERANCE
    assert difference(stored.rotate(180), expected) > 20


#: Steps of 255 for colours that come from another space in whole numbers: each of its steps is several of ours.
OTHER_SPACE = 4


def as_ycbcr(pixels):
    """By BT.601 in its full range, as TIFF has it unless it says otherwise."""
    red, green, blue = (pixels[:, :, c].astype(float) for c in range(3))
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    return numpy.dstack([light, (blue - light) / 1.772 + 128, (red - light) / 1.402 + 128]).clip(0, 255).round()


def test_tiff_of_ycbcr(shared_front, serve):
    pixels = numpy.asarray(scene())
    data = sources.tiff_of(as_ycbcr(pixels), extra=[(530, 3, [1, 1])], photometric=6)
    made = decoded(shared_front.get(f"/png,r180/{serve('/ycbcr.tiff', data)}").body)
    assert difference(made, scene().rotate(180)) <= OTHER_SPACE


def test_tiff_of_chroma_that_libtiff_misplaces(shared_front, serve):
    data = sources.tiff_of(as_ycbcr(numpy.asarray(scene())), extra=[(530, 3, [4, 4])], photometric=6)
    answer = shared_front.get(f"/png,r180/{serve('/coarse.tiff', data)}")
    assert answer["X-Imageproxy-Error"] == "unsupported-format"


def test_tiff_of_lab(shared_front, serve):
    lab = ImageCms.profileToProfile(scene(), SRGB, ImageCms.createProfile("LAB"), outputMode="LAB")
    data = encoded(lab, "TIFF")
    made = decoded(shared_front.get(f"/png,r180/{serve('/lab.tiff', data)}").body)
    # Whole steps of a* and b*, there and back.
    error = numpy.abs(numpy.asarray(made, int) - numpy.asarray(scene().rotate(180), int))
    assert error.mean() < 1


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


#: Linear light of other primaries in that of sRGB, by ITU-R BT.2407 and SMPTE EG 432-1.
MATRICES = {
    12: [[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]],
    9: [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
}


def linear(value):
    return numpy.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def perceptual_quantiser(value):
    root = value ** (32 / 2523)
    return (numpy.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (16384 / 2610) * 10000 / 203


def coded(image, primaries, curve):
    """What a picture in other primaries looks like in sRGB."""
    light = curve(numpy.asarray(image, float) / 255).clip(0, 1)
    if primaries in MATRICES:
        light = light @ numpy.array(MATRICES[primaries]).T
    light = light.clip(0, 1)
    return Image.fromarray((255 * numpy.where(
        light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)).round().astype(numpy.uint8))


@pytest.mark.parametrize("primaries, transfer, curve", [
    (12, 13, linear), (9, 13, linear), (9, 1, linear), (1, 8, lambda value: value), (1, 4, lambda value: value ** 2.2),
    (9, 16, perceptual_quantiser),
])
@pytest.mark.parametrize("form", ["AVIF", "PNG"])
def test_colours_described_by_numbers_become_srgb(shared_front, serve, form, primaries, transfer, curve):
    if form == "AVIF":
        plain = shared_front.get(f"/avif,q100/{serve('/plain.png', encoded(scene(), 'PNG'))}").body
        stored = decoded(shared_front.get(f"/png/{serve('/plain.avif', plain)}").body)
        at = plain.index(b"colrnclx") + 8
        data = plain[:at] + struct.pack(">HH", primaries, transfer) + plain[at + 4:]
    else:
        plain, stored = encoded(scene(), "PNG"), scene()
        body = b"cICP" + bytes([primaries, transfer, 0, 1])
        data = plain[:33] + struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body)) + plain[33:]
    name = f"/coded{primaries}-{transfer}.{form}"
    made = decoded(shared_front.get(f"/png/{serve(name, data)}").body)
    expected = coded(stored, primaries, curve)
    # Dark steps of a steep curve are few, so roundings show.
    error = numpy.abs(numpy.asarray(made, int) - numpy.asarray(expected, int))
    assert error.mean() < 1 and numpy.percentile(error, 99) <= 4, (error.mean(), error.max())
    assert difference(made, stored) > 8


@pytest.mark.parametrize("primaries, transfer", [(1, 13), (1, 1), (2, 2), (200, 99)])
def test_numbers_that_mean_srgb_or_nothing_change_nothing(shared_front, serve, primaries, transfer):
    plain = encoded(scene(), "PNG")
    body = b"cICP" + bytes([primaries, transfer, 0, 1])
    data = plain[:33] + struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body)) + plain[33:]
    made = decoded(shared_front.get(f"/png/{serve(f'/means{primaries}-{transfer}.png', data)}").body)
    assert difference(made, scene()) == 0
