# SPDX-License-Identifier: Apache-2.0
"""What a camera has written about the place, the time and itself: nothing of it is in a result."""

import io

import pytest
from PIL import Image, PngImagePlugin

import pictures
from origin import picture
from pictures import encoded

#: As it would stand in a file, in whichever of its blocks.
CAMERA, PLACE = "Secret Camera", "Secret Place"
XMP = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><exif:GPSLatitude>{PLACE}</exif:GPSLatitude></x:xmpmeta>".encode()
GPS = 0x8825


def exif():
    block = Image.Exif()
    block[0x0110] = CAMERA
    block[GPS] = {1: "N", 2: (52.0, 31.0, 0.0), 3: "E", 4: (13.0, 24.0, 0.0), 0x1D: "2024:01:01"}
    return block.tobytes()


def jpeg():
    data = encoded(Image.fromarray(pictures.scene(160, 120)), "JPEG", exif=exif(), comment=PLACE.encode())
    packet = b"http://ns.adobe.com/xap/1.0/\0" + XMP
    return data[:2] + b"\xff\xe1" + (len(packet) + 2).to_bytes(2, "big") + packet + data[2:]


def png():
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Location", PLACE)
    texts.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return encoded(Image.fromarray(pictures.scene(160, 120)), "PNG", exif=exif(), pnginfo=texts)


def webp():
    return encoded(Image.fromarray(pictures.scene(160, 120)), "WEBP", exif=exif(), xmp=XMP)


def tiff():
    return encoded(Image.fromarray(pictures.scene(160, 120)), "TIFF", tiffinfo={0x0110: CAMERA, 0x010E: PLACE})


@pytest.mark.parametrize("options", ["64x", "64x,png", "64x,webp", "64x,avif", "64x,jpeg", "r90", "jpeg"])
@pytest.mark.parametrize("source", [jpeg, png, webp, tiff])
def test_no_place_and_no_camera_comes_out(shared_front, shared_origin, source, options):
    data = source()
    assert CAMERA.encode() in data and (source is tiff or b"GPSLatitude" in data and b"2024:01:01" in data)
    answered = shared_front.get(f"/{options}/{shared_origin.serve(f'/{source.__name__}', picture(data, f'image/{source.__name__}'))}")
    assert answered.status == 200 and answered["X-Imageproxy-Error"] is None, answered
    for trace in (CAMERA.encode(), PLACE.encode(), b"GPS", b"2024:01:01", b"xmpmeta", b"http://ns.adobe.com"):
        assert trace not in answered.body, trace
    if "avif" not in options:
        assert not Image.open(io.BytesIO(answered.body)).getexif()
