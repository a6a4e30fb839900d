"""Drawn scenes: landscapes with the class of every pixel. Seed and number identify a scene.

A scene has land and sky, water, roads, mountains, and the objects of things.py in perspective; then textures, light,
blur and noise. The drawings use no other material, so weights trained on them have no foreign licence.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from . import things
from .canvas import Canvas, tone

CLASSES = (
    "sky", "grass", "water", "road", "mountain", "tree", "house", "car", "person", "boat", "flower", "balloon", "sun",
)  # fmt: skip
SKY, GRASS, WATER, ROAD, MOUNTAIN, TREE, HOUSE, CAR, PERSON, BOAT, FLOWER, BALLOON, SUN = range(len(CLASSES))

# Deviation of the brightness by class: single pixels, blotches, horizontal streaks. Other classes are SMOOTH.
SMOOTH = (0.0, 0.015, 0.0)
TEXTURES = {
    SKY: (0.0, 0.02, 0.02),
    GRASS: (0.09, 0.08, 0.0),
    WATER: (0.0, 0.0, 0.1),
    ROAD: (0.06, 0.02, 0.0),
    MOUNTAIN: (0.03, 0.1, 0.0),
    TREE: (0.08, 0.12, 0.0),
}
AMPLITUDES = np.array([TEXTURES.get(label, SMOOTH) for label in range(len(CLASSES))], np.float32)

DAY, OVERCAST, SUNSET = "day", "overcast", "sunset"
# Colours of the sky at the top and at the horizon, colour of the light, and saturation.
WEATHER = {
    DAY: ((70, 130, 215), (185, 215, 240), (1.0, 1.0, 1.0), 1.0),
    OVERCAST: ((150, 158, 168), (205, 208, 212), (0.86, 0.87, 0.9), 0.75),
    SUNSET: ((95, 95, 150), (250, 175, 105), (0.8, 0.66, 0.58), 1.0),
}


class Scene(NamedTuple):
    rgb: np.ndarray  # uint8 H x W x 3
    classes: np.ndarray  # uint8 H x W, indices of CLASSES
    objects: np.ndarray  # uint8 H x W: 0 for none, else the object's number


def scene(seed: int, number: int, height: int = 256, width: int = 256, without: tuple[int, ...] = ()) -> Scene:
    """Scene `number` of a seed, the same at every call.

    without: classes whose objects are left out.
    """
    rng = np.random.default_rng([seed, number])
    weather = str(rng.choice([DAY, OVERCAST, SUNSET], p=[0.72, 0.13, 0.15]))
    canvas = Canvas(height, width)
    _compose(canvas, rng, weather, without)
    picture, classes, objects = canvas.finished()
    return Scene(_lit(picture, classes, rng, weather), classes, objects)


# ---- Composition -------------------------------------------------------------------------------


def _compose(canvas: Canvas, rng: np.random.Generator, weather: str, without: tuple[int, ...]) -> None:
    height, width = canvas.height, canvas.width
    horizon = height * rng.uniform(0.3, 0.6)
    _sky(canvas, rng, weather, horizon)
    if rng.random() < 0.5:
        _mountains(canvas, rng, horizon)
    for _ in range(0 if BALLOON in without else rng.choice(3, p=[0.65, 0.25, 0.1])):
        size = height * rng.uniform(0.15, 0.35)
        pen = canvas.thing(BALLOON, rng.uniform(0, width), rng.uniform(0.5 * horizon, horizon) * 0.9, size)
        things.balloon(pen, rng)
    shore = _ground(canvas, rng, horizon)
    lane = _road(canvas, rng, shore) if rng.random() < 0.55 else None
    placed = []
    if shore > horizon:
        for _ in range(rng.integers(0, 4)):
            placed.append((rng.uniform(horizon + 0.1 * (shore - horizon), shore), BOAT, things.boat, 0.5))
    for draw, label, high, most in (
        (things.tree, TREE, 0.85, 6),
        (things.house, HOUSE, 0.55, 4),
        (things.person, PERSON, 0.42, 5),
        (things.car, CAR, 0.22, 4),
    ):
        for _ in range(rng.integers(0, most)):
            placed.append((rng.uniform(shore + 0.02 * height, 1.02 * height), label, draw, high))
    for _ in range(rng.integers(0, 7) if rng.random() < 0.6 else 0):
        placed.append((rng.uniform(0.85 * height, 1.15 * height), FLOWER, things.flower, 0.3))
    for y, label, draw, high in sorted(placed, key=lambda item: item[0]):  # near objects hide far ones
        if label in without:
            continue
        near = (y - 0.8 * horizon) / (height - 0.8 * horizon)
        size = height * high * near * rng.uniform(0.75, 1.15)
        x = rng.uniform(0, width)
        if label == CAR and lane is not None:
            x = lane(y) + rng.uniform(-0.1, 0.1) * width * near
        draw(canvas.thing(label, x, y, size, mirrored=rng.random() < 0.5), rng)


def _sky(canvas: Canvas, rng: np.random.Generator, weather: str, horizon: float) -> None:
    top, low = (np.array(tone(rng, colour, 0.05), np.float32) for colour in WEATHER[weather][:2])
    part = np.clip(np.arange(canvas.height) / horizon, 0, 1)[:, None]
    canvas.backdrop(top + (low - top) * part**1.2)
    if weather != OVERCAST and rng.random() < 0.6:
        setting = weather == SUNSET
        y = horizon * (rng.uniform(0.7, 1.0) if setting else rng.uniform(0.1, 0.5))
        size = canvas.height * rng.uniform(0.1, 0.2)
        things.sun(canvas.thing(SUN, rng.uniform(0, canvas.width), y, size), rng, setting)
    pen = canvas.stuff(SKY)
    for _ in range(rng.integers(0, 5)):
        x, y = rng.uniform(0, canvas.width), rng.uniform(0, 0.7 * horizon)
        size = canvas.width * rng.uniform(0.05, 0.12)
        white = tone(rng, (250, 205, 175) if weather == SUNSET else (245, 246, 248), 0.02)
        for _ in range(5):
            u, v = rng.uniform(-1.3, 1.3) * size, rng.uniform(-0.25, 0.25) * size
            pen.ellipse(x + u, y + v, rng.uniform(0.5, 1) * size, rng.uniform(0.25, 0.45) * size, white)


def _ridge(
    canvas: Canvas, rng: np.random.Generator, base: float, height: float, count: int
) -> list[tuple[float, float]]:
    """Points of an outline from the left border to the right, up to `height` above `base`."""
    x = np.linspace(-0.1, 1.1, count) * canvas.width + rng.uniform(-0.3, 0.3, count) * canvas.width / count
    y = base - height * rng.uniform(0.15, 1, count)
    return list(zip(x.tolist(), y.tolist(), strict=True))


def _mountains(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    pen = canvas.stuff(MOUNTAIN)
    snow = rng.random() < 0.6
    for light, part in ((1.15, 0.75), (1.0, 0.45)):
        rock = tone(rng, tuple(light * c for c in (100, 108, 128)), 0.06)
        ridge = _ridge(canvas, rng, horizon, part * horizon, int(rng.integers(5, 10)))
        pen.polygon([(-0.2 * canvas.width, horizon + 2), *ridge, (1.2 * canvas.width, horizon + 2)], rock)
        for (x0, y0), (x, y), (x1, y1) in zip(ridge, ridge[1:], ridge[2:], strict=False):
            if snow and y < min(y0, y1) and y < 0.72 * horizon:
                left, right = (x + 0.35 * (x0 - x), y + 0.35 * (y0 - y)), (x + 0.35 * (x1 - x), y + 0.35 * (y1 - y))
                dip = (x, max(left[1], right[1]) * 0.5 + y * 0.5)
                pen.polygon([left, (x, y), right, dip], tone(rng, (240, 243, 248), 0.02))


def _ground(canvas: Canvas, rng: np.random.Generator, horizon: float) -> float:
    """Draws water, if any, and land; returns the y at which the land begins."""
    height, width = canvas.height, canvas.width
    shore = horizon
    if rng.random() < 0.5:
        shore = horizon + (height - horizon) * rng.uniform(0.2, 0.75)
        blue = tone(rng, (55, 115, 150), 0.1)
        canvas.stuff(WATER).box(0, horizon, width, height, blue)
    green = tone(rng, (100, 150, 60), 0.1)
    pen = canvas.stuff(GRASS)
    bank = _ridge(canvas, rng, shore + 0.03 * height, 0.06 * height, 8)
    pen.polygon([(0, height), (-0.2 * width, shore), *bank, (1.2 * width, shore), (width, height)], green)
    if rng.random() < 0.6:  # a nearer meadow
        hill = _ridge(canvas, rng, shore + (height - shore) * rng.uniform(0.4, 0.8), 0.1 * height, 6)
        pen.polygon([(-0.2 * width, height + 1), *hill, (1.2 * width, height + 1)], tone(rng, green, 0.1))
    return shore


def _road(canvas: Canvas, rng: np.random.Generator, shore: float):
    """Draws a road into the distance; returns its middle as a function of y."""
    height, width = canvas.height, canvas.width
    far, near = rng.uniform(0.2, 0.8) * width, rng.uniform(0.1, 0.9) * width
    half = rng.uniform(0.12, 0.3) * width
    start = shore + 0.02 * height
    grey = tone(rng, (118, 116, 114), 0.08)
    pen = canvas.stuff(ROAD)
    pen.polygon(
        [(far - 0.1 * half, start), (far + 0.1 * half, start), (near + half, height), (near - half, height)], grey
    )

    def middle(y: float) -> float:
        return far + (near - far) * (y - start) / (height - start)

    for part in (0.15, 0.3, 0.5, 0.75):
        y0, y1 = (start + (height - start) * p for p in (part, part + 0.1 * (part + 0.3)))
        thin = 0.06 * half * part
        white = (225, 224, 218)
        left0, left1 = middle(y0) - thin, middle(y1) - thin
        pen.polygon([(left0, y0), (left0 + 2 * thin, y0), (left1 + 2 * thin, y1), (left1, y1)], white)
    return middle


# ---- Light -------------------------------------------------------------------------------------


def _field(rng: np.random.Generator, height: int, width: int, down: int, across: int) -> np.ndarray:
    """Smooth random values, deviation about 1, float32 H x W, that change about every `down` rows, `across` columns."""
    coarse = rng.standard_normal((max(height // down, 2), max(width // across, 2)), np.float32)
    if down == across == 1:
        return coarse
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.BILINEAR)) * 1.3


def _lit(picture: Image.Image, classes: np.ndarray, rng: np.random.Generator, weather: str) -> np.ndarray:
    """Adds textures, light, blur and noise; returns uint8 H x W x 3."""
    height, width = classes.shape
    x = np.asarray(picture, np.float32)
    fields = [_field(rng, height, width, down, across) for down, across in ((1, 1), (5, 5), (2, 24))]
    texture = sum(AMPLITUDES[:, k][classes] * field for k, field in enumerate(fields))
    shade = _field(rng, height, width, height // 2, width // 2) * 0.05
    x = x * (1 + texture + shade)[:, :, None]
    light, saturation = WEATHER[weather][2:]
    earthly = ((classes != SKY) & (classes != SUN))[:, :, None]
    x = np.where(earthly, x * np.array(light, np.float32), x)
    grey = x.mean(2, keepdims=True)
    x = (grey + (x - grey) * saturation) * rng.uniform(0.82, 1.08)
    x = 255 * np.clip(x / 255, 0, 1) ** rng.uniform(0.85, 1.2)
    if rng.random() < 0.4:
        blurred = Image.fromarray(np.clip(x, 0, 255).astype(np.uint8))
        x = np.asarray(blurred.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.9))), np.float32)
    x = x + rng.uniform(0, 5) * rng.standard_normal((height, width, 1), np.float32)
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)
