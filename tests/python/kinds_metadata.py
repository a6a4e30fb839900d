"""Rows of test_kinds.py: what a photograph says about itself stays with the picture that is made of it."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from cli_support import png, png_chunk
from kinds import kind
from metadata_support import (
    GREY,
    IPTC,
    PHOTOS,
    SRGB,
    THUMBNAIL,
    chunks_of,
    comments_of,
    exif,
    exif_tags,
    jpeg,
    opened,
    photo_jpeg,
    photo_png,
    photograph,
    raw_profile,
    resource,
    segment,
    segments_of,
    upscale,
    xmp,
    xmp_of,
)

CARRIED, CORRECTED, PROFILE = "metadata is lost", "metadata describes the old picture", "ICC profile of the result"
DAMAGED, ENTRY = "EXIF that is damaged or unusual", "nothing says how a picture was made"
XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"


def with_exif(block: bytes) -> bytes:
    return jpeg(segment(0xE1, b"Exif\0\0" + block))


# Carried


def all_carried(folder: Path, source: str, target: str) -> str:
    before, after = opened(PHOTOS[source](1)), opened(upscale(folder, PHOTOS[source](1), target))
    old, new = exif_tags(before), exif_tags(after)
    assert old["gps"] == new["gps"] and {0x9003, 0x927C} < set(new["exif"]) and new["picture"][0x8298] == "(c) 2001"
    assert after.info["icc_profile"] == SRGB and round(after.info["dpi"][0]) == 300 and xmp_of(after)
    return "EXIF, GPS, XMP, resolution and profile carried"


@kind(CARRIED, "JPEG to JPEG", before="all dropped")
def jpeg_to_jpeg(folder: Path) -> str:
    return all_carried(folder, "jpg", "jpg")


@kind(CARRIED, "JPEG to PNG", before="all dropped")
def jpeg_to_png(folder: Path) -> str:
    return all_carried(folder, "jpg", "png")


@kind(CARRIED, "PNG to JPEG", before="all dropped")
def png_to_jpeg(folder: Path) -> str:
    return all_carried(folder, "png", "jpg")


@kind(CARRIED, "PNG to PNG", before="all dropped")
def png_to_png(folder: Path) -> str:
    return all_carried(folder, "png", "png")


@kind(CARRIED, "scan of 600 dpi without EXIF", before="resolution dropped")
def scan(folder: Path) -> str:
    data = jpeg(image=photograph().convert("L"), dpi=(600, 600))
    for target in PHOTOS:
        assert abs(opened(upscale(folder, data, target)).info["dpi"][0] - 600) < 0.05
    return "600 dpi in JPEG and PNG"


@kind(CARRIED, "JPEG whose EXIF alone has the resolution", before="resolution dropped")
def resolution_in_exif(folder: Path) -> str:
    image = opened(upscale(folder, with_exif(exif(1)), "png"))
    assert abs(image.info["dpi"][0] - 300) < 0.05
    return "300 dpi in EXIF and in the PNG itself"


@kind(CARRIED, "all of it, with --strip", before="(no such option)")
def stripped(folder: Path) -> str:
    data = upscale(folder, photo_png(), "png", "--strip")
    assert {name for name, _ in chunks_of(data)} == {b"IHDR", b"IDAT", b"IEND"}
    markers = [marker for marker, _ in segments_of(upscale(folder, photo_jpeg(), "jpg", "--strip"))]
    assert all(marker < 0xE1 for marker in markers)
    return "none in the result"


def raw_png(*chunks: bytes) -> bytes:
    data = png(np.asarray(photograph()))
    return data[:33] + b"".join(chunks) + data[33:]


@kind(CARRIED, "PNG by ImageMagick with EXIF as a raw profile", before="all dropped")
def raw_exif(folder: Path) -> str:
    for name, prefix in (("exif", b""), ("APP1", b"Exif\0\0")):
        for target in PHOTOS:
            image = opened(upscale(folder, raw_png(raw_profile(name, prefix + exif(1))), target))
            assert exif_tags(image)["picture"][0x100] == image.width and THUMBNAIL not in image.info["exif"]
    return "carried as EXIF, corrected"


@kind(CARRIED, "PNG with IPTC as a raw profile", before="all dropped")
def raw_iptc(folder: Path) -> str:
    data = raw_png(raw_profile("iptc", resource(1028, IPTC)))
    for source in (data, upscale(folder, data, "png")):
        kept = [body for marker, body in segments_of(upscale(folder, source, "jpg")) if marker == 0xED]
        assert kept == [b"Photoshop 3.0\0" + resource(1028, IPTC)]
    return "carried to JPEG and PNG"


# Corrected


@kind(CORRECTED, "EXIF orientation 6, turned upright", before="dropped")
def orientation(folder: Path) -> str:
    image = opened(upscale(folder, with_exif(exif(6)), "jpg"))
    tags = exif_tags(image)
    assert tags["picture"][0x112] == 1 and (tags["exif"][0xA002], tags["exif"][0xA003]) == image.size
    return "orientation 1, the new size"


@kind(CORRECTED, "the same with --no-orient", before="dropped")
def orientation_kept(folder: Path) -> str:
    image = opened(upscale(folder, with_exif(exif(6)), "png", "--no-orient"))
    assert exif_tags(image)["picture"][0x112] == 6 and image.width > image.height
    return "orientation 6: not turned"


@kind(CORRECTED, "orientation in EXIF and XMP", before="dropped")
def orientation_in_xmp(folder: Path) -> str:
    inner = b"<tiff:Orientation>6</tiff:Orientation><xmp:Thumbnails>"
    element = xmp(6).replace(b'tiff:Orientation="6"', b"").replace(b"<xmp:Thumbnails>", inner)
    for packet, want in ((xmp(6), b'tiff:Orientation="1"'), (element, b"<tiff:Orientation>1<")):
        data = jpeg(segment(0xE1, b"Exif\0\0" + exif(6)), segment(0xE1, XMP_HEAD + packet))
        assert want in xmp_of(opened(upscale(folder, data, "png")))
    return "1 in both, as attribute and as element"


@kind(CORRECTED, "thumbnails in EXIF, XMP and Photoshop's resources", before="dropped")
def thumbnails(folder: Path) -> str:
    data = upscale(folder, photo_jpeg(), "jpg")
    assert not any(text in data for text in (THUMBNAIL, b"b2xk", b"old thumbnail"))
    return "no thumbnail of the old picture"


@kind(CORRECTED, "a picture over 65535 pixels wide, width stored in 16 bits", before="dropped")
def wide(folder: Path) -> str:
    strip = photograph().resize((16384, 1))
    image = opened(upscale(folder, jpeg(segment(0xE1, b"Exif\0\0" + exif(1)), image=strip), "png"))
    assert exif_tags(image)["picture"][0x100] == image.width == 65536
    return "stored in 32 bits"


@kind(CARRIED, "PNG with a compressed text of 100 KB, to a JPEG", before="all dropped")
def long_text(folder: Path) -> str:
    data = raw_png(png_chunk(b"zTXt", b"Description\0\0" + zlib.compress(b"The pier, " * 10_000)))
    comments = comments_of(upscale(folder, data, "jpg", note="not kept: what exceeds 64 KB"))
    assert not any(comment.startswith(b"Description") for comment in comments)
    return "dropped with a note: a JPEG holds 64 KB"


# Profiles


@kind(PROFILE, "grey scan with a profile for grey", before="profile dropped")
def profile_for_grey(folder: Path) -> str:
    data = jpeg(image=photograph().convert("L"), icc_profile=GREY)
    assert "icc_profile" not in opened(upscale(folder, data, "png", note="not kept: the ICC profile")).info
    return "dropped with a note: the result is RGB"


@kind(PROFILE, "JPEG with sRGB's profile to PNG", before="profile dropped")
def profile_to_png(folder: Path) -> str:
    assert opened(upscale(folder, jpeg(icc_profile=SRGB), "png")).info["icc_profile"] == SRGB
    return "carried"


@kind(PROFILE, "profile of 200 KB, in parts", before="profile dropped")
def profile_in_parts(folder: Path) -> str:
    profile = struct.pack(">I", 200_000) + SRGB[4:] + bytes(200_000 - len(SRGB))
    for target in PHOTOS:
        assert opened(upscale(folder, jpeg(icc_profile=profile), target)).info["icc_profile"] == profile
    return "carried whole"


@kind(PROFILE, "PNG whose profile is compressed in another way, or not at all", before="profile dropped")
def profile_compressed(folder: Path) -> str:
    for level, strategy in [(0, zlib.Z_DEFAULT_STRATEGY), (1, zlib.Z_RLE), (9, zlib.Z_FIXED), (6, zlib.Z_HUFFMAN_ONLY)]:
        compress = zlib.compressobj(level, strategy=strategy)
        profile = png_chunk(b"iCCP", b"icc\0\0" + compress.compress(SRGB) + compress.flush())
        for target in PHOTOS:
            assert opened(upscale(folder, raw_png(profile), target)).info["icc_profile"] == SRGB
    return "carried"


@kind(PROFILE, "profile of which a part is missing", before="profile dropped")
def profile_without_part(folder: Path) -> str:
    data = jpeg(segment(0xE2, b"ICC_PROFILE\0\1\2" + SRGB))
    assert "icc_profile" not in opened(upscale(folder, data, "jpg", note="not kept: the ICC profile")).info
    return "dropped with a note"


# Damaged


@kind(DAMAGED, "PNG whose eXIf starts with Exif and two zeros", before="read, all dropped")
def exif_prefix(folder: Path) -> str:
    chunks = chunks_of(photo_png(1))
    data = photo_png(1).replace(png_chunk(*chunks[1]), png_chunk(b"eXIf", b"Exif\0\0" + exif(1)), 1)
    assert exif_tags(opened(upscale(folder, data, "jpg")))["picture"][0x10F] == "Maker"
    return "carried without them"


@kind(DAMAGED, "cut after 60 bytes", before="read, all dropped")
def exif_cut(folder: Path) -> str:
    assert b"Exif\0\0" not in upscale(folder, with_exif(exif()[:60]), "jpg")
    return "read, EXIF dropped"


@kind(DAMAGED, "the directory of the thumbnail is the first one", before="read, all dropped")
def exif_cycle(folder: Path) -> str:
    block = exif(1)
    link = 10 + 12 * struct.unpack_from(">H", block, 8)[0]
    image = opened(upscale(folder, with_exif(block[:link] + struct.pack(">I", 8) + block[link + 4 :]), "jpg"))
    assert exif_tags(image)["picture"][0x10F] == "Maker"
    return "read, carried without the cycle"


@kind(DAMAGED, "EXIF of 90 KB in a PNG, to a JPEG", before="read, all dropped")
def exif_too_long(folder: Path) -> str:
    data = photo_png(1).replace(png_chunk(*chunks_of(photo_png(1))[1]), png_chunk(b"eXIf", exif(1, padding=90_000)), 1)
    assert not dict(opened(upscale(folder, data, "jpg", note="not kept: what exceeds 64 KB")).getexif())
    return "dropped with a note: a JPEG holds 64 KB"


@kind(DAMAGED, "Photoshop's resources that end early", before="read, all dropped")
def resources_cut(folder: Path) -> str:
    data = jpeg(segment(0xED, b"Photoshop 3.0\0" + resource(1028, b"\x1c\x02\x19\0\3sea") + b"8BIM\x04"))
    kept = [body for marker, body in segments_of(upscale(folder, data, "jpg")) if marker == 0xED]
    assert kept == [b"Photoshop 3.0\0" + resource(1028, b"\x1c\x02\x19\0\3sea")]
    return "the whole ones carried"


@kind(DAMAGED, "raw profiles that are damaged or of another kind", before="read, all dropped")
def raw_damaged(folder: Path) -> str:
    for chunk in (raw_profile("exif", exif())[:-40], raw_profile("xmp", xmp()), raw_profile("exif", b"none")):
        size = len(chunk) - 12
        chunk = png_chunk(b"zTXt", chunk[8 : 8 + size])
        assert "exif" not in opened(upscale(folder, raw_png(chunk), "png", note="not kept: ImageMagick")).info
    return "read, dropped with a note"


# limn's own entry


@kind(ENTRY, "a PNG", before="no text")
def entry_in_png(folder: Path) -> str:
    text = opened(upscale(folder, jpeg(), "png")).text
    assert list(text) == ["Software"] and text["Software"].startswith("limn ")
    return "text Software: version, command, options, weights"


@kind(ENTRY, "a JPEG", before="no comment")
def entry_in_jpeg(folder: Path) -> str:
    assert opened(upscale(folder, jpeg(), "jpg")).info["comment"].startswith(b"limn ")
    return "a comment with the same text"


@kind(ENTRY, "a PNG that names another program", before="its text dropped")
def entry_beside_another(folder: Path) -> str:
    data = photo_png(1, png_chunk(b"tEXt", b"Software\0Scanner 3"))
    text = opened(upscale(folder, data, "png")).text
    assert text["Software"] == "Scanner 3" and text["limn"].startswith("limn ")
    return "both: Software and limn"
