# SPDX-License-Identifier: Apache-2.0
"""Pages and scripts in the guise of a picture, and files that are a picture and something else as well: whatever comes
out, no browser runs it."""

import gzip
import io
import itertools
import struct
import zipfile
import zlib

import pytest

import pictures
from origin import answer

SCRIPT = b"<script>alert(document.domain)</script>"
PAGE = b"<!DOCTYPE html><html><body>" + SCRIPT + b"</body></html>"
PDF = (b"%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>/Pages 2 0 R>>endobj\n"
       b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n")
FLASH = b"FWS\x06" + struct.pack("<I", 64) + bytes(56)
CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
#: What the first bytes must be of what is called by one of these names; other names no answer with a body may have.
MAGIC = {
    "image/jpeg": (b"\xff\xd8\xff",), "image/png": (b"\x89PNG\r\n\x1a\n",), "image/gif": (b"GIF87a", b"GIF89a"),
    "image/bmp": (b"BM",),
    "image/tiff": (b"II*\0", b"MM\0*"), "image/x-icon": (b"\0\0\1\0", b"\0\0\2\0"), "image/webp": (b"RIFF",),
    "image/avif": (b"\0\0\0",),
}


def archive(member=b"alert(1)", first=b""):
    out = io.BytesIO()
    out.write(first)
    with zipfile.ZipFile(out, "a") as file:
        file.writestr("META-INF/MANIFEST.MF", "Main-Class: A")
        file.writestr("A.class", member)
    return out.getvalue()


def jpeg_with(segment, kind=0xFE):
    data = pictures.flat(40, 20)
    return data[:2] + b"\xff" + bytes([kind]) + struct.pack(">H", len(segment) + 2) + segment + data[2:]


def png_with(kind, body):
    data = pictures.png(40, 20)
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return data[:33] + chunk + data[33:]


def gif_with(comment):
    data = pictures.encoded(pictures.decoded(pictures.flat(40, 20)), "GIF")
    blocks = b"".join(bytes([len(comment[at:at + 255])]) + comment[at:at + 255] for at in range(0, len(comment), 255))
    return data[:-1] + b"\x21\xfe" + blocks + b"\0;"


def riff_with(kind, body):
    data = pictures.encoded(pictures.decoded(pictures.flat(40, 20)), "WEBP")
    more = data[8:] + kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
    return b"RIFF" + struct.pack("<I", len(more)) + more


def other(form):
    return pictures.encoded(pictures.decoded(pictures.flat(40, 20)), form)


def script_of_bytes(head):
    """A picture's first bytes as the beginning of a script."""
    return head + b"=1;alert(1)//" + b"/*" + bytes(64) + b"*/"


#: Each of them is valid, or nearly so, as two things.
POLYGLOTS = {
    "a GIF and an archive": lambda: archive(first=other("GIF")),
    "a JPEG and an archive": lambda: archive(first=pictures.flat(40, 20)),
    "a PNG and an archive": lambda: archive(first=pictures.png(40, 20)),
    "a WebP and an archive": lambda: archive(first=other("WEBP")),
    "a BMP and an archive": lambda: archive(first=other("BMP")),
    "a TIFF and an archive": lambda: archive(first=other("TIFF")),
    "an archive and a PNG": lambda: archive() + pictures.png(40, 20), "an archive": archive,
    "a JPEG and a document": lambda: jpeg_with(PDF), "a PNG and a document": lambda: png_with(b"teSt", PDF),
    "a GIF and a document": lambda: gif_with(PDF), "a document and a JPEG": lambda: PDF + pictures.flat(40, 20),
    "a document": lambda: PDF,
    "a page in a JPEG": lambda: jpeg_with(PAGE), "a page in its EXIF": lambda: jpeg_with(b"Exif\0\0" + PAGE, 0xE1),
    "a page in its XMP": lambda: jpeg_with(b"http://ns.adobe.com/xap/1.0/\0" + PAGE, 0xE1),
    "a page in a PNG": lambda: png_with(b"tEXt", b"a\0" + PAGE),
    "a page in its profile": lambda: png_with(b"iCCP", b"a\0\0" + zlib.compress(PAGE)),
    "a page in a GIF": lambda: gif_with(PAGE),
    "a page in a WebP": lambda: riff_with(b"XMP ", PAGE), "a page behind a WebP": lambda: other("WEBP") + PAGE,
    "a page behind a JPEG": lambda: pictures.flat(40, 20) + PAGE,
    "a page behind a PNG": lambda: pictures.png(40, 20) + PAGE,
    "a page behind a GIF": lambda: other("GIF") + PAGE, "a page behind a BMP": lambda: other("BMP") + PAGE,
    "a page behind a TIFF": lambda: other("TIFF") + PAGE, "a page and a JPEG": lambda: PAGE + pictures.flat(40, 20),
    "a page and a GIF": lambda: PAGE + other("GIF"),
    "a page in a comment and a GIF": lambda: b"<!--" + other("GIF") + b"-->" + SCRIPT,
    "a GIF as a script": lambda: script_of_bytes(b"GIF89a"),
    "an old GIF as a script": lambda: script_of_bytes(b"GIF87a"),
    "a BMP as a script": lambda: script_of_bytes(b"BM"), "a WebP as a script": lambda: script_of_bytes(b"RIFF"),
    "a TIFF as a script": lambda: script_of_bytes(b"II*\0"),
    "an icon as a script": lambda: b"\0\0\1\0/*" + bytes(40) + b"*/alert(1)",
    "a JPEG as a script": lambda: (
        b"\xff\xd8\xff\xe0/*" + bytes(0x2F2A) + b"*/=alert(1);/*" + pictures.flat(40, 20) + b"*/"),
    "a GIF's first bytes and a page": lambda: b"GIF89a" + PAGE,
    "a PNG's and a page": lambda: b"\x89PNG\r\n\x1a\n" + PAGE,
    "a JPEG's and a page": lambda: b"\xff\xd8\xff" + PAGE, "a BMP's and a page": lambda: b"BM" + PAGE,
    "a WebP's and a page": lambda: b"RIFF\0\0\0\0WEBPVP8 " + PAGE,
    "an icon's and a page": lambda: b"\0\0\1\0\1\0" + PAGE,
    "an AVIF's and a page": lambda: b"\0\0\0\x1cftypavif" + bytes(16) + PAGE,
    "a page": lambda: PAGE, "a page in capitals": lambda: PAGE.upper(),
    "a page after spaces": lambda: b" \r\n\t" * 200 + PAGE,
    "a page with a mark": lambda: b"\xef\xbb\xbf" + PAGE,
    "a page of two bytes a letter": lambda: PAGE.decode().encode("utf-16"),
    "a page of four bytes a letter": lambda: PAGE.decode().encode("utf-32"),
    "a page in UTF-7": lambda: b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "a page behind zeros": lambda: bytes(600) + PAGE, "a packed page": lambda: gzip.compress(PAGE),
    "a script": lambda: b"alert(1)",
    "a style": lambda: b"body{background:url(javascript:alert(1))}", "JSON": lambda: b'{"a":"<script>"}',
    "flash": lambda: FLASH,
    "a policy": lambda: b"<cross-domain-policy><allow-access-from domain='*'/></cross-domain-policy>",
    "XHTML": lambda: b"<html xmlns='http://www.w3.org/1999/xhtml'>" + SCRIPT + b"</html>",
    "XSLT": lambda: b"<?xml version='1.0'?><?xml-stylesheet type='text/xsl' href='#a'?><a id='a'/>",
    "a mail": lambda: b"MIME-Version: 1.0\nContent-Type: text/html\n\n" + PAGE,
    "PostScript": lambda: b"%!PS\n(x) = quit", "a program": lambda: b"\x7fELF" + PAGE,
    "a server's page": lambda: b"<?php phpinfo();?>", "nothing but a byte": lambda: b"<",
}
ANNOUNCED = [
    None, "image/jpeg", "image/png", "image/gif", "image/svg+xml", "image/x-icon", "image/*", "image",
    "image/x,text/html", "image/svg+xml, text/html",
    "text/html", "text/html; a=image/png", "application/xhtml+xml", "text/xml", "application/octet-stream",
    "application/javascript", "multipart/x-mixed-replace",
]

DRAWN = [
    "<script>alert(1)</script>", "<script href='data:,alert(1)'/>", "<script xlink:href='http://evil.test/a.js'/>",
    "<g onload='alert(1)'/>",
    "<rect onclick='alert(1)' width='9' height='9'/>", "<animate onbegin='alert(1)' attributeName='x' dur='1s'/>",
    "<set onend='alert(1)'/>",
    "<a xlink:href='javascript:alert(1)'><rect width='9' height='9'/></a>",
    "<a href='data:text/html,<script>alert(1)</script>'><text>x</text></a>",
    "<foreignObject><iframe xmlns='http://www.w3.org/1999/xhtml' src='javascript:alert(1)'/></foreignObject>",
    "<foreignObject><body xmlns='http://www.w3.org/1999/xhtml' onload='alert(1)'/></foreignObject>",
    "<use href='data:image/svg+xml,x#a'/>",
    "<use xlink:href='http://evil.test/a.svg#a'/>", "<image href='http://evil.test/a.png'/>",
    "<image xlink:href='javascript:alert(1)'/>",
    "<style>@import 'http://evil.test/a.css';</style>", "<style>*{background:url(http://evil.test/)}</style>",
    "<handler>alert(1)</handler>",
    "<feImage href='http://evil.test/a'/>", "<animate attributeName='href' values='javascript:alert(1)'/>",
    "<metadata>&a;</metadata>",
    "<svg onload='alert(1)'/>", "<![CDATA[<script>]]>alert(1)", "<text>&#x3c;script&#x3e;</text>",
    "<listener event='load' handler='#a'/>",
    "<embed xmlns='http://www.w3.org/1999/xhtml' src='data:text/html,x'/>", "<path d='M0 0'/>",
]
ROOT = "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink'{}>{}</svg>"
DRAWN_AS = ["image/svg+xml", "image/svg+xml; charset=utf-16", "image/png", "text/xml", "text/html", None]
WRAPPED = [
    lambda body: ROOT.format("", body).encode(), lambda body: ROOT.format(" onload='alert(1)'", body).encode(),
    lambda body: b"<?xml version='1.0'?>" + ROOT.format("", body).encode(),
    lambda body: b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a -->\n" + ROOT.format("", body).encode(),
    lambda body: b"<!DOCTYPE svg [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" + ROOT.format("", body).encode(),
    lambda body: b"<?xml-stylesheet href='http://evil.test/a.xsl' type='text/xsl'?>" + ROOT.format("", body).encode(),
    lambda body: f"<s:svg xmlns:s='http://www.w3.org/2000/svg'>{body}</s:svg>".encode(),
    lambda body: ROOT.format("", body).encode("utf-16"),
    lambda body: gzip.compress(ROOT.format("", body).encode()),
    lambda body: b"<html><body>" + ROOT.format("", body).encode() + b"</body></html>",
    lambda body: ROOT.format("", body).upper().encode(), lambda body: b" \n\t" * 300 + ROOT.format("", body).encode(),
]


def assert_harmless(answered, what):
    """Either nothing but a word about it, or a picture of a kind that cannot run, or a drawing in chains."""
    assert answered["X-Content-Type-Options"] == "nosniff", what
    if answered.status != 200:
        assert answered["Content-Type"] == "text/plain; charset=utf-8" and b"<" not in answered.body, (what, answered)
        return None
    kind = answered["Content-Type"]
    assert answered["Content-Security-Policy"] == CSP, (what, answered)
    if kind.partition(";")[0] == "image/svg+xml":
        return "image/svg+xml"
    assert kind in MAGIC and answered.body.startswith(MAGIC[kind]), (what, answered)
    return kind


@pytest.mark.parametrize("options", ["", "50x", "png"])
def test_what_is_two_things_is_a_picture_or_nothing(shared_front, shared_origin, options):
    with shared_front.connect() as connection:
        for name, make in POLYGLOTS.items():
            data = make()
            for announced in ANNOUNCED:
                url = shared_origin.serve("/two-things", lambda _: answer(data, content_type=announced))
                answered = connection.request(f"/{options}/{url}")
                kind = assert_harmless(answered, (name, announced))
                # What is made of a picture has nothing of what came with it.
                if kind and options and answered["X-Imageproxy-Error"] is None:
                    assert b"alert" not in answered.body and b"META-INF" not in answered.body, (name, announced)


@pytest.mark.parametrize("options", ["", "50x"])
def test_a_drawing_is_chained_or_refused(shared_front, shared_origin, options):
    served = 0
    with shared_front.connect() as connection:
        for body, wrap in itertools.product(DRAWN, WRAPPED):
            data = wrap(body)
            for announced in DRAWN_AS:
                url = shared_origin.serve("/drawing.svg", lambda _: answer(data, content_type=announced))
                kind = assert_harmless(connection.request(f"/{options}/{url}"), (data, announced))
                assert kind in (None, "image/svg+xml"), (data, announced)
                # What says that it is something else is nothing.
                assert kind is None or announced.startswith("image/svg+xml"), (data, announced)
                served += kind is not None
    # It is not that nothing is served at all.
    assert served > len(DRAWN) * 4


@pytest.mark.parametrize("beginning", [b"<!-- made by hand -->\n", b"<!DOCTYPE svg PUBLIC 'a' 'b'>", b"<!-- a --><!DOCTYPE svg>"])
def test_a_drawing_may_begin_with_more_than_its_root(shared_front, shared_origin, beginning):
    data = beginning + ROOT.format("", "<path d='M0 0'/>").encode()
    url = shared_origin.serve("/begun.svg", lambda _: answer(data, content_type="image/svg+xml"))
    answered = shared_front.get(f"/{url}")
    assert assert_harmless(answered, beginning) == "image/svg+xml" and answered.body == data
