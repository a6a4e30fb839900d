"""A canvas that draws a picture and the masks of its classes and objects together.

Everything is drawn at twice the size. The picture is then halved, which smooths its edges; of the masks, every second
pixel is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]

ENLARGED = 2


def tone(rng: np.random.Generator, colour: Sequence[float], spread: float = 0.08) -> Colour:
    """`colour` with a random change of brightness, and a small one of each channel."""
    light = 1 + spread * rng.standard_normal()
    r, g, b = (int(np.clip(c * light + 40 * spread * rng.standard_normal(), 0, 255)) for c in colour)
    return r, g, b


def shaded(colour: Colour, light: float) -> Colour:
    """`colour` times `light`."""
    r, g, b = (int(min(c * light, 255)) for c in colour)
    return r, g, b


class Canvas:
    """RGB, classes and objects, H x W. Object 0 is everything that is not a single object, such as the sky."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        size = (ENLARGED * width, ENLARGED * height)
        self.layers = [Image.new(mode, size) for mode in ("RGB", "L", "L")]
        self.draws = [ImageDraw.Draw(layer) for layer in self.layers]
        self.objects = 0

    def stuff(self, label: int) -> Pen:
        """A pen for what is not an object, in pixels from the top left."""
        return Pen(self, label, 0, (0, 0), (1, 1))

    def thing(self, label: int, x: float, y: float, size: float, mirrored: bool = False) -> Pen:
        """A pen for a new object at (x, y): u to the right, v upwards, in units of `size` pixels."""
        self.objects += 1
        return Pen(self, label, self.objects, (x, y), (-size if mirrored else size, -size))

    def backdrop(self, rows: np.ndarray) -> None:
        """Fills the picture with one colour per row, `rows` H x 3; the class is 0."""
        picture = np.broadcast_to(rows[:, None].astype(np.uint8), (self.height, self.width, 3))
        self.layers[0].paste(Image.fromarray(np.ascontiguousarray(picture)).resize(self.layers[0].size, Image.BILINEAR))

    def finished(self) -> tuple[Image.Image, np.ndarray, np.ndarray]:
        """The picture, and uint8 H x W classes and objects."""
        picture, classes, objects = self.layers
        step = np.s_[::ENLARGED, ::ENLARGED]
        return picture.reduce(ENLARGED), np.asarray(classes)[step].copy(), np.asarray(objects)[step].copy()


class Pen:
    """Draws shapes of one class and object, in its own coordinates."""

    def __init__(self, canvas: Canvas, label: int, number: int, origin: Point, scale: Point) -> None:
        self.canvas = canvas
        self.values = (label, number)
        self.origin, self.scale = origin, scale

    def labelled(self, label: int) -> Pen:
        """A pen for a part of the same object that has another class."""
        return Pen(self.canvas, label, self.values[1], self.origin, self.scale)

    def _pixels(self, points: Sequence[Point]) -> list[Point]:
        (x, y), (sx, sy) = self.origin, self.scale
        return [(ENLARGED * (x + sx * u), ENLARGED * (y + sy * v)) for u, v in points]

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        corners = self._pixels(points)
        for draw, fill in zip(self.canvas.draws, (colour, *self.values), strict=True):
            draw.polygon(corners, fill=fill)

    def box(self, u0: float, v0: float, u1: float, v1: float, colour: Colour) -> None:
        self.polygon([(u0, v0), (u1, v0), (u1, v1), (u0, v1)], colour)

    def ellipse(self, u: float, v: float, ru: float, rv: float, colour: Colour) -> None:
        """An ellipse around (u, v) of radii ru and rv."""
        (x0, y0), (x1, y1) = self._pixels([(u - ru, v - rv), (u + ru, v + rv)])
        for draw, fill in zip(self.canvas.draws, (colour, *self.values), strict=True):
            draw.ellipse((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), fill=fill)

    def line(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A line of `width` in units of the pen."""
        corners = self._pixels(points)
        thick = max(1, round(ENLARGED * width * abs(self.scale[0])))
        for draw, fill in zip(self.canvas.draws, (colour, *self.values), strict=True):
            draw.line(corners, fill=fill, width=thick, joint="curve")
