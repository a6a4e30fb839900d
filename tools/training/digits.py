"""Drawn digits in the DejaVu fonts, which matplotlib includes: rotated, sheared, blurred; grey, bright on dark."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIDE = 64
LETTERS = "AEFHKMNPRTUVWXYafhkmnrtwxy"  # without those that look like digits
FONTS = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique", "DejaVuSansMono",
    "DejaVuSansMono-Bold", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic",
)  # fmt: skip


@functools.cache
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    import matplotlib

    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"), size)


def glyph(rng: np.random.Generator, text: str) -> np.ndarray:
    """One character, float32 SIDE x SIDE in 0..1."""
    big = 2 * SIDE
    canvas = Image.new("L", (big, big), 0)
    drawing = ImageDraw.Draw(canvas)
    face = font(FONTS[rng.integers(len(FONTS))], int(rng.integers(12, 16)) * big // 16)
    drawing.text((big / 2, big / 2), text, fill=255, font=face, anchor="mm", stroke_width=int(rng.integers(0, 3)))
    box = canvas.getbbox()
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    turn, shear, scale = rng.normal(0, 0.1), rng.normal(0, 0.12), rng.uniform(0.95, 1.15)
    a = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ [[1, shear], [0, 1]] / scale
    shift = np.array(middle) - a @ (np.array([big / 2, big / 2]) + rng.normal(0, 3, 2))
    canvas = canvas.transform((big, big), Image.AFFINE, (*a[0], shift[0], *a[1], shift[1]), Image.BILINEAR)
    small = canvas.reduce(2).filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.0)))
    return np.asarray(small, np.float32) / 255


def digit(seed: int, number: int) -> tuple[np.ndarray, int]:
    """Drawing `number` of a seed, float32 SIDE x SIDE in -1..1, and its digit."""
    rng = np.random.default_rng([seed, number])
    which = int(rng.integers(10))
    return 2 * glyph(rng, str(which)) - 1, which


def no_digit(seed: int, number: int) -> np.ndarray:
    """A drawing that is not a digit, of the form of `digit`: a letter, halves of two digits, or blots."""
    rng = np.random.default_rng([seed, number])
    kind = rng.random()
    if kind < 0.35:
        x = glyph(rng, LETTERS[rng.integers(len(LETTERS))])
    elif kind < 0.75:
        x = halves(rng)
    else:
        coarse = Image.fromarray(rng.standard_normal((8, 8), np.float32)).resize((SIDE, SIDE), Image.BICUBIC)
        x = np.clip(2 * np.asarray(coarse) - rng.uniform(0, 2), 0, 1)
    return (2 * x - 1).astype(np.float32)


def halves(rng: np.random.Generator) -> np.ndarray:
    """The upper or left half of one digit with the other half of another, or two whole digits over each other.

    The two digits differ in both halves; otherwise they could form a digit, as a 3 and an 8 do.
    """
    while True:
        alike = int(rng.integers(2**32))  # both have the same font, rotation and shear
        one, other = (glyph(np.random.default_rng(alike), str(which)) for which in rng.choice(10, 2, replace=False))
        cut = int(rng.integers(24, 40))
        kind = int(rng.integers(3))
        first = (np.s_[:cut], np.s_[:, :cut], np.s_[:cut])[kind]
        apart = np.abs(_coarse(one) - _coarse(other))
        rest = apart.copy()
        rest[first] = 0
        if min(apart[first].sum(), rest.sum()) > 0.15 * (one.sum() + other.sum()):
            if kind == 2:
                return np.maximum(one, other)
            other[first] = one[first]
            return other


def _coarse(x: np.ndarray) -> np.ndarray:
    """Averages of 8 x 8 pixels, at the size of x; a small shift hardly changes them."""
    side = SIDE // 8
    return np.kron(x.reshape(side, 8, side, 8).mean((1, 3)), np.ones((8, 8), np.float32))
