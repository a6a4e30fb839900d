"""Folders of photographs in a training, validation and test part: pictures of one place or series share a part."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
from PIL import Image

from . import folders

SIDE = 256  # of the grid on which limn colorizes
LONGEST = 1024  # pixels: larger pictures are shrunk to this


def group(path: Path) -> str:
    """The name without its last number or letter, or the id of a Flickr picture: the same for a place or series."""
    stem = path.stem
    number = re.match(r"[a-z]+_(\d+)_", stem)
    return number[1] if number else re.sub(r"[-_]?([0-9]+|[0-9]*-?[a-d]|[0-9][A-Z])$", "", stem.split("_by_")[0])


def part(path: Path) -> str:
    """"train" (80 in 100), "validation" (8) or "test" (12), by a hash of the group."""
    share = int(hashlib.sha256(group(path).encode()).hexdigest()[:8], 16) % 100
    return "train" if share < 80 else "validation" if share < 88 else "test"


def paths(folder: str | Path, wanted: str) -> list[Path]:
    """The pictures of a part of a folder, in order of their names. Exits if there is none."""
    found = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    chosen = [path for path in found if part(path) == wanted]
    if not chosen:
        raise SystemExit(f"error: no pictures in the {wanted} part of {folder}, which has {len(found)} in all")
    return chosen


def described(folder: str) -> str:
    """The folder's name, and the number of pictures in each part."""
    counts = ", ".join(f"{len(paths(folder, name))} {name}" for name in ("train", "validation", "test"))
    return f"{Path(folder).resolve().name} ({counts})"


class Source:
    """Random windows of the training parts: `share` of them from `large`, at any scale, the others from `small`.

    Pictures of `large` are kept in memory; half of those of `small` are first squeezed to a square, as by limn.
    """

    def __init__(self, large: str, small: str | None, share: float, side: int) -> None:
        self.small = paths(small, "train") if small else []
        self.share, self.side = share if small else 1.0, side
        self.large = []
        for path in paths(large, "train"):
            with Image.open(path) as opened:
                image = opened.convert("RGB")
            image.thumbnail((LONGEST, LONGEST), Image.BICUBIC)
            self.large.append(image)

    def picture(self, rng: np.random.Generator) -> np.ndarray:
        """uint8, side x side x 3."""
        if rng.random() < self.share:
            image = self.large[rng.integers(len(self.large))]
        else:
            with Image.open(self.small[rng.integers(len(self.small))]) as opened:
                image = opened.convert("RGB")
            if rng.random() < 0.5:
                image = image.resize((SIDE, SIDE), Image.BICUBIC)
        return np.asarray(folders.window(rng, image, self.side, least=self.side / min(image.size)))
