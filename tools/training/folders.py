"""Pictures of the user's own, for --data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def pictures(folder: str, mode: str = "RGB") -> dict[str, Image.Image]:
    """Every picture that Pillow can open in a folder, by its name without extension; there must be one.

    mode: Pillow's; None leaves a picture as it is.
    """
    found = {}
    for path in sorted(Path(folder).expanduser().iterdir()):
        if not path.is_file():
            continue
        try:
            with Image.open(path) as image:
                found[path.stem] = image.convert(mode) if mode else image.copy()
        except OSError:  # Pillow's answer to what is no picture
            print(f"  {path.name}: not a picture, left out")
    if not found:
        raise SystemExit(f"error: no pictures in {folder}")
    return found


def labelled(folder: str) -> list[tuple[Image.Image, Image.Image]]:
    """The pictures of FOLDER/images with the masks of the same names in FOLDER/masks."""
    images = pictures(str(Path(folder) / "images"))
    masks = pictures(str(Path(folder) / "masks"), mode=None)
    for name, image in images.items():
        if name not in masks:
            raise SystemExit(f"error: {folder}/masks has no mask {name}")
        if masks[name].size != image.size:
            raise SystemExit(f"error: {folder}: the mask {name} is not of its picture's size")
    return [(image, masks[name]) for name, image in images.items()]


def class_numbers(mask: Image.Image) -> np.ndarray:
    """A mask's classes, uint8 H x W: palette indices or grey levels; black and white are 0 and 1."""
    if mask.mode == "1":
        return np.asarray(mask).astype(np.uint8)
    classes = np.asarray(mask if mask.mode in ("P", "L") else mask.convert("L"))
    return classes // 255 if set(np.unique(classes)) <= {0, 255} else classes


def window(rng: np.random.Generator, image: Image.Image, side: int, least: float = 1.0) -> Image.Image:
    """A random square of a picture, which is enlarged to hold one where it must be, at a random size and mirrored.

    least: the shorter side of what is cut from is at least this part of its own length, and holds the square.
    """
    short = min(image.size)
    factor = max(side / short, rng.uniform(min(least, 1), 1))
    if factor != 1:
        size = (max(side, round(image.width * factor)), max(side, round(image.height * factor)))
        image = image.resize(size, Image.BICUBIC)
    x, y = rng.integers(image.width - side + 1), rng.integers(image.height - side + 1)
    piece = image.crop((x, y, x + side, y + side))
    return piece.transpose(Image.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else piece
