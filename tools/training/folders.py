"""The user's own pictures, for --data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def pictures(folder: str, mode: str = "RGB") -> dict[str, Image.Image]:
    """Every picture in a folder that Pillow can open, by name without extension. Exits if there is none.

    mode: Pillow's mode to convert to; None keeps a picture as it is.
    """
    found = {}
    for path in sorted(Path(folder).expanduser().iterdir()):
        if not path.is_file():
            continue
        try:
            with Image.open(path) as image:
                found[path.stem] = image.convert(mode) if mode else image.copy()
        except OSError:  # Pillow raises it for a file that is not a picture
            print(f"  {path.name}: not a picture, left out")
    if not found:
        raise SystemExit(f"error: no pictures in {folder}")
    return found


def labelled(folder: str) -> list[tuple[Image.Image, Image.Image]]:
    """The pictures in FOLDER/images, with the masks of the same names in FOLDER/masks."""
    images = pictures(str(Path(folder) / "images"))
    masks = pictures(str(Path(folder) / "masks"), mode=None)
    for name, image in images.items():
        if name not in masks:
            raise SystemExit(f"error: {folder}/masks: no mask for {name}")
        if masks[name].size != image.size:
            raise SystemExit(f"error: {folder}: the mask {name} and its picture differ in size")
    return [(image, masks[name]) for name, image in images.items()]


def class_numbers(mask: Image.Image) -> np.ndarray:
    """The classes of a mask, uint8 H x W: palette indices or grey levels; in black and white, 0 and 1."""
    if mask.mode == "1":
        return np.asarray(mask).astype(np.uint8)
    classes = np.asarray(mask if mask.mode in ("P", "L") else mask.convert("L"))
    return classes // 255 if set(np.unique(classes)) <= {0, 255} else classes


def middle(size: tuple[int, int], side: int) -> tuple[int, int, int, int]:
    """The box of the middle of a picture of this width and height: at most `side` wide and high."""
    left, top = (max(n - side, 0) // 2 for n in size)
    return left, top, min(left + side, size[0]), min(top + side, size[1])


def window(rng: np.random.Generator, image: Image.Image, side: int, least: float = 1.0) -> Image.Image:
    """A random square of a picture that is first reduced to a random size, or enlarged if it is too small; mirrored at
    random.

    least: lowest factor of the reduction. The reduced picture always holds the square.
    """
    short = min(image.size)
    factor = max(side / short, rng.uniform(min(least, 1), 1))
    if factor != 1:
        size = (max(side, round(image.width * factor)), max(side, round(image.height * factor)))
        image = image.resize(size, Image.BICUBIC)
    x, y = rng.integers(image.width - side + 1), rng.integers(image.height - side + 1)
    piece = image.crop((x, y, x + side, y + side))
    return piece.transpose(Image.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else piece
