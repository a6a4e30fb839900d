"""BMP files for readers.py: the kinds that Pillow 9.4 reads."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image
from readers import Case

RANDOM = np.random.default_rng(16)
OS2, V3, OS2_V2, V4, V5 = 12, 40, 64, 108, 124
MASKS = {
    "16 bits, 565": (16, (0xF800, 0x7E0, 0x1F, 0)),
    "16 bits, 555": (16, (0x7C00, 0x3E0, 0x1F, 0)),
    "24 bits": (24, (0xFF0000, 0xFF00, 0xFF, 0)),
    "32 bits, BGRX": (32, (0xFF0000, 0xFF00, 0xFF, 0)),
    "32 bits, XBGR": (32, (0xFF000000, 0xFF0000, 0xFF00, 0)),
    "32 bits, RGBA": (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
    "32 bits, BGRA": (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
    "32 bits, masks of zero": (32, (0, 0, 0, 0)),
}


def reference(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGBA" if image.mode == "RGBA" else "RGB"))


def bmp(width: int, height: int, bits: int, rows: bytes, size: int, **parts) -> bytes:
    """`parts`: palette, masks, compression, colours, gap, offset, top_down."""
    masks, palette, colours = parts.get("masks", b""), parts.get("palette", b""), parts.get("colours", 0)
    if size == OS2:
        info = struct.pack("<IHHHH", OS2, width, height, 1, bits)
    else:
        signed = -height if parts.get("top_down") else height
        compression = parts.get("compression", 0)
        info = struct.pack("<IiiHHIIiiII", size, width, signed, 1, bits, compression, 0, 2835, 2835, colours, 0)
        info += (masks + bytes(size))[: size - V3] if size > V3 else masks
    head = info + palette + parts.get("gap", b"")
    offset = parts.get("offset", 14 + len(head))
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + len(rows), 0, 0, offset) + head + rows


def sides() -> tuple[int, int]:
    width, height = RANDOM.integers(1, 60, 2)
    return int(width), int(height)


def noise(width: int, height: int, bits: int) -> bytes:
    return bytes(RANDOM.integers(0, 256, (width * bits + 31) // 32 * 4 * height, np.uint8))


def palette(colours: int, size: int) -> bytes:
    return bytes(RANDOM.integers(0, 256, (colours, 3 if size == OS2 else 4), np.uint8))


def cases(folder: Path) -> Iterator[Case]:
    for i, case in enumerate((*palettes(), *plain(), *masked(), *runs(), *odd(), *by_pillow())):
        kind, data, apart = case
        path = folder / f"{i}.bmp"
        path.write_bytes(data)
        yield Case(path, kind, apart)


Made = tuple[str, bytes, int]  # kind, file, most levels apart


def palettes() -> Iterator[Made]:
    for bits, size, top_down, i in product((1, 4, 8), (OS2, V3, OS2_V2, V4, V5), (False, True), range(8)):
        width, height = sides()
        most = 1 << bits
        colours = int(RANDOM.integers(2, most + 1)) if i % 2 and size != OS2 else 0
        rows = noise(width, height, bits) if not colours or bits < 8 else indices(width, height, colours)
        parts = {"palette": palette(colours if bits == 8 and colours else most, size), "top_down": top_down}
        yield f"{bits} bits", bmp(width, height, bits, rows, size, colours=colours if bits == 8 else 0, **parts), 0


def indices(width: int, height: int, colours: int) -> bytes:
    return bytes(RANDOM.integers(0, colours, (height, (width + 3) // 4 * 4), np.uint8))


def plain() -> Iterator[Made]:
    for bits, size, top_down, gap, _ in product(
        (16, 24, 32), (V3, OS2_V2, V4, V5), (False, True), (b"", b"gap"), range(6)
    ):
        width, height = sides()
        data = bmp(width, height, bits, noise(width, height, bits), size, top_down=top_down, gap=gap)
        yield f"{bits} bits", data, int(bits == 16)  # Pillow rounds 5 bits down
    for _ in range(12):
        width, height = sides()
        yield "24 bits", bmp(width, height, 24, noise(width, height, 24), OS2), 0


def masked() -> Iterator[Made]:
    for (name, (bits, masks)), size, top_down, _ in product(MASKS.items(), (V3, V4, V5), (False, True), range(6)):
        width, height = sides()
        if size == V3 and masks[3]:
            continue
        parts = {"masks": struct.pack("<4I", *masks)[: 12 if size == V3 else 16], "top_down": top_down}
        yield (
            f"masks, {name}",
            bmp(width, height, bits, noise(width, height, bits), size, compression=3, **parts),
            int(bits == 16),
        )


def pairs(line: Sequence[int], bits: int) -> Iterator[bytes]:
    """A row in runs and, where that suits, indices: of an even number with 4 bits, which Pillow 9.4 gets wrong else."""
    at = 0
    while at < len(line):
        count = int(min(len(line) - at, RANDOM.integers(1, 12)))
        part = [int(index) for index in line[at : at + count]]
        if count > 3 and count % 2 == 0 and RANDOM.random() < 0.5:
            data = bytes(part) if bits == 8 else bytes(a << 4 | b for a, b in zip(part[::2], part[1::2]))
            yield bytes([0, count]) + data + bytes(len(data) % 2)
            at += count
        else:
            same = next((i for i, index in enumerate(part) if index != part[0]), count)
            yield bytes([same, part[0] if bits == 8 else part[0] * 17])
            at += same


def runs() -> Iterator[Made]:
    for bits, top_down, _ in product((4, 8), (False, True), range(40)):
        width, height = sides()
        lines = np.repeat(RANDOM.integers(0, 1 << bits, (height, width)), 3, axis=1)[:, :width]
        rows = b"".join(b"".join(pairs(line, bits)) + b"\0\0" for line in lines) + b"\0\1"
        parts = {"palette": palette(1 << bits, V3), "compression": 1 if bits == 8 else 2, "top_down": top_down}
        yield f"runs of {bits} bits", bmp(width, height, bits, rows, V3, **parts), 0


def odd() -> Iterator[Made]:
    for bits, offset, _ in product((1, 4, 8), (0, 14 + V3), range(8)):
        width, height = sides()
        parts = {"palette": palette(1 << bits, V3), "offset": offset}
        yield "wrong offset of the pixels", bmp(width, height, bits, noise(width, height, bits), V3, **parts), 0
    for _ in range(8):
        width, height = sides()
        data = bmp(width, height, 8, noise(width, height, 8), V3, palette=palette(10, V3), colours=10)
        yield "indices beyond the palette", data, 0
        yield "bytes after the pixels", bmp(width, height, 24, noise(width, height, 24) + b"more", V3), 0


def by_pillow() -> Iterator[Made]:
    for mode, _ in product(("1", "L", "P", "RGB", "RGBA"), range(12)):
        width, height = sides()
        image = Image.fromarray(RANDOM.integers(0, 256, (height, width, 4), np.uint8), "RGBA")
        image = image.convert("RGB").quantize(200) if mode == "P" else image.convert(mode)
        out = BytesIO()
        image.save(out, "BMP")
        yield "by Pillow", out.getvalue(), 0
