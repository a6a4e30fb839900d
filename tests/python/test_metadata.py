"""Metadata that upscale, colorize and segment carry to the picture they make, as Pillow and exiftool see it.

    python3 tests/python/test_metadata.py        prints exiftool's view before and after, as Markdown
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_support import ROOT, WEIGHTS, limn, png, png_chunk, ppm, succeeds
from colorize_support import weights as colorize_weights
from metadata_support import (
    GREY,
    HEIGHT,
    IPTC,
    NOTES,
    PHOTOS,
    SRGB,
    THUMBNAIL,
    UPRIGHT,
    WIDTH,
    chunks_of,
    comments_of,
    exif,
    exif_tags,
    exiftool_faults,
    exiftool_tags,
    jpeg,
    opened,
    photo_jpeg,
    photo_png,
    photograph,
    resource,
    segments_of,
    upscale,
    xmp_of,
)
from segment_support import weights as segment_weights

SOFTWARE = re.compile(r"limn \d+\.\d+\.\d+ upscale, weights enhancenet")
PAIRS = [(source, target) for source in PHOTOS for target in PHOTOS]


def carried(tmp_path: Path, source: str, target: str, orientation: int = 6, *options: str) -> bytes:
    return upscale(tmp_path, PHOTOS[source](orientation), target, *options)


# Pillow's view


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize("orientation", [1, 6])
def test_what_pillow_sees(source: str, target: str, orientation: int, tmp_path: Path) -> None:
    before = opened(PHOTOS[source](orientation))
    data = carried(tmp_path, source, target, orientation)
    after = opened(data)
    width, height = (4 * side for side in UPRIGHT[orientation])
    assert after.size == (width, height)

    want = exif_tags(before)
    want["picture"] |= {0x112: 1, 0x100: width, 0x101: height}
    want["exif"] |= {0xA002: width, 0xA003: height}
    assert exif_tags(after) == want
    assert after.info["icc_profile"] == SRGB
    dpi = (300, 200) if orientation == 1 else (200, 300)
    assert np.abs(np.subtract(after.info["dpi"], dpi)).max() < 0.05
    packet = xmp_of(after)
    assert b'tiff:Orientation="1" tiff:ImageWidth="%d" xmp:Rating="4">' % width in packet
    assert b"<exif:PixelXDimension>%d</exif:PixelXDimension></rdf:Description>" % width in packet
    assert THUMBNAIL not in data and b"b2xk" not in data and b"old thumbnail" not in data


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_the_makers_notes_stay_where_they_are(source: str, target: str, tmp_path: Path) -> None:
    data = carried(tmp_path, source, target)
    start = data.index(b"MM\0*")
    assert data.index(NOTES) - start == exif().index(NOTES)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_an_orientation_that_was_not_applied_stays(source: str, target: str, tmp_path: Path) -> None:
    data = carried(tmp_path, source, target, 6, "--no-orient")
    image = opened(data)
    assert image.size == (4 * WIDTH, 4 * HEIGHT) and exif_tags(image)["picture"][0x112] == 6
    assert b'tiff:Orientation="6"' in xmp_of(image)


def test_comments_and_texts(tmp_path: Path) -> None:
    cafe = "Caf\u00e9, 1921".encode()
    texts = {"Author": "J\u00f6rg", "Description": "The pier, " * 20, "Comment": "\u65e7\u7167\u7247"}
    data = carried(tmp_path, "jpg", "jpg")
    own, *others = comments_of(data)
    assert SOFTWARE.match(own.decode()) and others == [cafe]
    assert opened(data).info["comment"] == cafe
    assert opened(carried(tmp_path, "jpg", "png")).text["Comment"].encode() == cafe
    image = opened(carried(tmp_path, "png", "png"))
    assert {key: image.text[key] for key in texts} == texts and SOFTWARE.match(image.text["Software"])
    own, *others = comments_of(carried(tmp_path, "png", "jpg"))
    want = [f"Author: {texts['Author']}", f"Description: {texts['Description']}", texts["Comment"]]
    assert SOFTWARE.match(own.decode()) and [text.decode() for text in others] == want


def test_iptc(tmp_path: Path) -> None:
    """Also by way of a PNG."""
    for data in (photo_jpeg(), carried(tmp_path, "jpg", "png")):
        output = upscale(tmp_path, data, "jpg")
        resources = [body for marker, body in segments_of(output) if marker == 0xED]
        assert resources == [b"Photoshop 3.0\0" + resource(1028, IPTC)]


@pytest.mark.parametrize("target", PHOTOS)
def test_a_profile_for_grey_is_not_carried(target: str, tmp_path: Path) -> None:
    grey = photograph().convert("L")
    data = upscale(tmp_path, jpeg(image=grey, icc_profile=GREY), target, note="not kept: the ICC profile")
    assert "icc_profile" not in opened(data).info


@pytest.mark.parametrize("target", PHOTOS)
def test_a_profile_in_parts(target: str, tmp_path: Path) -> None:
    """A segment holds 64 KB."""
    size = len(SRGB) + 150_000
    profile = size.to_bytes(4, "big") + SRGB[4:] + np.random.default_rng(1).bytes(150_000)
    for data in (jpeg(icc_profile=profile), png_with_profile(profile)):
        assert opened(upscale(tmp_path, data, target)).info["icc_profile"] == profile


def png_with_profile(profile: bytes) -> bytes:
    file = io.BytesIO()
    photograph().save(file, "PNG", icc_profile=profile)
    return file.getvalue()


def test_exif_that_is_too_long_for_a_jpeg(tmp_path: Path) -> None:
    data = photo_png(6, png_chunk(b"eXIf", exif(padding=70_000)))
    first = chunks_of(data)[1]
    data = data.replace(png_chunk(*first), b"", 1)
    assert exif_tags(opened(upscale(tmp_path, data, "png")))["picture"][0x10E] == "The pier"
    image = opened(upscale(tmp_path, data, "jpg", note="what exceeds 64 KB"))
    assert not dict(image.getexif()) and xmp_of(image)


@pytest.mark.parametrize("damage", ["cut", "noise", "cycle"])
def test_damaged_exif_is_dropped_in_silence(damage: str, tmp_path: Path) -> None:
    block = exif()
    if damage == "cut":
        block = block[:60]
    elif damage == "noise":
        block = block[:8] + b"\xff" * (len(block) - 8)
    else:  # the directory after the first is the first
        link = 10 + 12 * int.from_bytes(block[8:10], "big")
        block = block[:link] + b"\0\0\0\x08" + block[link + 4 :]
    data = upscale(tmp_path, jpeg(b"\xff\xe1" + (len(block) + 8).to_bytes(2, "big") + b"Exif\0\0" + block), "jpg")
    assert (b"Exif\0\0" in data) == (damage == "cycle")


@pytest.mark.parametrize("source", PHOTOS)
@pytest.mark.parametrize("target", PHOTOS)
def test_strip(source: str, target: str, tmp_path: Path) -> None:
    (tmp_path / "in.picture").write_bytes(PHOTOS[source](6))
    output = tmp_path / f"out.{target}"
    succeeds("upscale", "-m", WEIGHTS, tmp_path / "in.picture", "-o", output, "--strip")
    data = output.read_bytes()
    if target == "png":
        assert {kind for kind, _ in chunks_of(data)} == {b"IHDR", b"IDAT", b"IEND"}
    else:
        markers = [marker for marker, _ in segments_of(data)]
        assert markers[0] == 0xE0 and not any(marker > 0xE0 for marker in markers[1:])
        assert opened(data).info.get("dpi") is None


@pytest.mark.parametrize("extension", ["ppm", "bmp"])
def test_formats_that_hold_none(extension: str, tmp_path: Path) -> None:
    plain = photograph()
    width, height = plain.size
    data = upscale(tmp_path, photo_jpeg(), extension)
    header = 54 if extension == "bmp" else len(b"P6\n%d %d\n255\n" % (4 * height, 4 * width))
    assert len(data) == header + 3 * 16 * width * height


# Which commands and views


def text_of(path: Path) -> dict[str, str]:
    return dict(opened(path.read_bytes()).text)


def has_exif(path: Path) -> bool:
    return bool(dict(opened(path.read_bytes()).getexif()))


def test_colorize(tmp_path: Path) -> None:
    source, output = tmp_path / "in.jpg", tmp_path / "out.png"
    source.write_bytes(photo_jpeg())
    model = colorize_weights("siggraph17")
    succeeds("colorize", "-m", model, source, "-o", output, "--saturation", "0.5")
    image = opened(output.read_bytes())
    want = exif_tags(opened(photo_jpeg()))
    want["picture"] |= {0x112: 1, 0x100: HEIGHT, 0x101: WIDTH}
    want["exif"] |= {0xA002: HEIGHT, 0xA003: WIDTH}
    assert exif_tags(image) == want and image.info["icc_profile"] == SRGB
    assert re.match(r"limn \S+ colorize --saturation 0\.5, weights siggraph17( |$)", image.text["Software"])
    lower = ("--isa", "amx-emulated", "--precision", "bf16")
    succeeds("colorize", "-m", model, source, "-o", output, "--force", *lower)
    assert re.match(r"limn \S+ colorize --precision bf16, weights", text_of(output)["Software"])
    succeeds("colorize", "-m", model, source, "-o", output, "--force", "--precision", "fp32")
    assert re.match(r"limn \S+ colorize, weights", text_of(output)["Software"]), "the default changes nothing"
    succeeds("colorize", "-m", f"{model},{colorize_weights('eccv16')}", source, "-o", output, "--compare", "--force")
    assert not has_exif(output), "a sheet is another picture"
    assert re.match(r"limn \S+ colorize --compare, weights siggraph17.*, eccv16", text_of(output)["Software"])


@pytest.mark.parametrize("view", ["mask", "color", "overlay", "side", "cutout"])
def test_views_of_segment(view: str, tmp_path: Path) -> None:
    source, output = tmp_path / "in.png", tmp_path / "out.png"
    source.write_bytes(photo_png())
    succeeds("segment", "-m", segment_weights("deeplabv3"), source, "-o", output, "--view", view)
    assert has_exif(output) == (view in ("overlay", "cutout"))
    assert re.match(rf"limn \S+ segment --view {view}, weights deeplabv3", text_of(output)["Software"])


# limn's own entry


def software(tmp_path: Path, *options: str | Path) -> str:
    (tmp_path / "in.ppm").write_bytes(ppm(np.zeros((8, 8, 3), np.uint8)))
    succeeds("upscale", tmp_path / "in.ppm", "-o", tmp_path / "out.png", "--force", *options)
    return text_of(tmp_path / "out.png")["Software"]


def test_the_entry_names_the_weights_and_their_hash(tmp_path: Path) -> None:
    weights = ROOT / "weights/enhancenet.safetensors"
    about = json.loads(limn("inspect", weights, "--json").stdout)["metadata"]
    want = f"enhancenet (source sha256 {about['limn.source_sha256']})"
    assert software(tmp_path, "-m", weights).endswith(f" upscale, weights {want}")


def test_the_entry_holds_no_path(tmp_path: Path) -> None:
    folder = tmp_path / "secret"
    folder.mkdir()
    copy = shutil.copy(WEIGHTS, folder / "caf\u00e9.safetensors")
    text = software(tmp_path, "-m", copy, "--no-orient", "--threads", "1", "--tile", "4", "--quality", "80")
    assert re.match(r"limn \S+ upscale --no-orient, weights caf\?\?$", text), text


def test_the_entry_does_not_replace_that_of_the_source(tmp_path: Path) -> None:
    data = png(np.zeros((8, 8, 3), np.uint8), png_chunk(b"tEXt", b"Software\0Scanner 3"))
    image = opened(upscale(tmp_path, data, "png"))
    assert image.text["Software"] == "Scanner 3" and SOFTWARE.match(image.text["limn"])


def test_equal_pictures_have_equal_files(tmp_path: Path) -> None:
    for target in PHOTOS:
        outputs = {
            hashlib.sha256(carried(tmp_path, "jpg", target, 6, *options)).hexdigest()
            for options in [(), (), ("--threads", "2"), ("--tile", "8"), ("--memory-limit", "1G")]
        }
        assert len(outputs) == 1


# exiftool's view

CHANGED = {
    "IFD0:Orientation", "IFD0:ImageWidth", "IFD0:ImageHeight", "ExifIFD:ExifImageWidth", "ExifIFD:ExifImageHeight",
    "XMP-tiff:Orientation", "XMP-tiff:ImageWidth", "XMP-exif:ExifImageWidth",
}  # fmt: skip
DROPPED = ("IFD1:", "XMP-xmp:Thumbnail", "Photoshop:PhotoshopThumbnail")
STORED = ("File:", "JFIF:", "PNG:", "PNG-pHYs:")  # each format in its own way: see the tests with Pillow


def view(tmp_path: Path, source: str, target: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tags of a photograph before and after, but not those about how its format stores it."""
    before, after = tmp_path / f"before.{source}", tmp_path / f"after.{target}"
    before.write_bytes(PHOTOS[source](6))
    after.write_bytes(carried(tmp_path, source, target))
    old, new = (
        {name: value for name, value in exiftool_tags(path).items() if not name.startswith(STORED)}
        for path in (before, after)
    )
    return old, new


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_what_exiftool_sees(source: str, target: str, tmp_path: Path) -> None:
    old, new = view(tmp_path, source, target)
    kept = {name for name in old if not name.startswith(DROPPED)}
    assert set(new) == kept and len(kept) > 50
    assert {name for name in kept if new[name] != old[name]} == CHANGED
    assert any(name.startswith("IFD1:") for name in old)
    width, height = 4 * HEIGHT, 4 * WIDTH
    assert [new[name] for name in sorted(CHANGED)] == [height, width, height, width, 1, width, width, 1]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_exiftool_finds_no_new_fault(source: str, target: str, tmp_path: Path) -> None:
    """It expects more of EXIF in a JPEG than in a PNG, so a JPEG with the same block is the measure."""
    output = tmp_path / f"after.{target}"
    output.write_bytes(carried(tmp_path, source, target))
    allowed = set()
    for format in (source, target):
        path = tmp_path / f"before.{format}"
        path.write_bytes(PHOTOS[format](6))
        allowed |= exiftool_faults(path)
    assert exiftool_faults(output) <= allowed


def print_table() -> None:
    """exiftool's view before and after, as Markdown: a row for each tag, its value where it changed."""
    columns = {}
    with tempfile.TemporaryDirectory() as folder:
        for source, target in PAIRS:
            columns[f"{source} to {target}"] = view(Path(folder), source, target)
    names = sorted({name for old, new in columns.values() for name in old | new})
    print("| tag |", " | ".join(columns), "|\n" + "|---" * (len(columns) + 1) + "|")
    for name in names:
        row = []
        for old, new in columns.values():
            gone = "dropped" if name in old else ""
            same = "kept" if new.get(name) == old.get(name) else f"{old.get(name)} => {new.get(name)}"
            row.append(same if name in new else gone)
        print(f"| {name} |", " | ".join(row), "|")


if __name__ == "__main__":
    print_table()
