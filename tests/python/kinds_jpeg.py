"""JPEG files as cameras, phones, web pages and other programs leave them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from cli_support import ROOT, fails, succeeds
from jpeg_writer import JFIF, Jpeg, segment
from kinds import kind
from PIL import Image
from test_jpeg import SAMPLINGS, largest_difference

E_INPUT = 4


def photograph(**options: object) -> bytes:
    """A part of a photograph as Pillow writes it."""
    with Image.open(ROOT / "weights/samples/chelsea.png") as image:
        out = io.BytesIO()
        image.convert("RGB").crop((40, 40, 141, 112)).save(out, "JPEG", **options)
    return out.getvalue()


def segments(jpeg: bytes) -> list[tuple[int, bytes]]:
    """Those up to the first scan: each marker with all of its bytes."""
    found, at = [], 2
    while not found or found[-1][0] != 0xDA:
        size = 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        found.append((jpeg[at + 1], jpeg[at : at + size]))
        at += size
    return found


def without(jpeg: bytes, *markers: int) -> bytes:
    """The file without these segments before its scan."""
    found = segments(jpeg)
    rest = jpeg[2 + sum(len(whole) for _, whole in found) :]
    return b"\xff\xd8" + b"".join(whole for marker, whole in found if marker not in markers) + rest


def before(jpeg: bytes, marker: int, inserted: bytes) -> bytes:
    at = jpeg.index(bytes([0xFF, marker]))
    return jpeg[:at] + inserted + jpeg[at:]


def renamed(jpeg: bytes, names: bytes) -> bytes:
    """A baseline file whose components have other names."""
    out = bytearray(jpeg)
    frame, scan = jpeg.index(b"\xff\xc0"), jpeg.index(b"\xff\xda")
    for i, name in enumerate(names):
        out[frame + 10 + 3 * i] = out[scan + 5 + 2 * i] = name
    return bytes(out)


def changed(jpeg: bytes, marker: int, at: int, value: int) -> bytes:
    """The file with one byte of a segment changed."""
    out = bytearray(jpeg)
    out[jpeg.index(bytes([0xFF, marker])) + at] = value
    return bytes(out)


def made(width: int, height: int, sampling: str = "4:2:0", **options: object) -> bytes:
    return Jpeg(width, height, SAMPLINGS[sampling], **options).bytes()


def add_read(
    name: str, what: str, was: str, make: Callable[[], bytes], whole: Callable[[], bytes] | None = None
) -> None:
    """A file that limn reads as Pillow does. `whole`: the file that Pillow reads instead, where it refuses this one."""

    @kind(name, what, before=was)
    def run(folder: Path) -> str:
        path, reference = folder / "odd.jpg", folder / "pillow.png"
        path.write_bytes(make())
        with Image.open(io.BytesIO((whole or make)())) as image:
            image.convert("RGB").save(reference)
        succeeds("compare", path, reference)
        if not whole:
            return f"read, {largest_difference([path])} levels from Pillow"
        path.with_name("whole.jpg").write_bytes(whole())
        return f"read, {largest_difference([path], [path.with_name('whole.jpg')])} levels from the whole file"


def add_refused(name: str, what: str, was: str, words: str, make: Callable[[], bytes]) -> None:
    """A file that limn refuses with these words."""

    @kind(name, what, before=was)
    def run(folder: Path) -> str:
        path = folder / "odd.jpg"
        path.write_bytes(make())
        message = fails(E_INPUT, "compare", path, path)
        assert words in message
        return f"refused: {words}"


CHROMA = "JPEG chroma"
add_read(CHROMA, "photograph, 4:2:0, odd sides", "read, 3 levels from Pillow", photograph)
add_read(CHROMA, "4:2:2, the last column", "read, 11 levels from Pillow", lambda: made(31, 12, "4:2:2"))
add_read(CHROMA, "4:4:0, the last row", "read, 2 levels from Pillow", lambda: made(12, 31, "4:4:0"))
add_read(CHROMA, "4:2:0, 3 pixels wide", "read, 12 levels from Pillow", lambda: made(3, 9))
add_read(CHROMA, "luma with less samples than chroma", "read, 2 levels from Pillow", lambda: made(33, 33, "luma less"))
add_read(
    CHROMA,
    "chroma that differ, progressive",
    "read, 10 levels from Pillow",
    lambda: made(25, 19, "chroma unlike", progressive=True),
)

NO_END = "JPEG without an end marker"
add_read(NO_END, "cut after the scan", "refused: ends early", lambda: photograph()[:-2], photograph)
add_read(NO_END, "cut inside the marker", "refused: ends early", lambda: photograph()[:-1], photograph)
add_read(NO_END, "then zeros", "refused: ends early", lambda: photograph()[:-2] + bytes(4000))
add_read(
    NO_END,
    "then a maker's trailer",
    "refused: ends early",
    lambda: photograph()[:-2] + b"SEFHe\0\0\0\xff\0\1\2\3SEFT" * 9,
)
add_read(
    NO_END,
    "a scan for each component",
    "refused: ends early",
    lambda: made(30, 20, interleaved=False)[:-2],
    lambda: made(30, 20, interleaved=False),
)

TRAILER = "JPEG with more after its end"
add_read(
    TRAILER, "a second JPEG, as in MPO", "read, 3 levels from Pillow", lambda: photograph() + photograph(quality=20)
)
add_read(TRAILER, "zeros", "read, 3 levels from Pillow", lambda: photograph() + bytes(511))
add_read(TRAILER, "a cut second JPEG", "read, 3 levels from Pillow", lambda: photograph() + photograph()[:300])

MOTION = "frame of Motion JPEG, without Huffman tables"
add_read(MOTION, "4:2:0", "refused: unknown marker", lambda: without(photograph(), 0xC4))
add_read(MOTION, "4:2:2", "refused: unknown marker", lambda: without(photograph(subsampling=1), 0xC4))
add_read(MOTION, "no JFIF either", "refused: unknown marker", lambda: without(photograph(quality=50), 0xC4, 0xE0))

SEGMENTS = "JPEG with odd segments"
add_read(
    SEGMENTS,
    "stray bytes before the frame",
    "refused: unknown marker",
    lambda: before(photograph(), 0xC0, b"stray\xff\0"),
)
add_read(
    SEGMENTS, "stray bytes before the scan", "refused: (expected marker)", lambda: before(photograph(), 0xDA, b"\0\0\0")
)
add_read(
    SEGMENTS,
    "fill bytes before each segment",
    "read, 3 levels from Pillow",
    lambda: before(before(photograph(), 0xC0, b"\xff" * 5), 0xDA, b"\xff"),
)
add_read(
    SEGMENTS,
    "stray bytes before the end",
    "read, 3 levels from Pillow",
    lambda: before(photograph(), 0xD9, b"\0\0\1\2"),
)
add_read(
    SEGMENTS,
    "a comment that holds markers",
    "read, 3 levels from Pillow",
    lambda: before(photograph(), 0xDB, segment(0xFE, b"\xff\xd9\xff\xda")),
)
add_read(SEGMENTS, "a comment of length 0", "refused: ends early", lambda: before(photograph(), 0xDB, b"\xff\xfe\0\0"))
add_read(
    SEGMENTS,
    "a restart marker before the end",
    "refused: unknown marker",
    lambda: before(made(30, 20), 0xD9, b"\xff\xd0"),
)
add_read(
    SEGMENTS,
    "a number of lines (DNL) that is wrong",
    "refused: (bad DNL height)",
    lambda: before(photograph(), 0xD9, segment(0xDC, b"\0\x07")),
)
add_read(
    SEGMENTS,
    "a restart interval beyond the picture",
    "read, 3 levels from Pillow",
    lambda: before(photograph(), 0xDA, segment(0xDD, b"\x7f\xff")),
)
add_read(SEGMENTS, "16-bit quantisation tables", "read, 2 levels from Pillow", lambda: made(30, 20, wide_tables=True))

add_read(
    SEGMENTS,
    "a baseline scan with a first coefficient",
    "refused: (bad SOS)",
    lambda: changed(photograph(), 0xDA, 11, 1),
)

NAMES = "JPEG with odd components"
add_read(NAMES, "names 0, 1, 2", "read, 3 levels from Pillow", lambda: renamed(photograph(), bytes([0, 1, 2])))
add_read(NAMES, "all of one name", "read, 205 levels from Pillow", lambda: renamed(photograph(), bytes([1, 1, 1])))
add_read(NAMES, "names R, G, B in a JFIF file", "read, 154 levels from Pillow", lambda: renamed(photograph(), b"RGB"))
add_read(
    NAMES,
    "names R, G, B",
    "read, 1 levels from Pillow",
    lambda: without(renamed(photograph(subsampling=0), b"RGB"), 0xE0),
)
add_read(
    NAMES,
    "Adobe's RGB",
    "read, 1 levels from Pillow",
    lambda: made(20, 20, "4:4:4", metadata=segment(0xEE, b"Adobe\0d\0\0\0\0\0")),
)
add_read(
    NAMES,
    "Adobe's RGB after JFIF",
    "read, 2 levels from Pillow",
    lambda: made(20, 20, metadata=segment(0xE0, JFIF) + segment(0xEE, b"Adobe\0d\0\0\0\0\0")),
)

LACKS = "JPEG of a kind that limn does not read"
SOF = 0xC0
add_refused(
    LACKS,
    "12 bits",
    "refused: JPEG with 12 bits a sample, 8 expected",
    "12 bits a sample",
    lambda: changed(photograph(), SOF, 4, 12),
)
add_refused(
    LACKS,
    "arithmetic coding",
    "refused: arithmetic-coded JPEG is not supported",
    "arithmetic-coded",
    lambda: changed(photograph(), SOF, 1, 0xC9),
)
add_refused(
    LACKS,
    "lossless",
    "refused: lossless JPEG is not supported",
    "lossless",
    lambda: changed(photograph(), SOF, 1, 0xC3),
)
add_refused(
    LACKS,
    "two components",
    "refused: JPEG with 2 components, 1 or 3 expected",
    "2 components",
    lambda: Jpeg(9, 9, SAMPLINGS["4:2:0"][:2]).bytes(),
)
add_refused(
    LACKS,
    "height after the data",
    "refused: a picture of 101 x 0 pixels, at least 1 x 1 expected",
    "DNL",
    lambda: changed(changed(photograph(), SOF, 5, 0), SOF, 6, 0),
)
add_refused(
    LACKS,
    "a third of two samples",
    "refused: (bad H)",
    "sampling factors",
    lambda: Jpeg(9, 9, ((3, 1), (2, 1), (1, 1))).bytes(),
)


def last_scan_left_out(jpeg: bytes) -> bytes:
    return jpeg[: jpeg.rindex(b"\xff\xda")] + b"\xff\xd9"


DAMAGED = "damaged JPEG"
add_refused(DAMAGED, "cut in the last unit", "refused: ends early", "ends early", lambda: photograph()[:-9])
add_refused(
    DAMAGED, "half of the data, with an end marker", "read", "ends early", lambda: photograph()[:1400] + b"\xff\xd9"
)
add_refused(
    DAMAGED,
    "no scan of the last component",
    "read",
    "ends early",
    lambda: last_scan_left_out(made(30, 20, interleaved=False)),
)
add_refused(
    DAMAGED,
    "progressive, the last scan left out",
    "read",
    "finer detail",
    lambda: last_scan_left_out(made(30, 20, progressive=True)),
)
add_refused(
    DAMAGED,
    "progressive, no end marker",
    "refused: ends early",
    "ends early",
    lambda: photograph(progressive=True)[:-2] + bytes(50),
)
add_refused(
    DAMAGED,
    "a restart marker lost",
    "refused: unknown marker",
    "restart markers",
    lambda: made(50, 41, restart=3).replace(b"\xff\xd1", b""),
)
add_refused(
    DAMAGED,
    "a restart interval without markers",
    "refused: unknown marker",
    "restart markers",
    lambda: before(photograph(), 0xDA, segment(0xDD, b"\0\3")),
)
add_refused(
    DAMAGED, "no quantisation table", "read", "table that the file does not have", lambda: without(photograph(), 0xDB)
)
add_refused(
    DAMAGED,
    "progressive without Huffman tables",
    "read",
    "table that the file does not have",
    lambda: without(photograph(progressive=True), 0xC4),
)
