"""What the tests of metadata share: photographs with all of it, and what Pillow and exiftool see in a file."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_support import WEIGHTS, limn, png_chunk
from PIL import Image, ImageCms, PngImagePlugin

WIDTH, HEIGHT = 40, 24
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# limn ignores these for its own computation and says so; what it carries is the profile.
WIDE = SRGB.replace(b"s\0R\0G\0B", b"w\0i\0d\0e").replace(b"sRGB", b"wide")
GREY = SRGB[:16] + b"GRAY" + SRGB[20:]
THUMBNAIL = b"\xff\xd8 an old thumbnail \xff\xd9"
NOTES = b"MakerNote: an offset \0\0\0\x7b" * 3
UPRIGHT = {1: (WIDTH, HEIGHT), 6: (HEIGHT, WIDTH)}

BYTES, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
Entry = tuple[int, int, Any]


def photograph() -> Image.Image:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return Image.fromarray(np.stack([5 * x, 9 * y, 3 * (x + y)], -1).astype(np.uint8))


def _value(kind: int, value: Any) -> tuple[int, bytes]:
    if kind in (BYTES, ASCII, UNDEFINED):
        data = value + b"\0" * (kind == ASCII)
        return len(data), data
    if kind == RATIONAL:
        return len(value), b"".join(struct.pack(">II", *pair) for pair in value)
    return 1, struct.pack(">H" if kind == SHORT else ">I", value)


def _directory(at: int, entries: Iterable[Entry], after: int = 0) -> bytes:
    """A directory at that offset with its values behind it; `after`: the offset of the next directory."""
    entries = sorted(entries)
    table, values = struct.pack(">H", len(entries)), b""
    values_at = at + 2 + 12 * len(entries) + 4
    for tag, kind, value in entries:
        count, data = _value(kind, value)
        field = data.ljust(4, b"\0")
        if len(data) > 4:
            field = struct.pack(">I", values_at + len(values))
            values += data + b"\0" * (len(data) % 2)
        table += struct.pack(">HHI", tag, kind, count) + field
    return table + struct.pack(">I", after) + values


def exif(orientation: int = 6, *, padding: int = 0) -> bytes:
    """A block with camera, date, position, maker's notes and a thumbnail."""
    camera = [
        (0x100, SHORT, WIDTH), (0x101, SHORT, HEIGHT), (0x10E, ASCII, b"The pier"), (0x10F, ASCII, b"Maker"),
        (0x110, ASCII, b"Model 3"), (0x112, SHORT, orientation), (0x11A, RATIONAL, [(300, 1)]),
        (0x11B, RATIONAL, [(300, 1)]), (0x128, SHORT, 2), (0x132, ASCII, b"2001:02:03 04:05:06"),
        (0x13B, ASCII, b"An author"), (0x8298, ASCII, b"(c) 2001"),
    ]  # fmt: skip
    picture = [
        (0x9000, UNDEFINED, b"0232"), (0x9003, ASCII, b"2001:02:03 04:05:06"), (0x9101, UNDEFINED, b"\1\2\3\0"),
        (0x927C, UNDEFINED, NOTES + b"\0" * padding), (0xA000, UNDEFINED, b"0100"), (0xA001, SHORT, 1),
        (0xA002, LONG, WIDTH), (0xA003, SHORT, HEIGHT),
    ]  # fmt: skip
    position = [
        (0, BYTES, b"\2\3\0\0"), (1, ASCII, b"N"), (2, RATIONAL, [(54, 1), (10, 1), (0, 1)]), (3, ASCII, b"E"),
        (4, RATIONAL, [(12, 1), (5, 1), (0, 1)]),
    ]  # fmt: skip
    pointers, thumbnail_at, thumbnail = [(0x8769, LONG, 0), (0x8825, LONG, 0)], 0, 0
    for _ in range(2):  # the first time to learn the offsets
        block = _directory(8, camera + pointers, thumbnail_at)
        pointers[0] = (0x8769, LONG, 8 + len(block))
        block += _directory(8 + len(block), picture)
        pointers[1] = (0x8825, LONG, 8 + len(block))
        block += _directory(8 + len(block), position)
        thumbnail_at = 8 + len(block)
        links = [(0x103, SHORT, 6), (0x201, LONG, thumbnail), (0x202, LONG, len(THUMBNAIL))]
        block += _directory(thumbnail_at, links)
        thumbnail = 8 + len(block)
    return b"MM\0*\0\0\0\x08" + block + THUMBNAIL


def xmp(orientation: int = 6) -> bytes:
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:xmpGImg="http://ns.adobe.com/xap/1.0/g/img/" '
        f'tiff:Orientation="{orientation}" tiff:ImageWidth="{WIDTH}" xmp:Rating="4">'
        f"<exif:PixelXDimension>{WIDTH}</exif:PixelXDimension><xmp:Thumbnails><rdf:Alt><rdf:li "
        'rdf:parseType="Resource"><xmpGImg:image>b2xk</xmpGImg:image></rdf:li></rdf:Alt></xmp:Thumbnails>'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def resource(number: int, data: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + b"\0" * (len(data) % 2)


IPTC = b"\x1c\x02\x19\x00\x03sea" + b"\x1c\x02\x50\x00\x09An author"
PHOTOSHOP = b"Photoshop 3.0\0" + resource(1036, b"old thumbnail") + resource(1028, IPTC)


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def jpeg(*segments: bytes, image: Image.Image | None = None, **options: Any) -> bytes:
    """A JPEG by Pillow; the segments follow its JFIF header."""
    file = io.BytesIO()
    (image or photograph()).save(file, "JPEG", quality=95, subsampling=0, **options)
    data = file.getvalue()
    return data[:20] + b"".join(segments) + data[20:]


def photo_jpeg(orientation: int = 6) -> bytes:
    """With all that a JPEG can hold."""
    return jpeg(
        segment(0xE1, b"Exif\0\0" + exif(orientation)),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp(orientation)),
        segment(0xED, PHOTOSHOP),
        segment(0xFE, "Caf\u00e9, 1921".encode()),
        dpi=(300, 200),
        icc_profile=SRGB,
    )


def photo_png(orientation: int = 6, *chunks: bytes) -> bytes:
    """With all that a PNG can hold."""
    info, file = PngImagePlugin.PngInfo(), io.BytesIO()
    info.add_text("Author", "J\u00f6rg")
    info.add_text("Description", "The pier, " * 20, zip=True)
    info.add_itxt("Comment", "\u65e7\u7167\u7247", zip=True)
    info.add_itxt("XML:com.adobe.xmp", xmp(orientation).decode())
    photograph().save(file, "PNG", dpi=(300, 200), icc_profile=SRGB, pnginfo=info)
    data = file.getvalue()
    return data[:33] + png_chunk(b"eXIf", exif(orientation)) + b"".join(chunks) + data[33:]


def raw_profile(name: str, data: bytes) -> bytes:
    """A text in which ImageMagick keeps EXIF and other blocks."""
    digits = data.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    text = f"\n{name}\n{len(data):8}\n{lines}\n".encode()
    return png_chunk(b"zTXt", b"Raw profile type " + name.encode() + b"\0\0" + zlib.compress(text))


PHOTOS = {"jpg": photo_jpeg, "png": photo_png}


# Running limn


def upscale(folder: Path, data: bytes, target: str, *options: str, note: str = "") -> bytes:
    """The file that limn makes of another; `note`: what it must say on stderr."""
    (folder / "in.picture").write_bytes(data)
    output = folder / f"out.{target}"
    done = limn("upscale", "-m", WEIGHTS, folder / "in.picture", "-o", output, "--force", *options)
    assert done.returncode == 0, done.stderr
    message = done.stderr.decode()
    assert (message == "") == (note == "") and note in message, message
    return output.read_bytes()


# Other programs' view


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def exif_tags(image: Image.Image) -> dict[str, dict[int, Any]]:
    block = image.getexif()
    parts = {"picture": dict(block), "exif": block.get_ifd(0x8769), "gps": block.get_ifd(0x8825)}
    parts["picture"] = {tag: value for tag, value in parts["picture"].items() if tag not in (0x8769, 0x8825)}
    return {part: dict(tags) for part, tags in parts.items()}


def xmp_of(image: Image.Image) -> bytes:
    if image.format == "PNG":
        return image.info.get("XML:com.adobe.xmp", "").encode()
    head = b"http://ns.adobe.com/xap/1.0/\0"
    return b"".join(data[len(head) :] for kind, data in image.applist if kind == "APP1" and data.startswith(head))


def comments_of(data: bytes) -> list[bytes]:
    """The comments of a JPEG, in their order."""
    return [body for marker, body in segments_of(data) if marker == 0xFE]


def segments_of(data: bytes) -> list[tuple[int, bytes]]:
    """The segments of a JPEG before its scan."""
    at, found = 2, []
    while data[at + 1] != 0xDA:
        size = struct.unpack_from(">H", data, at + 2)[0]
        found.append((data[at + 1], data[at + 4 : at + 2 + size]))
        at += 2 + size
    return found


def chunks_of(data: bytes) -> list[tuple[bytes, bytes]]:
    at, found = 8, []
    while at < len(data):
        size = struct.unpack_from(">I", data, at)[0]
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(kind + body)
        found.append((kind, body))
        at += 12 + size
    return found


def exiftool(*arguments: str | Path) -> str:
    """Its output. Skips the test where it is not installed."""
    program = shutil.which("exiftool")
    if not program:
        pytest.skip("exiftool is not installed (Debian: libimage-exiftool-perl)")
    return subprocess.run([program, *arguments], capture_output=True, check=True, timeout=60).stdout.decode()


def exiftool_tags(path: Path) -> dict[str, Any]:
    """The tags of a file, as GROUP:TAG, without those about the file itself."""
    tags = json.loads(exiftool("-j", "-a", "-G1", "-n", path))[0]
    ignored = ("System:", "SourceFile", "ExifTool:", "Composite:")
    return {name: value for name, value in tags.items() if not name.startswith(ignored)}


def exiftool_faults(path: Path) -> set[str]:
    """What it warns about in a file."""
    lines = exiftool("-validate", "-warning", "-error", "-a", path).splitlines()
    return {line for line in lines if not line.startswith("Validate")}
