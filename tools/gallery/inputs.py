"""The input pictures: drawings that no network was trained on, photographs, microscope pictures, and drawn eights.

Scenes and cells are not selected: they are the first ones of a seed that no training program trains on.
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
LEAST_PART = 400  # pixels of a part that gets a hint


@functools.cache
def scene(number: int) -> scenes.Scene:
    return scenes.scene(HELD_OUT, number, *SCENE)


@functools.cache
def microscopy(number: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture of cells, and its mask: 1 for cells, else 0."""
    return cells.picture(HELD_OUT, number, CELLS_SIDE)


@functools.cache
def photograph(name: str) -> Image.Image:
    with Image.open(PHOTOGRAPHS / f"{name}.png") as picture:
        return picture.convert("RGB")


NUCLEI = (1, 2, 3, 4)  # numbers of the microscope pictures in weights/samples


def nuclei(number: int) -> tuple[np.ndarray, np.ndarray]:
    """A microscope picture, and its mask: 1 for nuclei, else 0."""
    return np.asarray(photograph(f"nuclei-{number}")), np.asarray(photograph(f"nuclei-{number}-mask"))[:, :, 0] // 255


def palette() -> list[int]:
    """The VOC palette, limn's colours of classes: the bits of a class number, distributed over R, G and B."""
    colours = []
    for label in range(256):
        for channel in range(3):
            bits = [(label >> (3 * place + channel)) & 1 for place in range(3)]
            colours.append(sum(bit << (7 - place) for place, bit in enumerate(bits)))
    return colours


def mask(classes: np.ndarray) -> Image.Image:
    """Class numbers as a picture with the VOC palette."""
    picture = Image.fromarray(classes.astype(np.uint8))
    picture.putpalette(palette())
    return picture


def guessed_part() -> tuple[int, tuple[int, int], np.ndarray]:
    """A part of a car, balloon or person whose colour cannot be known from its grey.

    Takes the largest part in the first scene that has one of LEAST_PART pixels. Returns the scene's number, a pixel
    (y, x) well inside the part, and the part's mask.
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
    """A sheet of grey eights on black, each drawn slightly differently."""
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
    """Contents, size and checksum of a weights file, and the record of its training if there is one."""
    data = (program.weights / f"{name}.safetensors").read_bytes()
    report = json.loads(program.run(["inspect", name, "--json"])[0])
    sha256, path = hashlib.sha256(data).hexdigest(), program.weights / f"{name}.json"
    record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {
        "name": name,
        "bytes": len(data),
        "sha256": sha256,
        "record": record if record.get("sha256") == sha256 else {},  # otherwise it belongs to other weights
        "model": report["model"],
        "parameters": report["parameters"],
        "metadata": {key.removeprefix("limn."): value for key, value in report["metadata"].items()},
    }
