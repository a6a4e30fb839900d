"""What limn is shown: drawings that the training programs hold out, two photographs, and drawn eights.

Scenes and cells are the first of their seed, not chosen ones: a seed on which no training program draws what it learns
from.
"""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from training import cells, hints, scenes
from training.seeds import HELD_OUT

from .program import Program

PHOTOGRAPHS = Path(__file__).resolve().parents[2] / "weights" / "samples"
SCENE = (256, 320)
CELLS_SIDE = 384
LEAST_PART = 400  # pixels of a part that a hint is worth


@functools.cache
def scene(number: int) -> scenes.Scene:
    return scenes.scene(HELD_OUT, number, *SCENE)


@functools.cache
def microscopy(number: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture of cells, and 1 where they are."""
    return cells.picture(HELD_OUT, number, CELLS_SIDE)


@functools.cache
def photograph(name: str) -> Image.Image:
    with Image.open(PHOTOGRAPHS / f"{name}.png") as picture:
        return picture.convert("RGB")


def palette() -> list[int]:
    """The VOC palette, in which limn colours classes: the bits of a class's number, spread over R, G and B."""
    colours = []
    for label in range(256):
        for channel in range(3):
            bits = [(label >> (3 * place + channel)) & 1 for place in range(3)]
            colours.append(sum(bit << (7 - place) for place, bit in enumerate(bits)))
    return colours


def mask(classes: np.ndarray) -> Image.Image:
    """Class numbers as a picture in which they can be told apart."""
    picture = Image.fromarray(classes.astype(np.uint8))
    picture.putpalette(palette())
    return picture


def guessed_part() -> tuple[int, tuple[int, int], np.ndarray]:
    """A part whose colour nobody can know from its grey: a car's, a balloon's or someone's clothes.

    The largest in the first scene that has a large one: the scene's number, a pixel (y, x) well inside, and where the
    part is.
    """
    for number in range(100):
        drawing = scene(number)
        chroma = drawing.rgb - drawing.rgb.mean(2, keepdims=True)
        paint = np.isin(drawing.classes, (scenes.CAR, scenes.BALLOON, scenes.PERSON)) & (np.ptp(chroma, 2) > 70)
        parts = []
        for thing in np.unique(drawing.objects[paint]):
            own = paint & (drawing.objects == thing)
            parts.append(own & (np.linalg.norm(chroma - np.median(chroma[own], axis=0), axis=2) < 40))
        largest = max(parts, key=np.sum, default=None)
        if largest is not None and largest.sum() >= LEAST_PART:
            return number, hints.inner_pixel(largest), largest
    raise ValueError("no scene has a part large enough")


def eights(rows: int, columns: int, side: int) -> Image.Image:
    """A sheet of eights, each drawn a little differently, grey on black."""
    rng = np.random.default_rng(8)
    stencil = Image.new("L", (12, 14))
    ImageDraw.Draw(stencil).text((2, 1), "8", fill=255, font=ImageFont.load_default())
    stencil = stencil.crop(stencil.getbbox())
    sheet = Image.new("L", (columns * side, rows * side))
    for place in range(rows * columns):
        size = (int(side * rng.uniform(0.42, 0.58)), int(side * rng.uniform(0.7, 0.85)))
        digit = stencil.resize(size, Image.BICUBIC)
        tile = Image.new("L", (side, side))
        tile.paste(digit, ((side - size[0]) // 2, (side - size[1]) // 2))
        tile = tile.rotate(rng.normal(0, 8), Image.BICUBIC)
        sheet.paste(tile, (place % columns * side, place // columns * side))
    return sheet


def weights_of(program: Program, name: str) -> dict[str, Any]:
    """What a weights file says of itself, its size and checksum, and the record of its training where there is one."""
    data = (program.weights / f"{name}.safetensors").read_bytes()
    told = json.loads(program.run(["inspect", name, "--json"])[0])
    sha256, beside = hashlib.sha256(data).hexdigest(), program.weights / f"{name}.json"
    record = json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() else {}
    return {
        "name": name,
        "bytes": len(data),
        "sha256": sha256,
        "record": record if record.get("sha256") == sha256 else {},  # else it is of other weights
        "model": told["model"],
        "parameters": told["parameters"],
        "metadata": {key.removeprefix("limn."): value for key, value in told["metadata"].items()},
    }
