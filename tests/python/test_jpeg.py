"""JPEG pictures against Pillow (libjpeg-turbo): every sampling, every size modulo 16, baseline and progressive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from decode_support import decode
from jpeg_writer import Factors, Jpeg, segment
from PIL import Image

# T.81 leaves the inverse transform a level of room, and conversion to RGB doubles it. Against libjpeg-turbo 2.1
# the difference is 0.
MOST_APART = 2

SAMPLINGS: dict[str, tuple[Factors, ...]] = {
    "grey": ((1, 1),),
    "grey 2x2": ((2, 2),),
    "grey 3x1": ((3, 1),),
    "4:4:4": ((1, 1), (1, 1), (1, 1)),
    "4:4:4 as 2x2": ((2, 2), (2, 2), (2, 2)),
    "4:2:2": ((2, 1), (1, 1), (1, 1)),
    "4:2:2 as 2x2": ((2, 2), (1, 2), (1, 2)),
    "4:4:0": ((1, 2), (1, 1), (1, 1)),
    "4:2:0": ((2, 2), (1, 1), (1, 1)),
    "4:1:1": ((4, 1), (1, 1), (1, 1)),
    "4:1:0": ((4, 2), (1, 1), (1, 1)),
    "4:4:1": ((1, 4), (1, 1), (1, 1)),
    "a quarter and a half down": ((2, 4), (1, 1), (1, 1)),
    "a third": ((3, 1), (1, 1), (1, 1)),
    "a third down": ((1, 3), (1, 1), (1, 1)),
    "a third both ways": ((3, 3), (1, 1), (1, 1)),
    "a third and a half": ((3, 2), (1, 1), (1, 1)),
    "a quarter both ways": ((4, 4), (1, 1), (1, 1)),
    "chroma unlike": ((2, 2), (2, 1), (1, 2)),
    "one chroma whole": ((2, 2), (1, 1), (2, 2)),
    "half and quarter": ((4, 1), (2, 1), (1, 1)),
    "half both, quarter": ((4, 4), (2, 2), (1, 1)),
    "luma less": ((1, 1), (2, 2), (2, 2)),
    "luma less across": ((1, 1), (2, 1), (1, 1)),
    "luma less down": ((1, 1), (1, 2), (1, 1)),
    "each unlike": ((1, 2), (2, 1), (2, 2)),
    "luma a quarter": ((1, 1), (4, 2), (2, 1)),
}
MOST_BLOCKS = 10  # that libjpeg reads in a minimum coded unit


def kinds(factors: tuple[Factors, ...]) -> Iterator[dict[str, bool]]:
    """The ways to send a picture of this sampling."""
    small = sum(across * down for across, down in factors) <= MOST_BLOCKS
    for progressive, interleaved in product((False, True), (False, True)):
        if not interleaved or (small and len(factors) > 1):
            yield {"progressive": progressive, "interleaved": interleaved}


def largest_difference(paths: Sequence[Path], references: Sequence[Path] | None = None) -> int:
    """Between limn and Pillow, over all files; Pillow may read other files instead."""
    largest = 0
    for got, reference in zip(decode(paths), references or paths):
        with Image.open(reference) as image:
            want = np.asarray(image.convert("RGB"), int)
        assert got.pixels is not None, got.message
        assert got.pixels.shape == want.shape, got.path.name
        apart = int(np.abs(got.pixels - want).max())
        assert apart <= MOST_APART, f"{got.path.name}: {apart} levels apart"
        largest = max(largest, apart)
    return largest


@pytest.mark.parametrize("name", SAMPLINGS)
def test_samplings(name: str, tmp_path: Path) -> None:
    """Each size modulo 16 comes once in a direction, along with one of 1 to 4."""
    paths = []
    for n, kind in enumerate(kinds(SAMPLINGS[name])):
        for i in range(16):
            width, height = 1 + (i * 5 + n) % 16 + 16 * (i % 3), 1 + (i * 11 + 7 * n) % 16 + 16 * (i % 2)
            sizes = [(width, height), (i % 4 + 1, height)] if i % 2 else [(width, height), (width, i % 4 + 1)]
            for size in sizes:
                paths.append(tmp_path / f"{size[0]}x{size[1]}-{n}.jpg")
                paths[-1].write_bytes(Jpeg(*size, SAMPLINGS[name], seed=i, **kind).bytes())
    largest_difference(paths)


@pytest.mark.parametrize("restart", [1, 2, 5, 9])
def test_restart_markers(restart: int, tmp_path: Path) -> None:
    paths = []
    for n, (name, kind) in enumerate(product(("grey", "4:2:0", "4:1:1", "a third"), range(3))):
        options = [*kinds(SAMPLINGS[name])]
        paths.append(tmp_path / f"{n}.jpg")
        jpeg = Jpeg(50 + n, 41 - n, SAMPLINGS[name], restart=restart, **options[kind % len(options)])
        paths[-1].write_bytes(jpeg.bytes())
    largest_difference(paths)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}, {"restart_marker_rows": 1}])
def test_pillow_files(options: dict[str, bool | int], tmp_path: Path) -> None:
    """What Pillow writes, of noise over a ramp."""
    random = np.random.default_rng(3)
    paths = []
    for subsampling, quality, size in product((0, 1, 2), (40, 95), range(1, 34)):
        width, height = size, 1 + size * 13 % 33
        ramp = np.linspace(0, 200, width)[None, :, None] + random.integers(0, 56, (height, width, 3))
        paths.append(tmp_path / f"{subsampling}-{quality}-{width}x{height}.jpg")
        picture = Image.fromarray(ramp.astype(np.uint8))
        picture.save(paths[-1], quality=quality, subsampling=subsampling, **options)
    largest_difference(paths)


@pytest.mark.parametrize("progressive", [False, True])
def test_quantisation_tables_between_scans(progressive: bool, tmp_path: Path) -> None:
    """A component keeps the table of its first scan."""
    jpeg = Jpeg(30, 20, SAMPLINGS["4:2:0"], progressive=progressive, interleaved=progressive).bytes()
    scans = [at for at in range(len(jpeg)) if jpeg[at : at + 2] == b"\xff\xda"]
    paths = []
    for n, at in enumerate(scans):
        paths.append(tmp_path / f"{n}.jpg")
        paths[-1].write_bytes(jpeg[:at] + segment(0xDB, bytes([0] + [5 + n] * 64)) + jpeg[at:])
    largest_difference(paths)
