"""Random hints for siggraph17, similar to those of users: a few small squares of one colour each."""

from __future__ import annotations

import numpy as np

ALIKE = 25.0  # ab units: largest distance of colours within one part of an object


def part(ab: np.ndarray, objects: np.ndarray, y: int, x: int) -> np.ndarray:
    """The part of the object at (y, x) with about the same colour as (y, x), bool H x W; ab is H x W x 2."""
    near = np.hypot(*np.moveaxis(ab - ab[y, x], 2, 0)) < ALIKE
    return near & (objects == objects[y, x])


def drawn(rng: np.random.Generator, ab: np.ndarray, objects: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random hints for a picture: (its colours, hints a, b and mask, weights of its pixels), H x W x 2, x 3 and x 1.

    A fifth of the pictures has no hints. Half of the hints on an object change the colour of its part, also in the
    picture, so that the network learns to follow a hint rather than the shape. Parts with hints have a higher weight.
    """
    height, width = objects.shape
    ab, hints = ab.copy(), np.zeros((height, width, 3), np.float32)
    weights = np.ones((height, width, 1), np.float32)
    count = 0 if rng.random() < 0.2 else min(int(rng.geometric(0.3)), 12)
    things = [number for number in np.unique(objects) if number > 0]
    squares = []
    for _ in range(count):
        if things and rng.random() < 0.75:
            places = np.argwhere(objects == things[rng.integers(len(things))])
            y, x = (int(v) for v in places[rng.integers(len(places))])
            where = part(ab, objects, y, x)
            if rng.random() < 0.5:
                angle, chroma = rng.uniform(0, 2 * np.pi), rng.uniform(10, 85)
                ab[where] += np.array([np.cos(angle), np.sin(angle)], np.float32) * chroma - ab[y, x]
            weights[where] = 6
        else:
            y, x = (int(v) for v in rng.integers((height, width)))
        radius = int(rng.integers(0, 5))
        squares.append((y, x, np.s_[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1]))
    for y, x, square in squares:
        hints[square] = (*part_mean(ab, objects, y, x, square), 1)
    return ab, hints, weights


def part_mean(ab: np.ndarray, objects: np.ndarray, y: int, x: int, square) -> np.ndarray:
    """The mean colour of the pixels of a square that belong to the part at (y, x)."""
    near = np.hypot(*np.moveaxis(ab[square] - ab[y, x], 2, 0)) < ALIKE
    return ab[square][near & (objects[square] == objects[y, x])].mean(0)


def inner_pixel(where: np.ndarray) -> tuple[int, int]:
    """The innermost pixel: the last one left when the border is removed repeatedly."""
    while True:
        padded = np.pad(where, 1)
        less = where & padded[2:, 1:-1] & padded[:-2, 1:-1] & padded[1:-1, 2:] & padded[1:-1, :-2]
        if not less.any():
            y, x = np.argwhere(where)[0]
            return int(y), int(x)
        where = less
