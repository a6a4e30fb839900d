"""JPEG files for readers.py: all that Pillow writes, and the samplings of test_jpeg.py at more sizes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from jpeg_writer import Jpeg
from PIL import Image, ImageCms, ImageOps
from readers import Case
from test_jpeg import MOST_APART, SAMPLINGS, kinds

SAMPLES = [Path(__file__).resolve().parents[2] / f"weights/samples/{name}.png" for name in ("chelsea", "coffee")]
SUBSAMPLINGS = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
QUALITIES = (1, 5, 10, 30, 50, 75, 85, 90, 95, 98, 100)


def reference(image: Image.Image) -> np.ndarray:
    return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


class Pictures:
    """Parts of photographs, reduced by some factor, some with noise; the same in every run."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(16)
        self.photographs = [Image.open(path).convert("RGB") for path in SAMPLES]

    def make(self, mode: str, width: int, height: int) -> Image.Image:
        photograph = self.photographs[self.random.integers(len(self.photographs))]
        scale = self.random.integers(1, 3)
        left = self.random.integers(0, max(1, photograph.width - width * scale))
        top = self.random.integers(0, max(1, photograph.height - height * scale))
        picture = photograph.crop((left, top, left + width * scale, top + height * scale)).resize((width, height))
        if self.random.random() < 0.3:
            noise = self.random.integers(-60, 61, (height, width, 3))
            picture = Image.fromarray((np.asarray(picture, int) + noise).clip(0, 255).astype(np.uint8))
        return picture.convert(mode)

    def size(self, most: int = 130) -> tuple[int, int]:
        width, height = self.random.integers(1, most, 2)
        return int(width), int(height)


def cases(folder: Path) -> Iterator[Case]:
    pictures = Pictures()
    yield from encodings(folder, pictures)
    yield from grey(folder, pictures)
    yield from tables(folder, pictures)
    yield from metadata(folder, pictures)
    yield from samplings(folder)
    for i in range(20):
        path = folder / f"cmyk-{i}.jpg"
        pictures.make("CMYK", *pictures.size()).save(path)
        yield Case(path, "CMYK", refused="CMYK")


def encodings(folder: Path, pictures: Pictures) -> Iterator[Case]:
    ways = {"baseline": {}, "optimized": {"optimize": True}, "progressive": {"progressive": True}}
    ways["restart markers"] = {"restart_marker_blocks": 3}  # Pillow before 10.2 ignores it
    for (way, options), (subsampling, name), quality, i in product(
        ways.items(), SUBSAMPLINGS.items(), QUALITIES, range(8)
    ):
        path = folder / f"{way}-{subsampling}-{quality}-{i}.jpg"
        picture = pictures.make("RGB", *pictures.size())
        picture.save(path, quality=quality, subsampling=subsampling, **options)
        yield Case(path, f"{name} {way}", MOST_APART)


def grey(folder: Path, pictures: Pictures) -> Iterator[Case]:
    for quality, progressive, i in product(QUALITIES, (False, True), range(8)):
        path = folder / f"grey-{quality}-{progressive}-{i}.jpg"
        pictures.make("L", *pictures.size()).save(path, quality=quality, progressive=progressive)
        yield Case(path, "grey", MOST_APART)


def tables(folder: Path, pictures: Pictures) -> Iterator[Case]:
    """Quantisation tables of other programs, and random ones."""
    for i, progressive in product(range(100), (False, True)):
        path = folder / f"tables-{i}-{progressive}.jpg"
        most = (3, 16, 80, 255)[i % 4]
        qtables = [pictures.random.integers(1, most + 1, 64).tolist() for _ in range(1 + i % 2)]
        picture = pictures.make("RGB", *pictures.size())
        picture.save(path, qtables=qtables, subsampling=i % 3, progressive=progressive)
        yield Case(path, "other quantisation tables", MOST_APART)


def metadata(folder: Path, pictures: Pictures) -> Iterator[Case]:
    """What files carry besides pixels changes nothing but the orientation."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for orientation, i in product(range(10), range(10)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        exif[0x010E] = "A description that is not short" * (i * 40)
        path = folder / f"orientation-{orientation}-{i}.jpg"
        pictures.make("RGB", *pictures.size(60)).save(path, exif=exif, dpi=(72 + i, 300), comment=b"\xff\xd9" * i)
        yield Case(path, "EXIF orientation", MOST_APART)
    for i in range(50):
        path = folder / f"profile-{i}.jpg"
        big = profile + bytes(70000 * (i % 3))  # in several segments
        pictures.make("RGB", *pictures.size(60)).save(path, icc_profile=big, dpi=(1, i))
        yield Case(path, "ICC profile", MOST_APART)


def samplings(folder: Path) -> Iterator[Case]:
    for n, (name, factors) in enumerate(SAMPLINGS.items()):
        for k, kind in enumerate(kinds(factors)):
            for i in range(32):
                width, height = 1 + (i * 5 + k) % 32, 1 + (i * 11 + 3 * n) % 32
                path = folder / f"sampling-{n}-{k}-{width}x{height}.jpg"
                jpeg = Jpeg(width, height, factors, seed=i, restart=i % 4, wide_tables=i % 2 == 0, **kind)
                path.write_bytes(jpeg.bytes())
                yield Case(path, f"sampling {name}", MOST_APART)
