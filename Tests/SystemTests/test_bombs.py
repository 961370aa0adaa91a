# SPDX-License-Identifier: Apache-2.0
"""Small files that unfold into much: refused from what their headers say, or done within bounds. See bombs.py."""

import functools

import numpy
import pytest
from PIL import Image

import bombs
import pictures
import processes
import profiles
import sources
import stub_front

#: MiB that a child may have needed at its worst.
MOST_MEMORY = 512
#: Seconds of CPU. Measured on a busy machine, which counts more for the same work: 1.9.
MOST_CPU = 2

LARGE = "too-many-pixels"
DONE = None

BOMBS = {
    "a JPEG that says it is huge": (lambda: bombs.with_size(bombs.jpeg(64, 64), 65000, 65000), LARGE),
    "progressive, and the data of one block": (
        lambda: bombs.with_size(bombs.jpeg(64, 64, progressive=True, subsampling=0), 10000, 10000), "corrupt-source"),
    "2000 scans": (lambda: bombs.many_scans(2000, 1500), "corrupt-source"),
    "2000 scans of nothing": (lambda: bombs.many_scans_of_nothing(2000), "corrupt-source"),
    "half a million markers": (lambda: bombs.many_markers(250_000), DONE),
    "a PNG that says it is huge": (lambda: bombs.png(1, 1)[:16] + b"\0\1\x86\xa0" * 2 + bombs.png(1, 1)[24:],
                                   (LARGE, "corrupt-source")),
    "100 megapixels in 300 kB": (lambda: bombs.png(10000, 10000), DONE),
    "100 megapixels of 64 bits": (lambda: bombs.png(10000, 10000, 16, 6), LARGE),
    "100 megapixels, interlaced": (lambda: bombs.png(10000, 10000, 8, 6, 1), LARGE),
    "200 texts of 8 MiB": (lambda: bombs.png(64, 64, extra=bombs.compressed_texts(200, 8 << 20)), DONE),
    "a profile of 256 MiB": (lambda: bombs.png(64, 64, extra=bombs.compressed_profile(256 << 20)), DONE),
    "100000 chunks": (lambda: bombs.png(64, 64, extra=bombs.chunk(b"tEXt", b"a\0") * 100_000), DONE),
    "an APNG of 20000 frames": (lambda: bombs.animated_png(20000, 64), DONE),
    "100 frames of 4 megapixels": (lambda: bombs.gif(2000, 2000, 100), LARGE),
    "32 frames of 4 megapixels": (lambda: bombs.gif(2000, 2000, 32), LARGE),
    "30 frames of 4 megapixels": (lambda: bombs.gif(2000, 2000, 30), DONE),
    "30 frames of which nothing stays": (lambda: bombs.gif(2000, 2000, 30, interlace=True, changes=True), DONE),
    "100000 frames": (lambda: bombs.gif(1, 1, 100_000), LARGE),
    "a GIF's screen that is huge": (lambda: bombs.gif(1, 1, 1, (65535, 65535)), LARGE),
    "28 bytes of WebP": (lambda: bombs.webp_of_one_colour(16383, 16383), LARGE),
    "a WebP of 75 megapixels, lossless": (lambda: bombs.webp_of_one_colour(10000, 7500), LARGE),
    "a WebP of 50 megapixels, lossless": (lambda: bombs.webp_of_one_colour(10000, 5000), DONE),
    "a WebP of 90 frames": (lambda: bombs.animated_webp(2000, 2000, 90), LARGE),
    "directories in a loop": (lambda: bombs.tiff_chain(3, True), "corrupt-source"),
    "100000 directories": (lambda: bombs.tiff_chain(100_000, False), "corrupt-source"),
    "10000 strips that are one": (
        lambda: bombs.tiff_picture(10000, 10000, bombs.zeros(30000), rows=1, compression=8), DONE),
    "a tile of 4 gigapixels": (
        lambda: bombs.tiff_picture(100, 100, bombs.zeros(65536), tile=(65536, 65536), compression=8), LARGE),
    "65535 samples a pixel": (
        lambda: bombs.tiff_picture(1000, 1000, bombs.zeros(65535), samples=65535, compression=8, rows=1),
        (LARGE, "unsupported-format")),
    "an AVIF that says it is huge": (lambda: bombs.avif_with_size(sources.AVIF["avif-420"](), 60000, 60000),
                                     (LARGE, "corrupt-source")),
    # libavif makes what is in it as large as it says.
    "an AVIF that says it is larger": (lambda: bombs.avif_with_size(sources.AVIF["avif-420"](), 7000, 7000),
                                       (DONE, "corrupt-source")),
    "30 megapixels of one colour": (lambda: large_avif(), DONE),
    "34 megapixels of 12 bits": (lambda: sources.avif(
        "--yuv", "420", "--depth", "12", "--speed", "10", picture=Image.new("RGB", (6000, 5700), (90, 120, 60))), LARGE),
    "an AVIF of four frames": (lambda: bombs.avif_of_frames(large_avif(), 3), LARGE),
    "the same with bits that have to be zero": (lambda: bombs.avif_of_frames(large_avif(), 3, head=0x83), LARGE),
    "the same in odd lengths": (lambda: bombs.avif_of_frames(large_avif(), 3, digits=8), LARGE),
    "the same by heads that are said to be redundant": (lambda: bombs.avif_of_frames(large_avif(), 3, kind=7), LARGE),
    "the same in two places": (lambda: bombs.avif_cut_in_two(large_avif(), 3), "corrupt-source"),
    "an AVIF of one frame": (lambda: bombs.avif_of_frames(large_avif(), 0), DONE),
    "a small AVIF of four frames": (lambda: bombs.avif_of_frames(sources.AVIF["avif-420"](), 3), DONE),
    "an AVIF that says it is small": (lambda: bombs.avif_with_size(large_avif(), 64, 64), "corrupt-source"),
    "an AVIF in its container's own data": (
        lambda: bombs.avif_with_inner_data(sources.AVIF["avif-420"](), 300), "unsupported-format"),
    "an AVIF with a little of that": (lambda: bombs.avif_with_inner_data(sources.AVIF["avif-420"](), 12), DONE),
    "a grid of which all tiles are one": (lambda: bombs.avif_of_shared_tiles(30, 100_000), LARGE),
    "a grid of which all tiles are a short one": (lambda: bombs.avif_of_shared_tiles(30, 1), DONE),
    # Each tile has a decoder of its own.
    "a grid of 1600 tiles": (lambda: bombs.avif_of_tiles(40), LARGE),
    "a grid of 900 tiles": (lambda: bombs.avif_of_tiles(30), DONE),
    "a PNG of which every byte is coded": (lambda: bombs.dense_png(9000, 8000), LARGE),
    "a third of that": (lambda: bombs.dense_png(9000, 3000), DONE),
    "a JPEG of noise, with arithmetic coding": (lambda: bombs.arithmetic_jpeg(3600), LARGE),
    "half as many": (lambda: bombs.arithmetic_jpeg(2500), DONE),
    "JPEG in 390000 tiles": (lambda: bombs.tiff_picture(
        10000, 10000, bombs.jpeg(16, 16, mode="L"), compression=7, samples=1, tile=(16, 16)), LARGE),
    "JPEG in 24000 tiles": (lambda: bombs.tiff_picture(
        10000, 10000, bombs.jpeg(64, 64, mode="L"), compression=7, samples=1, tile=(64, 64)), DONE),
    "JPEG of noise in strips that are one": (lambda: bombs.tiff_picture(
        10000, 10000, bombs.noisy_jpeg(10000, 16, "-quality", "100"), compression=7, samples=1, rows=16), LARGE),
    "nothing but the beginnings of marks in strips that are one": (lambda: bombs.tiff_picture(
        10000, 10000, b"\xff" * 1_000_000, compression=7, samples=1, rows=1), LARGE),
    "arithmetic JPEG in strips that are one": (lambda: bombs.tiff_picture(
        4000, 4000, bombs.noisy_jpeg(4000, 8, "-arithmetic"), compression=7, samples=1, rows=8), LARGE),
    "runs of one byte": (lambda: bombs.tiff_picture(
        10000, 10000, b"\0\1" * 40000, rows=1, samples=4, compression=32773), LARGE),
    "100 megapixels of L*a*b*": (
        lambda: bombs.tiff_picture(10000, 10000, bytes(30000), rows=1, photometric=8), LARGE),
    "40 megapixels of L*a*b*": (
        lambda: bombs.tiff_picture(10000, 4000, bytes(30000), rows=1, photometric=8), DONE),
    "32 megapixels of inks and a profile": (lambda: bombs.tiff_of_inks(8000, 4000), LARGE),
    "20 megapixels of inks and a profile": (lambda: bombs.tiff_of_inks(8000, 2500), DONE),
    # In a worker whose codec for it is not there any more.
    **{f"a TIFF in the coding {coding}": (
        lambda coding=coding: bombs.tiff_picture(10, 10, bytes(300), compression=coding), "unsupported-format")
       for coding in (34661, 34887, 34925, 50000, 50001)},
    "a bitmap without pixels": (lambda: bombs.bmp(30000, 30000), LARGE),
    "a bitmap of runs": (lambda: bombs.bmp_of_runs(10000, 10000), DONE),
}


@functools.lru_cache(maxsize=None)
def large_avif():
    return sources.avif("--yuv", "420", "--speed", "10", picture=Image.new("RGB", (6000, 5000), (90, 120, 60)))


@pytest.fixture(scope="module")
def worker(bin, tmp_path_factory):
    with processes.worker(bin, tmp_path_factory.mktemp("bombs") / "jobs.sock") as path:
        yield path


def expect_bounded(outcome):
    assert outcome.end == "exited" and outcome.value == 0, outcome
    assert outcome.memory <= MOST_MEMORY and outcome.cpu <= MOST_CPU, outcome


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_little(worker, name):
    make, expected = BOMBS[name]
    outcome = stub_front.transform(worker, make(), width=100)
    expect_bounded(outcome)
    assert outcome.failure in (expected if isinstance(expected, tuple) else (expected,)), outcome


@pytest.mark.parametrize("compression", [1, 7])
def test_a_source_that_is_kept_is_gone_through_once(worker, compression):
    """It tells of more strips than it has rows for, all of which are the same."""
    keep, samples = 64, 3 if compression == 1 else 1
    data = bytes(1024 * 1000 * samples) if compression == 1 else bombs.noisy_jpeg(1024, 1000)
    tiff = bombs.tiff_picture(1024, 1000, data, compression=compression, samples=samples, strips=60_000)
    outcome = stub_front.transform(worker, tiff, form="tiff", flags=keep)
    expect_bounded(outcome)
    assert outcome.failure is None, outcome


@pytest.mark.parametrize("name, make", [
    ("as often as it is decoded", lambda: bombs.png(10000, 10000, 8, 2)),
    ("interlaced", lambda: bombs.png(10000, 10000, 8, 2, 1)),
    ("in strips", lambda: bombs.tiff_picture(10000, 10000, bombs.zeros(30000), rows=1, compression=8)),
    ("in frames", lambda: bombs.gif(2000, 2000, 16)),
])
def test_trimming_counts_twice(worker, name, make):
    trim = 16
    outcome = stub_front.transform(worker, make(), width=100, flags=trim)
    expect_bounded(outcome)
    assert outcome.failure == LARGE, outcome


def test_bits_count_in_a_webp(worker):
    """Sixteen megapixels of noise, which take five times as long as flat ones."""
    noisy = bombs.noisy_webp(4000, 4000)
    outcome = stub_front.transform(worker, noisy, width=100, height=100)
    expect_bounded(outcome)
    assert outcome.failure is None, outcome
    outcome = stub_front.transform(worker, noisy, width=100, height=100, flags=8)
    expect_bounded(outcome)
    assert outcome.failure == LARGE and outcome.cpu < 0.5, outcome


def test_inks_count_as_they_are_decoded(worker):
    """A JPEG that is made small on the way has fewer of them."""
    data = bombs.jpeg(7000, 5000, mode="CMYK", colour=(9, 80, 3, 40), icc_profile=profiles.ink())
    outcome = stub_front.transform(worker, data, width=100)
    expect_bounded(outcome)
    assert outcome.failure is None, outcome
    outcome = stub_front.transform(worker, data, crop=(-50, -50, 50, 50))
    expect_bounded(outcome)
    assert outcome.failure == LARGE and outcome.cpu < 0.5, outcome


def test_who_allows_small_pictures_allows_their_data(worker):
    """What takes time is counted by the same measure whatever the limit on pixels."""
    noise = numpy.random.default_rng(1).integers(0, 256, (1000, 1000, 3), numpy.uint8)
    for data in (bombs.noisy_webp(1000, 1000), pictures.encoded(Image.fromarray(noise), "PNG")):
        outcome = stub_front.transform(worker, data, source_pixels=1_000_000, width=50)
        assert outcome.failure is None, outcome


def test_smart_cropping_counts_twice(worker):
    outcome = stub_front.transform(worker, bombs.png(10000, 10000), width=100, height=100, flags=8)
    expect_bounded(outcome)
    assert outcome.failure == LARGE, outcome
    outcome = stub_front.transform(worker, bombs.png(8000, 8000), width=100, height=100, flags=8)
    expect_bounded(outcome)
    assert outcome.failure is None, outcome


@pytest.mark.parametrize("form, frames, is_done", [
    ("gif", 12, True), ("gif", 13, False), ("webp", 7, True), ("webp", 10, True), ("webp", 11, False),
])
def test_frames_that_are_made_count_as_well(worker, form, frames, is_done):
    """Of four megapixels each, of which nothing stays."""
    outcome = stub_front.transform(worker, bombs.gif(2000, 2000, frames, changes=True), form=form, rotation=180)
    expect_bounded(outcome)
    assert outcome.failure == (None if is_done else "result-too-large"), outcome
    if not is_done:
        assert outcome.cpu < 0.5, outcome


@pytest.mark.parametrize("form, frames, is_done", [
    ("gif", 3600, True), ("gif", 3700, False), ("webp", 4400, True), ("webp", 4450, False),
])
def test_frames_count_however_small(worker, form, frames, is_done):
    outcome = stub_front.transform(worker, bombs.gif(64, 64, frames, changes=True), form=form, rotation=180)
    expect_bounded(outcome)
    assert outcome.failure == (None if is_done else "result-too-large"), outcome


@pytest.mark.parametrize("form", ["gif", "webp"])
def test_only_what_changes_counts(worker, form):
    """A small frame in the corner of a large screen, again and again."""
    outcome = stub_front.transform(worker, bombs.gif(10, 10, 100, (1000, 1000), changes=True), form=form, rotation=180)
    expect_bounded(outcome)
    assert outcome.failure is None and outcome.size == (1000, 1000), outcome


def test_what_vanishes_changes_too(worker):
    """Two corners in turn, each taken away when the other comes: all of the screen changes, every time."""
    outcome = stub_front.transform(worker, bombs.gif_of_corners(2000, 2000, 30), form="gif", rotation=180)
    expect_bounded(outcome)
    assert outcome.failure == "result-too-large", outcome


def test_a_small_patch_of_a_tall_canvas_counts_in_webp(worker):
    """libwebp looks through all that is kept, a column at a time."""
    outcome = stub_front.transform(worker, bombs.gif(10, 10, 30, (2000, 2000), changes=True), form="webp", rotation=180)
    expect_bounded(outcome)
    assert outcome.failure == "result-too-large", outcome


def test_tables_of_noise_are_bounded(worker):
    """Every frame has more colours than a table, and none of those before."""
    outcome = stub_front.transform(worker, bombs.gif_of_noise(64, 64, 3000), form="gif", width=57)
    expect_bounded(outcome)
    assert outcome.failure is None and outcome.size == (57, 57), outcome


def test_noise_costs_webp_more_than_it_seemed(worker):
    outcome = stub_front.transform(worker, bombs.gif_of_noise(1000, 1000, 26), form="webp", width=950)
    expect_bounded(outcome)
    assert outcome.failure == "result-too-large" and outcome.cpu > 0.2, outcome


def test_dense_data_counts(worker):
    """Three quarters of the pixels that frames may have, and as many bits to each as there can be."""
    noise = numpy.random.default_rng(1).integers(0, 256, (500, 500, 3), numpy.uint8)
    still = pictures.encoded(Image.fromarray(noise), "WEBP", quality=75, method=0)
    outcome = stub_front.transform(worker, bombs.animated_webp(500, 500, 380, still[12:]), form="gif", width=50)
    expect_bounded(outcome)
    assert outcome.failure == LARGE and outcome.cpu < 0.5, outcome


def test_a_client_that_can_show_more_gets_what_can_be_made(worker):
    webp = bytes([stub_front.FORMATS["webp"]])
    for frames, expected in ((2, "webp"), (12, "gif")):
        outcome = stub_front.transform(
            worker, bombs.gif(2000, 2000, frames, changes=True), rotation=180, accepted=webp)
        expect_bounded(outcome)
        assert outcome.form == stub_front.FORMATS[expected], outcome


def test_coefficients_for_100_megapixels_are_refused_from_the_header(worker):
    data = bombs.with_size(bombs.jpeg(64, 64, progressive=True, subsampling=0), 10000, 10000)
    # In full, so that the small picture that the first scan holds is not enough.
    outcome = stub_front.transform(worker, data, width=6000, height=6000)
    expect_bounded(outcome)
    assert outcome.failure == LARGE and outcome.cpu < 0.5, outcome


def test_a_large_still_needs_no_word_to_be_decoded(worker):
    """Without one it may stay a moving WebP, whose decoding takes more memory: which a still must not be refused for."""
    data = pictures.encoded(Image.new("RGB", (9000, 7500), (90, 120, 60)), "WEBP", quality=50, method=0)
    outcome = stub_front.transform(worker, data, width=100)
    expect_bounded(outcome)
    assert outcome.failure is None and outcome.size == (100, 83), outcome


def test_a_level_of_av1_that_nobody_knows_is_no_damage(worker):
    """libaom writes one for what has more than 35 megapixels, and it alone reads it."""
    data = bytearray(sources.AVIF["avif-420"]())
    level = data.index(b"av1C") + 5
    # What is wrong with a picture of a level that is defined is damage.
    start = data.index(b"mdat") + 4
    data[start:start + 20] = b"\xff" * 20
    assert stub_front.transform(worker, bytes(data), width=100).failure == "corrupt-source"
    data[level] = data[level] & 0xE0 | 20
    assert stub_front.transform(worker, bytes(data), width=100).failure == "unsupported-format"
