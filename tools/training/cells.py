"""Drawings of cells under a microscope, with noise, blur and uneven light, and their masks.

There are three kinds of light: dark on bright, bright on dark (fluorescence), and stained. Some cells touch, some are
cut off by the border, and there is dirt, which is not part of the mask.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageFilter

from .canvas import Canvas, Pen, shaded, tone

CLASSES = ("background", "cell")
CELL, NUCLEUS = 1, 2  # labels on the canvas; a cell's mask has both

# Background, cell, nucleus
LOOKS = (
    ((205, 205, 200), (150, 150, 148), (95, 95, 98)),  # bright field
    ((14, 22, 20), (40, 125, 75), (70, 205, 120)),  # fluorescence
    ((236, 222, 228), (214, 160, 190), (110, 70, 140)),  # stained
)


def picture(seed: int, number: int, side: int = 256, nuclei: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Picture `number` of a seed: uint8 RGB side x side x 3, and its mask, 0 or 1.

    nuclei: whether the mask has the nuclei alone instead of the whole cells.
    """
    rng = np.random.default_rng([seed, number])
    canvas = Canvas(side, side)
    ground, body, nucleus = LOOKS[rng.integers(len(LOOKS))]
    ground = tone(rng, ground, 0.06)
    canvas.backdrop(np.broadcast_to(np.array(ground), (side, 3)))
    for _ in range(rng.integers(0, 14)):  # dirt
        x, y = rng.uniform(0, side, 2)
        pen = canvas.thing(0, x, y, rng.uniform(1, 4))
        pen.ellipse(0, 0, 1, rng.uniform(0.4, 1), shaded(nucleus, rng.uniform(0.7, 1.1)))
    size = rng.uniform(8, 24)
    covered = rng.uniform(0.04, 0.35) * side**2 / (math.pi * size**2)
    for _ in range(max(2, int(covered))):
        x, y = rng.uniform(-0.02 * side, 1.02 * side, 2)
        pen = canvas.thing(CELL, x, y, size * rng.uniform(0.75, 1.35))
        _cell(pen, rng, tone(rng, body, 0.07), tone(rng, nucleus, 0.1), ground)
    image, labels, _ = canvas.finished()
    cells = (labels > 0).astype(np.uint8)
    return _photographed(image, cells, rng), (labels == NUCLEUS).astype(np.uint8) if nuclei else cells


def _outline(rng: np.random.Generator) -> list[tuple[float, float]]:
    """A closed, irregular curve around the origin with a radius of about 1."""
    angles = np.linspace(0, math.tau, 40, endpoint=False)
    radius = np.ones_like(angles)
    for wave in (2, 3, 4, 5):
        radius += rng.uniform(0, 0.32 / wave) * np.cos(wave * angles + rng.uniform(0, math.tau))
    return list(zip((radius * np.cos(angles)).tolist(), (radius * np.sin(angles)).tolist(), strict=True))


def _cell(pen: Pen, rng: np.random.Generator, body, nucleus, ground) -> None:
    outline = _outline(rng)
    clear = rng.uniform(0.5, 1)  # contrast with the background
    membrane = tuple(int(g + clear * 1.25 * (b - g)) for g, b in zip(ground, body, strict=True))
    inside = tuple(int(g + clear * (b - g)) for g, b in zip(ground, body, strict=True))
    pen.polygon(outline, shaded(membrane, 1))
    pen.polygon([(0.86 * u, 0.86 * v) for u, v in outline], shaded(inside, 1))
    (u, v), ru, rv = rng.uniform(-0.25, 0.25, 2), rng.uniform(0.25, 0.45), rng.uniform(0.25, 0.45)
    core = pen.labelled(NUCLEUS)
    core.ellipse(u, v, ru, rv, nucleus)
    for _ in range(rng.integers(0, 5)):  # grains, also on the nucleus
        a, b = rng.uniform(-0.55, 0.55, 2)
        over = core if math.hypot((a - u) / ru, (b - v) / rv) < 1 else pen
        over.ellipse(a, b, 0.07, 0.07, shaded(inside, rng.uniform(0.75, 1.2)))


def _smooth(rng: np.random.Generator, side: int, coarse: int) -> np.ndarray:
    values = Image.fromarray(rng.standard_normal((coarse, coarse), np.float32))
    return np.asarray(values.resize((side, side), Image.BICUBIC))


def _photographed(image: Image.Image, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Adds blur, uneven light, texture, exposure and noise."""
    side = mask.shape[0]
    if rng.random() < 0.7:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.8)))
    x = np.asarray(image, np.float32)
    light = 1 + rng.uniform(0.05, 0.22) * _smooth(rng, side, 3)
    texture = 1 + 0.05 * _smooth(rng, side, side // 5) * mask
    x = x * np.clip(light * texture, 0.35, 1.7)[:, :, None]
    x = 255 * (x / 255).clip(0, 1) ** rng.uniform(0.8, 1.3)
    x = x + rng.uniform(1, 12) * rng.standard_normal((side, side, 1), np.float32)
    x = x + rng.uniform(0, 4) * rng.standard_normal((side, side, 3), np.float32)
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)
