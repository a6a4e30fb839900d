"""Microscope pictures with masks of nuclei, in the layout of the 2018 Data Science Bowl (CC0), for --nuclei.

FOLDER/index.csv has the columns name, width, height, nuclei and kind; FOLDER/images/NAME.png is the picture and
FOLDER/masks/NAME.png has 0 for background and another number for each nucleus.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

CLASSES = ("background", "nucleus")
PARTS = {"train": 0.7, "validation": 0.15, "test": 0.15}  # shares of each kind's pictures
ALIKE = 0.02  # relative difference of two backgrounds up to which pictures may be crops of one slide
BACKGROUND = 40  # darkest grey level that can be added to a dark-field picture


class Picture(NamedTuple):
    name: str
    kind: str  # of light: dark-field, stained or grey bright-field
    image: Image.Image  # RGB
    mask: np.ndarray  # uint8 H x W: 1 for nuclei
    group: int = 0  # pictures that may be crops of one slide have the same number


def read(folder: str) -> list[Picture]:
    """All pictures of the folder, in the order of the index."""
    found, root = [], Path(folder)
    with open(root / "index.csv", newline="", encoding="utf-8") as index:
        for row in csv.DictReader(index):
            with Image.open(root / "images" / f"{row['name']}.png") as image:
                rgb = image.convert("RGB")
            with Image.open(root / "masks" / f"{row['name']}.png") as mask:
                found.append(Picture(row["name"], row["kind"], rgb, (np.asarray(mask) > 0).astype(np.uint8)))
    return found


def grouped(pictures: list[Picture]) -> list[Picture]:
    """The pictures with their groups: two of one size whose mean background colours are alike share a group, and so
    do all that are linked by such pairs.

    The data do not say which pictures are crops of one slide. Such crops have one size and one background.
    """
    look = np.array([np.log1p(np.asarray(p.image, float)[p.mask == 0].mean(0)) for p in pictures])
    size = np.array([p.image.size for p in pictures])
    group = np.full(len(pictures), -1)
    for start in range(len(pictures)):
        reached = [start] if group[start] < 0 else []
        while reached:
            at = reached.pop()
            group[at] = start
            alike = (abs(look - look[at]).max(1) <= ALIKE) & (size == size[at]).all(1) & (group < 0)
            group[alike] = start
            reached.extend(np.flatnonzero(alike))
    return [p._replace(group=int(number)) for p, number in zip(pictures, group, strict=True)]


def split(pictures: list[Picture]) -> dict[str, list[Picture]]:
    """Divides the pictures of each kind into PARTS. A group is never divided: the largest goes first, each to the part
    that lacks the most pictures."""
    pictures = grouped(pictures)
    sizes = Counter((p.kind, p.group) for p in pictures)
    kinds = Counter(p.kind for p in pictures)
    lacking = {(kind, part): share * kinds[kind] for kind in kinds for part, share in PARTS.items()}
    place = {}
    for (kind, group), count in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        place[kind, group] = max(PARTS, key=lambda part: lacking[kind, part])
        lacking[kind, place[kind, group]] -= count
    return {part: [p for p in pictures if place[p.kind, p.group] == part] for part in PARTS}


def counts(parts: dict[str, list[Picture]]) -> str:
    """A line per part: its pictures and groups of each kind."""
    lines = []
    for part, pictures in parts.items():
        groups = Counter(kind for kind, _ in {(p.kind, p.group) for p in pictures})
        kinds = Counter(p.kind for p in pictures)
        listed = ", ".join(f"{n} {kind} in {groups[kind]} groups" for kind, n in sorted(kinds.items()))
        lines.append(f"{part}: {listed}")
    return "\n".join(lines)


class Sampler:
    """Draws training pictures: first the group, in proportion to the root of its size, then one of its pictures."""

    def __init__(self, pictures: list[Picture]) -> None:
        self.groups: dict[str, list[list[Picture]]] = {}
        for kind in sorted({p.kind for p in pictures}):
            own = [p for p in pictures if p.kind == kind]
            self.groups[kind] = [[p for p in own if p.group == number] for number in sorted({p.group for p in own})]

    def draw(self, rng: np.random.Generator, kind: str) -> Picture:
        groups = self.groups[kind]
        share = np.sqrt([len(group) for group in groups])
        group = groups[rng.choice(len(groups), p=share / share.sum())]
        return group[rng.integers(len(group))]


def developed(rng: np.random.Generator, image: Image.Image, kind: str) -> Image.Image:
    """The picture as another microscope could have taken it: another light, exposure, sharpness and noise."""
    if rng.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)))
    x = np.asarray(image, np.float32)
    if kind == "dark-field":
        x = x * np.exp(rng.normal(0, 0.5))
        if rng.random() < 0.3:
            x = x + rng.uniform(0, BACKGROUND)
        if rng.random() < 0.15:  # dark nuclei on bright ground
            x = rng.uniform(180, 255) - x
    else:
        x = 255 * (x / 255) ** np.exp(rng.normal(0, 0.15)) * np.exp(rng.normal(0, 0.07, 3))
        if rng.random() < 0.3:
            x = np.broadcast_to(x.mean(2, keepdims=True), x.shape)
    x = x + rng.uniform(0, 4) * rng.standard_normal((*x.shape[:2], 1), np.float32)
    return Image.fromarray(np.clip(np.rint(x), 0, 255).astype(np.uint8))
