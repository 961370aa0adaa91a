# SPDX-License-Identifier: Apache-2.0
"""What a camera has written about the place, the time and itself: nothing of it is in a result."""

import io
import json
import subprocess

import pytest
from PIL import Image, PngImagePlugin

import pictures
import sources
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


#: All kinds of blocks that ExifTool knows to write into a picture; what a format has no place for it leaves out.
EVERYTHING = [
    "-GPSLatitude=52.5", "-GPSLatitudeRef=N", "-GPSLongitude=13.4", "-GPSLongitudeRef=E", "-GPSDateStamp=2024:01:01",
    "-EXIF:Make=Secret", "-EXIF:Model=Secret", "-EXIF:Artist=Secret", "-EXIF:UserComment=Secret",
    "-EXIF:SerialNumber=Secret",
    "-EXIF:DateTimeOriginal=2024:01:01 01:01:01", "-EXIF:ImageDescription=Secret", "-EXIF:OwnerName=Secret",
    "-XMP:Creator=Secret",
    "-XMP:GPSLatitude=52.5", "-XMP:GPSLongitude=13.4", "-XMP:Title=Secret", "-XMP:PersonInImage=Secret",
    "-XMP-photoshop:City=Secret",
    "-IPTC:By-line=Secret", "-IPTC:City=Secret", "-IPTC:Caption-Abstract=Secret", "-Comment=Secret",
    "-PNG:Author=Secret",
    "-Photoshop:URL=http://secret.test/", "-JFIF:XResolution=77",
]
#: What a file is made of, which is all that may be left.
STRUCTURE = {"SourceFile", "ExifTool", "System", "File", "Composite", "JFIF", "PNG", "GIF", "RIFF", "IFD0",
             "QuickTime", "Track1", "Meta"}
PRIVATE = ("gps", "secret", "xmp", "iptc", "photoshop", "make", "model", "artist", "comment", "serial", "date", "2024",
           "description",
           "creator", "author", "owner", "title")
#: What names end in or have in them that say nothing of anybody: of the file on this disk, and of a codec.
HARMLESS = ("System:", "ExifTool:", "SourceFile", "File:", "QuickTime:MajorBrand", "QuickTime:HandlerDescription")


def exiftool(*arguments):
    return subprocess.run(["exiftool", "-q", *map(str, arguments)], capture_output=True, text=True, timeout=120)


def tags(*files):
    """Every tag that it finds in each of some files, as `group:name`, the unknown ones too."""
    found = exiftool("-j", "-a", "-u", "-U", "-G1", "-ee3", *files)
    return {entry["SourceFile"]: {name: str(value) for name, value in entry.items()}
            for entry in json.loads(found.stdout)}


def test_nothing_is_left_of_all_that_can_be_written(shared_front, shared_origin, tmp_path):
    """Every format with every kind of block, to every format, by another's eyes."""
    originals = {}
    for name in ("jpeg-420", "png-rgb", "webp-lossy", "gif-animated", "tiff-raw", "avif-420"):
        form = sources.form(name)
        original = tmp_path / f"original.{form}"
        original.write_bytes(sources.source(name).data)
        exiftool("-overwrite_original", "-m", *EVERYTHING, original)
        originals[form] = original
    written = tags(*originals.values())
    for form, original in originals.items():
        secrets = [name for name, value in written[str(original)].items() if "Secret" in value or "GPS" in name]
        # It was written, wherever there is a place for it.
        assert len(secrets) >= (2 if form == "gif" else 10), (form, written[str(original)])
    made = {}
    for form, original in originals.items():
        url = shared_origin.serve(f"/original.{form}", picture(original.read_bytes(), f"image/{form}"))
        for options in ("30x", "30x,png", "30x,jpeg", "30x,webp", "30x,avif", "30x,gif", "30x,tiff", "r90", "r180",
                        "fh", "trim", "q100",
                        "q1", "jpeg", "png", "1x", "5000x"):
            answered = shared_front.get(f"/{options}/{url}")
            assert answered.status == 200 and answered["X-Imageproxy-Error"] is None, (form, options, answered)
            file = tmp_path / f"{form}-{options.replace(',', '-')}"
            file.write_bytes(answered.body)
            made[str(file)] = (form, options)
    found = tags(*made)
    assert found.keys() == made.keys()
    for file, every in found.items():
        for name, value in every.items():
            assert name.partition(":")[0] in STRUCTURE, (made[file], name, value)
            if not name.startswith(HARMLESS):
                assert not any(word in f"{name} {value}".lower() for word in PRIVATE), (made[file], name, value)
