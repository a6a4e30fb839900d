"""Looking at images in a notebook, and at hints on them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ._errors import InputError
from ._images import Image, Pixels, Source, png
from ._pipelines import Hint


class Shown:
    """An image that a notebook shows when it is the value of a cell."""

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels

    def _repr_png_(self) -> bytes:
        return png(self.pixels)


def show(image: Image) -> Shown:
    """An image for a notebook; several, as `generate` returns them, as a sheet of about equal sides.

    Examples
    --------
    >>> import limnet
    >>> limnet.show(limnet.generate(6)).pixels.shape
    (128, 192, 3)
    """
    if isinstance(image, np.ndarray) and image.ndim == 4:
        return Shown(_sheet(image))
    return Shown(Source(image).pixels)


def _sheet(images: Pixels) -> Pixels:
    count, height, width, channels = images.shape
    if count == 0:
        raise InputError("no images, expected at least one")
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    sheet = np.zeros((rows * columns, height, width, channels), np.uint8)
    sheet[:count] = images
    tiles = sheet.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    joined: Pixels = tiles.reshape(rows * height, columns * width, channels)
    return joined


def draw_hints(image: Image, hints: Iterable[Hint | tuple[Any, ...]]) -> Any:
    """The image with each hint as a square of its colour, framed in black and white: where they lie.

    Returns an image of the same kind; `hints` are those of `colorize`.

    Examples
    --------
    >>> import limnet, numpy as np
    >>> limnet.draw_hints(np.zeros((32, 32), np.uint8), [(8, 8, (200, 50, 50))])[8, 8].tolist()
    [200, 50, 50]
    """
    source = Source(image)
    pixels = source.pixels.copy()
    for hint in (Hint(*values) for values in hints):
        for margin, color in ((2, (0, 0, 0)), (1, (255, 255, 255)), (0, hint.color)):
            reach = hint.radius + margin
            rows = slice(max(hint.y - reach, 0), hint.y + reach + 1)
            columns = slice(max(hint.x - reach, 0), hint.x + reach + 1)
            pixels[rows, columns, :3] = color
    return source.give(pixels)
