"""PNG files for readers.py: every colour type, depth and size of interlacing, what Pillow writes, what it forgives."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from cli_support import png_chunk
from PIL import Image
from png_writer import CHANNELS, DEPTHS, END, png_file, random_samples
from readers import Case

NAMES = {0: "grey", 2: "RGB", 3: "palette", 4: "grey and alpha", 6: "RGBA"}
GREY, RGB, PALETTE = 0, 2, 3
RANDOM = np.random.default_rng(16)
LATE: set[str] = set()  # paths of files with tRNS after the data, which libpng and limn ignore, and Pillow does not
TRANSPARENT: dict[str, np.ndarray] = {}  # path: where tRNS makes pixels invisible, of files that Pillow reads otherwise


def reference(image: Image.Image) -> np.ndarray:
    """Pillow 9.4 compares the key of tRNS with samples that it has scaled already, and knows it in mode I no more."""
    keyed = "transparency" in image.info and image.filename not in LATE
    alpha = image.mode in ("LA", "RGBA") or keyed
    hidden = TRANSPARENT.get(image.filename)
    if image.mode.startswith("I"):
        grey = (np.asarray(image).astype(int) * 255 + 32767) // 65535
        pixels = np.dstack([grey, grey, grey, np.full_like(grey, 255)])
    else:
        pixels = np.array(image.convert("RGBA"), int)
    if hidden is not None:
        pixels[..., 3] = np.where(hidden, 0, 255)
    return pixels[..., : 4 if alpha else 3].astype(np.uint8)


def cases(folder: Path) -> Iterator[Case]:
    yield from every_kind(folder)
    yield from interlaced(folder)
    yield from transparent(folder)
    yield from by_pillow(folder)
    yield from forgiven(folder)


def save(folder: Path, data: bytes) -> Path:
    path = folder / f"{len(list(folder.iterdir()))}.png"
    path.write_bytes(data)
    return path


def palette(colours: int) -> bytes:
    return png_chunk(b"PLTE", bytes(RANDOM.integers(0, 256, 3 * colours, np.uint8)))


def most_apart(depth: int, colour: int) -> int:
    """Pillow 9.4 drops the low byte of 16-bit samples, except of grey ones; limn rounds."""
    return 1 if depth == 16 and colour != GREY else 0


def made(folder: Path, width: int, height: int, depth: int, colour: int, *, interlaced: bool = False, **how) -> Case:
    samples = random_samples(RANDOM, width, height, depth, colour)
    before = palette(int(RANDOM.integers(1, (1 << depth) + 1))) if colour == PALETTE else b""
    filters = RANDOM.integers(0, 5, 7)
    level, pieces = int(RANDOM.integers(0, 10)), int(RANDOM.integers(1, 5))
    how = {"interlaced": interlaced, "filters": filters, "level": level, "pieces": pieces} | how
    path = save(folder, png_file(samples, depth, colour, before=before, **how))
    bits = " of 16 bits" if depth == 16 else ""
    return Case(path, NAMES[colour] + bits + (", interlaced" if interlaced else ""), most_apart(depth, colour))


def every_kind(folder: Path) -> Iterator[Case]:
    for colour, depths in DEPTHS.items():
        for depth, _ in product(depths, range(60)):
            width, height = RANDOM.integers(1, 70, 2)
            yield made(folder, width, height, depth, colour)


def interlaced(folder: Path) -> Iterator[Case]:
    """Every size up to 9 x 9, at which passes of Adam7 are empty or begin."""
    for colour, depths in DEPTHS.items():
        for depth, width, height in product(depths, range(1, 10), range(1, 10)):
            yield made(folder, width, height, depth, colour, interlaced=True)


def transparent(folder: Path) -> Iterator[Case]:
    for depth, bits, i in product(DEPTHS[GREY], (0, 1), range(12)):
        samples = random_samples(RANDOM, 13, 11, depth, GREY)
        key = int(samples[3, 4, 0])
        noise = bits * int(RANDOM.integers(0, 1 << 16)) >> depth << depth  # bits beyond the depth do not count
        chunk = png_chunk(b"tRNS", struct.pack(">H", key | noise & 0xFFFF))
        path = save(folder, png_file(samples, depth, GREY, interlaced=bool(i % 2), before=chunk))
        TRANSPARENT[str(path)] = samples[..., 0] == key
        yield Case(path, "tRNS, grey")
    for depth, i in product(DEPTHS[RGB], range(20)):
        samples = random_samples(RANDOM, 13, 11, depth, RGB)
        chunk = png_chunk(b"tRNS", struct.pack(">3H", *map(int, samples[3, 4])))
        path = save(folder, png_file(samples, depth, RGB, interlaced=bool(i % 2), before=chunk))
        TRANSPARENT[str(path)] = (samples == samples[3, 4]).all(axis=2)
        yield Case(path, "tRNS, RGB", most_apart(depth, RGB))
    for depth, i in product(DEPTHS[PALETTE], range(20)):
        samples = random_samples(RANDOM, 13, 11, depth, PALETTE)
        alpha = png_chunk(b"tRNS", bytes(RANDOM.integers(0, 256, int(RANDOM.integers(0, (1 << depth) + 1)), np.uint8)))
        path = save(
            folder, png_file(samples, depth, PALETTE, interlaced=bool(i % 2), before=palette(1 << depth) + alpha)
        )
        yield Case(path, "tRNS, palette")


def by_pillow(folder: Path) -> Iterator[Case]:
    for mode, level, i in product(("1", "L", "LA", "P", "RGB", "RGBA", "I;16"), range(10), range(4)):
        width, height = RANDOM.integers(1, 90, 2)
        noise = RANDOM.integers(0, 256, (height, width, 4), np.uint8)
        if mode == "I;16":
            image = Image.fromarray(noise.view("<u2")[..., 0].copy(), mode)
        else:
            image = Image.fromarray(noise, "RGBA").convert("RGB" if mode == "P" else mode)
            image = image.quantize(1 << 2 * i) if mode == "P" else image
        path = folder / f"pillow-{mode.replace(';', '')}-{level}-{i}.png"
        image.save(path, compress_level=level, optimize=i == 3, **({"bits": (1, 2, 4, 8)[i]} if mode == "P" else {}))
        yield Case(path, "by Pillow")
    for i in range(20):
        frames = [Image.fromarray(RANDOM.integers(0, 256, (12, 15, 3), np.uint8)) for _ in range(3)]
        path = folder / f"animated-{i}.png"
        frames[0].save(path, save_all=True, append_images=frames[1:], default_image=bool(i % 2))
        yield Case(path, "APNG by Pillow")


def forgiven(folder: Path) -> Iterator[Case]:
    """Without the end, or with chunks out of place, in every colour type."""
    trns, plte = (png_chunk(kind, bytes(range(6, 18))) for kind in (b"tRNS", b"PLTE"))
    exif = png_chunk(b"eXIf", b"Exif\0\0II*\0junk")
    ends = (b"", END[:-1], END[:8], END[:-4] + b"oops", bytes(30), END + b"trailing bytes")
    befores = (b"", exif, plte, png_chunk(b"IDAT", b""))
    for (colour, depths), end, before, after in product(DEPTHS.items(), ends, befores, (b"", trns, plte)):
        depth = int(RANDOM.choice(depths))
        before = palette(1 << depth) + before.replace(plte, b"") if colour == PALETTE else before
        samples = random_samples(RANDOM, 7, 9, depth, colour)
        path = save(folder, png_file(samples, depth, colour, before=before, after=after, end=end))
        if after == trns:
            LATE.add(str(path))
        yield Case(path, "forgiven", most_apart(depth, colour))
    for colour, keep in product((4, 6), (1, 6, 12)):
        samples = random_samples(RANDOM, 7, 9, 8, colour)
        yield Case(
            save(folder, png_file(samples, 8, colour, before=png_chunk(b"tRNS", bytes(keep)))), "tRNS beside alpha"
        )
    for cut in (21, 25, 40):
        data = png_file(RANDOM.integers(0, 256, (9, 9, CHANNELS[RGB])), 8, RGB)
        yield Case(save(folder, data[:-cut]), "cut inside the data", refused="ends early")
