"""Drawn pages of text in the DejaVu fonts, which matplotlib includes, for networks that enlarge pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .digits import FONTS, font

LETTERS = "abcdefghijklmnopqrstuvwxyz" * 3 + "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;-()%"


def page(seed: int, number: int, side: int = 512) -> Image.Image:
    """Page `number` of a seed, RGB side x side: lines of random words, each in a font, size and colour of its own."""
    rng = np.random.default_rng([seed, number])
    paper = rng.integers(256, size=3) if rng.random() < 0.5 else np.full(3, 255)
    picture = Image.new("RGB", (side, side), tuple(paper.tolist()))
    drawing, y = ImageDraw.Draw(picture), 0
    while y < side:
        face = font(FONTS[rng.integers(len(FONTS))], int(np.exp(rng.uniform(np.log(14), np.log(80)))))
        ink = rng.integers(256, size=3) if rng.random() < 0.5 else (255 - paper) // 255 * 255
        words = ("".join(rng.choice(list(LETTERS), rng.integers(1, 10))) for _ in range(12))
        drawing.text((-rng.integers(20), y), " ".join(words), fill=tuple(np.asarray(ink).tolist()), font=face)
        y += int(1.25 * face.size)
    return picture
