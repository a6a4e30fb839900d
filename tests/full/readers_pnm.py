"""PNM files for readers.py: plain and raw, every kind of maximum, with comments and white space where they may be."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image
from readers import Case

RANDOM = np.random.default_rng(16)
MOST = (1, 2, 3, 4, 7, 15, 31, 100, 127, 128, 254, 255, 256, 257, 1000, 1023, 4095, 32767, 65534, 65535)
PIECES = (b"# made by hand\n", b"#\r", b"##1 2 3\n", b"# \xe9\r")
SPACES = (b" ", b"\n", b"\t", b"\r\n", b"  \v", b"\f ")


def reference(image: Image.Image) -> np.ndarray:
    """Mode I is grey of 0 to 65535, from which 8 bits are rounded again, as limn rounds only once."""
    if image.mode == "I":
        grey = (np.asarray(image) * 255 + 32767) // 65535
        return np.dstack([grey] * 3).astype(np.uint8)
    return np.asarray(image.convert("RGB"))


def cases(folder: Path) -> Iterator[Case]:
    for i, (kind, data, apart, refused) in enumerate((*numbers(), *bits(), *comments(), *damaged())):
        path = folder / f"{i}.pnm"
        path.write_bytes(data)
        yield Case(path, kind, apart, refused)


Made = tuple[str, bytes, int, str]  # kind, file, most levels apart, words of the message


def space() -> bytes:
    return bytes(RANDOM.choice(SPACES))


def plain(samples: np.ndarray) -> bytes:
    """Numbers with white space, lines with comments after it."""
    text = b""
    for number in samples.reshape(-1):
        text += b"%d" % number + space()
        if RANDOM.random() < 0.05:
            text += bytes(RANDOM.choice(PIECES))
    return text


def raw(samples: np.ndarray, most: int) -> bytes:
    return samples.astype(">u2" if most > 255 else np.uint8).tobytes()


def numbers() -> Iterator[Made]:
    """Python, and so Pillow, rounds halves to even numbers; limn and Netpbm round them up."""
    for digit, most, _ in product((2, 3, 5, 6), MOST, range(9)):
        width, height = map(int, RANDOM.integers(1, 15, 2))
        samples = RANDOM.integers(0, most + 1, (height, width, 3 if digit % 3 == 0 else 1))
        header = b"P%d%s%d%s%d%s%d" % (digit, space(), width, space(), height, space(), most)
        data = b"\n" + (plain(samples) if digit < 4 else raw(samples, most))
        yield f"P{digit}, {'16' if most > 255 else '8'} bits", header + data, int(most != 255), ""


def bits() -> Iterator[Made]:
    for width, height in product(range(1, 19), range(1, 6)):
        samples = RANDOM.integers(0, 2, (height, width), np.uint8)
        glue = bytes(RANDOM.choice((b"", b" ", b"\n")))
        text = glue.join(b"%d" % bit for bit in samples.reshape(-1))
        yield "P1", b"P1\n%d %d\n" % (width, height) + text + b"\n", 0, ""
        yield "P4", b"P4\n%d %d\n" % (width, height) + np.packbits(samples, axis=1).tobytes(), 0, ""


def scattered(number: int) -> bytes:
    """The digits of a number, with comments between them."""
    parts = [b"%c" % digit for digit in b"%d" % number]
    return b"".join(part + (bytes(RANDOM.choice(PIECES)) if RANDOM.random() < 0.4 else b"") for part in parts)


def comments() -> Iterator[Made]:
    for _ in range(300):
        width, height = map(int, RANDOM.integers(1, 15, 2))
        samples = RANDOM.integers(0, 256, (height, width, 3))
        fields = [bytes(RANDOM.choice(PIECES)) + space() + scattered(number) for number in (width, height, 255)]
        yield "comments", b"P6\n" + space().join(fields) + b"\n" + raw(samples, 255) + b"more", 0, ""


def damaged() -> Iterator[Made]:
    for digit, cut in product((4, 5, 6), range(1, 9)):
        data = b"P%d 9 7 255\n"[: 7 if digit == 4 else None] % digit
        data += b"\n" if digit == 4 else b""
        size = {4: 14, 5: 63, 6: 189}[digit]
        yield "cut", data + bytes(size - cut), 0, "ends early"
    for start in (b"P7\nWIDTH 1\n", b"PF\n1 1\n-1\n", b"P0CMYK\n1 1\n255\n"):
        yield "other formats", start + bytes(99), 0, "not a picture limn reads"
