# SPDX-License-Identifier: Apache-2.0
"""The main job: a picture asked for comes back as it should be."""

import io
import json
import pathlib
import threading

import numpy
import pytest
from PIL import Image, ImageOps

import pictures
from front import LOCAL, in_parallel
from pictures import decoded, likeness

#: Decibels that a picture must reach against Pillow's Lanczos. Measured: 34 for pictures of a few pixels, 43 to 45 for
#: a photograph from 200 pixels on; moved by half a pixel of the result it would be 34.
SAME = 33
CLOSE = 40


@pytest.fixture(scope="module")
def photo(shared_origin):
    return shared_origin.serve("/photo.jpg", pictures.jpeg())


def lanczos(image, size):
    return image.resize(size, Image.LANCZOS)


def original():
    return decoded(pictures.jpeg())


def test_a_photograph_is_resized_as_pillow_would(shared_front, photo):
    answer = shared_front.get(f"/500x/{photo}")
    assert answer.status == 200 and answer["Content-Type"] == "image/jpeg"
    assert int(answer["Content-Length"]) == len(answer.body)
    image = Image.open(io.BytesIO(answer.body))
    assert image.format == "JPEG" and image.mode == "RGB" and image.size == (500, 333)
    assert likeness(decoded(answer.body), lanczos(original(), (500, 333))) > CLOSE


@pytest.mark.parametrize("options, size", [
    ("x500", (750, 500)), ("0.25x", (400, 267)), ("x0.15", (240, 160)), ("1599x1066", (1599, 1066)), ("37x", (37, 25)),
    ("800x", (800, 534)), ("801x", (801, 534)), ("400x", (400, 267)), ("200x", (200, 133)), ("100x", (100, 67)),
])
def test_a_photograph_keeps_its_look_at_every_size(shared_front, photo, options, size):
    image = shared_front.picture(f"/{options}/{photo}")
    assert image.size == size
    assert likeness(image, lanczos(original(), size)) > (CLOSE if size[0] >= 200 else SAME)


@pytest.mark.parametrize("options, box, size", [
    # What is cut out of 1600 x 1067 before resizing, and what is left.
    ("100x150", (444, 0, 1155, 1067), (100, 150)), ("200", (266, 0, 1333, 1067), (200, 200)),
    ("640x200", (0, 283, 1600, 783), (640, 200)),
])
def test_too_much_is_cut_off_evenly(shared_front, photo, options, box, size):
    image = shared_front.picture(f"/{options}/{photo}")
    assert image.size == size
    assert likeness(image, lanczos(original().crop(box), size)) > (CLOSE if size[0] >= 200 else SAME)


@pytest.mark.parametrize("options, size", [
    ("150,fit", (150, 100)), ("500x100,fit", (149, 100)), ("100x500,fit", (100, 66)), ("500x,fit", (500, 333)),
    ("3000x3000,fit", (1600, 1067)),
])
def test_fit_cuts_nothing_off(shared_front, photo, options, size):
    image = shared_front.picture(f"/{options}/{photo}")
    assert image.size == size
    assert likeness(image, lanczos(original(), size)) > SAME


@pytest.mark.parametrize("options, box", [
    ("cx10,cy20,cw100,ch200", (10, 20, 110, 220)), ("cx-300,cy-200", (1300, 867, 1600, 1067)),
    ("cw0.5,ch0.25", (0, 0, 800, 266)), ("cx1500,cw1000,ch9", (1500, 0, 1600, 9)), ("cx7,cy3,cw33,ch17", (7, 3, 40, 20)),
    ("cx5000", (0, 0, 1600, 1067)),
])
def test_a_rectangle_is_cut_out(shared_front, photo, options, box):
    image = shared_front.picture(f"/{options}/{photo}")
    expected = original().crop(box)
    assert image.size == expected.size
    assert likeness(image, expected) > SAME


def test_a_rectangle_is_cut_out_before_resizing(shared_front, photo):
    image = shared_front.picture(f"/cx400,cy200,cw600,ch400,300x/{photo}")
    assert image.size == (300, 200)
    assert likeness(image, lanczos(original().crop((400, 200, 1000, 600)), (300, 200))) > SAME


@pytest.mark.parametrize("options, steps", [
    ("r90", [Image.ROTATE_90]), ("r180", [Image.ROTATE_180]), ("r270", [Image.ROTATE_270]), ("r-90", [Image.ROTATE_270]),
    ("r450", [Image.ROTATE_90]), ("fv", [Image.FLIP_TOP_BOTTOM]), ("fh", [Image.FLIP_LEFT_RIGHT]), ("r45", []),
    ("fv,fh", [Image.ROTATE_180]), ("r90,fv", [Image.ROTATE_90, Image.FLIP_TOP_BOTTOM]),
    ("fh,r90", [Image.ROTATE_90, Image.FLIP_LEFT_RIGHT]),
])
@pytest.mark.parametrize("size", [(), (240, 160)])
def test_turning_and_flipping(shared_front, photo, options, steps, size):
    image = shared_front.picture(f"/{'240x160,' if size else ''}{options}/{photo}")
    expected = original()
    if size:
        expected = lanczos(expected.crop((0, 0, 1600, 1067)), size)
    for step in steps:
        expected = expected.transpose(step)
    assert image.size == expected.size
    assert likeness(image, expected) > SAME


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("options", ["0.5x", "x150", "120x90", "q90", "r90"])
def test_a_camera_that_was_held_sideways(shared_front, shared_origin, orientation, options):
    source = pictures.jpeg(600, 400, orientation=orientation)
    url = shared_origin.serve(f"/turned{orientation}.jpg", source)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(source))).convert("RGB")
    width, height = upright.size
    if options == "120x90":
        aspect = 120 / 90
        if width / height < aspect:
            cut = round(width / aspect)
            top = (height - cut) // 2
            upright = upright.crop((0, top, width, top + cut))
        else:
            cut = round(height * aspect)
            left = (width - cut) // 2
            upright = upright.crop((left, 0, left + cut, height))
    expected = {
        "0.5x": lambda: lanczos(upright, (width // 2, height // 2)),
        "x150": lambda: lanczos(upright, (round(width * 150 / height), 150)),
        "120x90": lambda: lanczos(upright, (120, 90)),
        "q90": lambda: upright,
        "r90": lambda: upright.transpose(Image.ROTATE_90),
    }[options]()
    image = shared_front.picture(f"/{options}/{url}")
    assert image.size == expected.size
    assert likeness(image, expected) > SAME


def test_quality_is_what_was_asked_for(shared_front, photo):
    sizes = {}
    for quality in (1, 20, 60, 80, 95, 100):
        body = shared_front.get(f"/400x,q{quality}/{photo}").body
        reference = pictures.encoded(Image.new("RGB", (16, 16)), "JPEG", quality=quality)
        assert pictures.quality_of(body) == pictures.quality_of(reference), quality
        sizes[quality] = len(body)
    assert sorted(sizes.values()) == list(sizes.values())
    default = shared_front.get(f"/400x/{photo}").body
    assert pictures.quality_of(default) == pictures.quality_of(shared_front.get(f"/400x,q95/{photo}").body)
    # Out of range is clamped, not an error.
    assert len(shared_front.get(f"/400x,q1000/{photo}").body) == sizes[100]


@pytest.mark.parametrize("settings", [
    dict(progressive=True), dict(subsampling=0), dict(subsampling=1), dict(mode="L"), dict(progressive=True, mode="L"),
    dict(width=333, height=501), dict(width=17, height=9), dict(width=1, height=1), dict(width=1600, height=48),
    dict(quality=100), dict(quality=5),
], ids=str)
def test_every_kind_of_jpeg(shared_front, shared_origin, settings):
    source = pictures.jpeg(**settings)
    url = shared_origin.serve("/kind-" + "-".join(f"{k}{v}" for k, v in settings.items()) + ".jpg", source)
    mode = settings.get("mode", "RGB")
    whole = decoded(source, mode)
    for options, size in (("q95", whole.size), ("0.5x", None), ("60x40,fit", None)):
        answer = shared_front.get(f"/{options}/{url}")
        assert answer.status == 200 and answer["X-Imageproxy-Error"] is None, answer
        image = Image.open(io.BytesIO(answer.body))
        # Gray stays gray.
        assert image.format == "JPEG" and image.mode == mode
        expected = lanczos(whole, image.size) if size is None else whole
        assert likeness(decoded(answer.body, mode), expected) > SAME


def test_cmyk_becomes_colour_that_a_browser_shows(shared_front, shared_origin):
    source = pictures.jpeg(800, 533, mode="CMYK", subsampling=0)
    url = shared_origin.serve("/cmyk.jpg", source)
    image = shared_front.picture(f"/400x/{url}")
    assert image.size == (400, 267)
    assert likeness(image, lanczos(decoded(source), (400, 267))) > 25


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
def test_every_kind_of_png(shared_front, shared_origin, mode):
    source = pictures.png(600, 400, mode)
    url = shared_origin.serve(f"/kind-{mode}.png", lambda _: None)
    from origin import picture
    shared_origin.serve(f"/kind-{mode}.png", picture(source, "image/png"))
    answer = shared_front.get(f"/300x/{url}")
    assert answer.status == 200 and answer["X-Imageproxy-Error"] is None, answer
    assert answer["Content-Type"] == "image/png"
    image = Image.open(io.BytesIO(answer.body))
    assert image.format == "PNG" and image.size == (300, 200)
    expected = decoded(source, "RGBA").convert("RGBa").resize((300, 200), Image.LANCZOS).convert("RGBA")
    # What shows, on two grounds: colour that is transparent does not count.
    for ground in (0, 255):
        canvas = Image.new("RGBA", (300, 200), (ground, ground, ground, 255))
        ours = Image.alpha_composite(canvas, image.convert("RGBA")).convert("RGB")
        theirs = Image.alpha_composite(canvas, expected).convert("RGB")
        assert likeness(ours, theirs) > SAME
    if mode in ("RGBA", "LA"):
        assert likeness(image.convert("RGBA").getchannel("A"), expected.getchannel("A")) > 40


def test_transparent_parts_become_white_in_a_jpeg(shared_front, shared_origin):
    from origin import picture
    source = pictures.png(600, 400, "RGBA")
    url = shared_origin.serve("/alpha.png", picture(source, "image/png"))
    answer = shared_front.get(f"/jpeg,300x/{url}")
    assert answer["Content-Type"] == "image/jpeg"
    image = decoded(answer.body)
    assert numpy.asarray(image)[:, :140].min() > 245
    flat = Image.alpha_composite(Image.new("RGBA", (600, 400), "white"), decoded(source, "RGBA")).convert("RGB")
    assert likeness(image, lanczos(flat, (300, 200))) > 30


def test_a_jpeg_becomes_a_png(shared_front, photo):
    answer = shared_front.get(f"/png,200x/{photo}")
    assert answer["Content-Type"] == "image/png"
    image = Image.open(io.BytesIO(answer.body))
    assert image.format == "PNG" and image.size == (200, 133)
    assert likeness(image.convert("RGB"), lanczos(original(), (200, 133))) > SAME


def test_a_format_alone_changes_nothing_else(shared_front, shared_origin):
    from origin import picture
    source = pictures.png(120, 80)
    url = shared_origin.serve("/small.png", picture(source, "image/png"))
    assert numpy.array_equal(shared_front.picture(f"/png/{url}"), decoded(source))


@pytest.mark.parametrize("options", ["300x", "q90", "cw50", "r90", "png", "fh,png"])
def test_nothing_about_the_camera_gets_out(shared_front, shared_origin, options):
    source = pictures.jpeg(640, 427, orientation=6, extras=True)
    assert b"secret" in source and b"Secret Camera" in source
    url = shared_origin.serve("/extras.jpg", source)
    answer = shared_front.get(f"/{options}/{url}")
    assert answer.status == 200 and answer["X-Imageproxy-Error"] is None
    for mark in (b"Exif", b"eXIf", b"ICC_PROFILE", b"iCCP", b"ns.adobe.com", b"ecret", b"tEXt", b"tIME", b"Photoshop"):
        assert mark not in answer.body, mark
    image = Image.open(io.BytesIO(answer.body))
    image.load()
    assert not image.getexif() and "icc_profile" not in image.info and "comment" not in image.info


def test_without_a_transformation_not_a_byte_is_changed(shared_front, shared_origin):
    source = pictures.jpeg(640, 427, orientation=6, extras=True)
    url = shared_origin.serve("/untouched.jpg", source)
    for options in ("", "0x0", "fit", "nonsense", "sc"):
        answer = shared_front.get(f"/{options}/{url}")
        assert answer.status == 200 and answer.body == source
    assert shared_front.get(f"/{url}").body == source


def test_formats_that_are_not_decoded_are_passed_through(shared_front, shared_origin):
    from origin import picture
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><script>alert(1)</script></svg>"
    url = shared_origin.serve("/drawing.svg", picture(svg, "image/svg+xml"))
    answer = shared_front.get(f"/100x/{url}")
    assert answer.status == 200 and answer.body == svg and answer["Content-Type"] == "image/svg+xml"
    assert answer["X-Imageproxy-Error"] == "unsupported-format"
    # Harmless all the same.
    assert "default-src 'none'" in answer["Content-Security-Policy"] and "sandbox" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_every_picture_is_protected(shared_front, photo):
    for target in (f"/{photo}", f"/100x/{photo}"):
        answer = shared_front.get(target)
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Access-Control-Allow-Origin"] == "*"
        assert answer["X-Xss-Protection"] == "1; mode=block"
        assert answer["Content-Security-Policy"] == (
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox")


def geometry():
    file = pathlib.Path(__file__).parents[1] / "Fixtures" / "vectors" / "geometry.json"
    # A 0 x 0 picture is what this service does not make; trimming depends on pixels that the table does not have.
    return [row for row in json.loads(file.read_text()) if 0 not in row["out"] and "trim" not in row["options"]]


@pytest.mark.parametrize("scale_up", [False, True], ids=["plain", "scaleUp"])
def test_sizes_are_those_of_the_original_service(start, origin, scale_up):
    rows = [row for row in geometry() if row["server_scaleUp"] == scale_up]
    assert len(rows) > 35
    front = start(*LOCAL, "-workers", "2", "-cache", "memory", *(["-scaleUp"] if scale_up else []))
    from origin import picture
    for width, height in {tuple(row["src"]) for row in rows}:
        source = pictures.jpeg(width, height) if width * height > 200_000 else pictures.png(width, height)
        kind = "image/jpeg" if source.startswith(b"\xff") else "image/png"
        origin.serve(f"/{width}x{height}", picture(source, kind, Cache_Control="max-age=600"))
    wrong, lock = [], threading.Lock()
    waiting = list(rows)

    def client(_):
        with front.connect() as connection:
            while True:
                with lock:
                    if not waiting:
                        return
                    row = waiting.pop()
                width, height = row["src"]
                answer = connection.request(f"/{row['options']}/{origin.url(f'/{width}x{height}')}")
                size = Image.open(io.BytesIO(answer.body)).size if answer.status == 200 else answer.status
                if size != tuple(row["out"]) or answer["X-Imageproxy-Error"]:
                    with lock:
                        wrong.append((row["src"], row["options"], row["out"], size))

    with in_parallel(4, client):
        pass
    assert not wrong, f"{len(wrong)} of {len(rows)}: {wrong[:10]}"
