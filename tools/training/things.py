"""The objects of drawn scenes. Each function draws one with a pen: u from about -1/2 to 1/2, v from 0 to 1.

Shapes determine colours (leaves are green, brick is red, sails are white), so that a network can learn them. The
colours of clothes, cars and balloons are random, so that they need a hint.
"""

from __future__ import annotations

import math

import numpy as np

from .canvas import Colour, Pen, shaded, tone

Random = np.random.Generator

VIVID: tuple[Colour, ...] = (
    (200, 35, 40),
    (35, 80, 190),
    (235, 190, 30),
    (40, 140, 70),
    (225, 115, 30),
    (130, 60, 160),
)
SKIN: tuple[Colour, ...] = ((240, 200, 170), (205, 155, 115), (125, 85, 60))
GLASS: Colour = (150, 190, 215)


def vivid(rng: Random) -> Colour:
    return tone(rng, VIVID[rng.integers(len(VIVID))], 0.1)


def tree(pen: Pen, rng: Random) -> None:
    trunk = tone(rng, (105, 72, 45))
    if rng.random() < 0.4:  # a conifer
        pen.box(-0.04, 0, 0.04, 0.2, trunk)
        green = tone(rng, (35, 85, 50))
        for step in range(4):
            low, wide = 0.12 + 0.19 * step, 0.3 - 0.06 * step
            pen.polygon([(-wide, low), (wide, low), (0, low + 0.36)], shaded(green, 0.9 + 0.08 * step))
        return
    pen.polygon([(-0.06, 0), (0.06, 0), (0.035, 0.5), (-0.035, 0.5)], trunk)
    green = tone(rng, (75, 130, 45), 0.12)
    crown = [(rng.uniform(-0.2, 0.2), rng.uniform(0.5, 0.8), rng.uniform(0.15, 0.22)) for _ in range(7)]
    for light in (0.75, 1.0, 1.2):
        for u, v, r in crown:
            away = light - 0.75
            pen.ellipse(u - 0.1 * away, v + 0.12 * away, r * (1.15 - 0.8 * away), r * (1.1 - 0.8 * away),
                        shaded(green, light))  # fmt: skip
    if rng.random() < 0.3:
        for _ in range(8):  # apples
            pen.ellipse(rng.uniform(-0.25, 0.25), rng.uniform(0.45, 0.85), 0.025, 0.025, tone(rng, (200, 40, 35)))


def house(pen: Pen, rng: Random) -> None:
    wide, high = rng.uniform(0.5, 0.8), rng.uniform(0.5, 0.65)
    brick = rng.random() < 0.4
    wall = tone(rng, (165, 85, 65) if brick else (235, 215, 175))
    pen.box(-wide, 0, wide, high, wall)
    if brick:
        for row in np.arange(0.05, high, 0.05):
            pen.line([(-wide, row), (wide, row)], 0.008, shaded(wall, 1.25))
    roof = tone(rng, (185, 70, 45))
    lean = rng.uniform(0.0, 0.9)
    pen.polygon([(-wide - 0.08, high), (wide + 0.08, high), (wide * lean, 1), (-wide * lean, 1)], roof)
    for part in (0.25, 0.5, 0.75):  # rows of tiles
        reach = (wide + 0.08) * (1 - part) + wide * lean * part
        level = high + (1 - high) * part
        pen.line([(-reach, level), (reach, level)], 0.012, shaded(roof, 0.8))
    door = rng.uniform(-0.6, 0.4) * wide
    pen.box(door, 0, door + 0.16, 0.32, tone(rng, (110, 65, 35)))
    glass = tone(rng, GLASS)
    for u in (-0.75, -0.15, 0.5):
        left = u * wide
        if abs(left - door) > 0.2:
            pen.box(left - 0.02, 0.18, left + 0.18, 0.4, (245, 245, 240))
            pen.box(left, 0.2, left + 0.16, 0.38, glass)
            pen.line([(left + 0.08, 0.2), (left + 0.08, 0.38)], 0.015, (245, 245, 240))


def car(pen: Pen, rng: Random) -> None:
    body = vivid(rng) if rng.random() < 0.85 else tone(rng, (225, 225, 228))
    front = rng.uniform(0.3, 0.6)
    pen.polygon([(-0.75, 0.5), (-0.5, 0.98), (front - 0.1, 0.98), (front + 0.25, 0.55)], shaded(body, 0.9))
    pen.polygon([(-0.62, 0.55), (-0.45, 0.9), (-0.1, 0.9), (-0.1, 0.55)], GLASS)
    pen.polygon([(-0.04, 0.55), (-0.04, 0.9), (front - 0.14, 0.9), (front + 0.1, 0.55)], GLASS)
    pen.polygon([(-1.1, 0.18), (-1.1, 0.5), (-0.8, 0.6), (0.7, 0.58), (1.1, 0.45), (1.1, 0.18)], body)
    pen.line([(-1.05, 0.36), (1.05, 0.36)], 0.03, shaded(body, 0.75))
    pen.ellipse(1.03, 0.38, 0.07, 0.07, (250, 240, 180))
    for u in (-0.65, 0.65):
        pen.ellipse(u, 0.2, 0.22, 0.22, (35, 35, 38))
        pen.ellipse(u, 0.2, 0.1, 0.1, (170, 170, 172))


def person(pen: Pen, rng: Random) -> None:
    skin = tone(rng, SKIN[rng.integers(len(SKIN))], 0.05)
    shirt, jeans = vivid(rng), tone(rng, (55, 75, 125))
    stride = rng.uniform(0.02, 0.12)
    for side in (-1, 1):
        pen.polygon([(0.01 * side, 0.5), (0.12 * side, 0.5), (side * (stride + 0.08), 0), (side * stride, 0)], jeans)
        pen.box(side * stride, 0, side * (stride + 0.12), 0.04, (45, 38, 35))
        reach = rng.uniform(0.15, 0.32)
        pen.line([(0.1 * side, 0.76), (reach * side, rng.uniform(0.45, 0.85))], 0.06, shaded(shirt, 0.9))
    pen.polygon([(-0.12, 0.46), (0.12, 0.46), (0.13, 0.8), (-0.13, 0.8)], shirt)
    pen.ellipse(0, 0.91, 0.085, 0.095, skin)
    pen.polygon([(-0.09, 0.92), (-0.06, 1.0), (0.06, 1.0), (0.09, 0.92), (0.04, 0.965), (-0.04, 0.965)],
                tone(rng, (70, 48, 30)))  # fmt: skip


def boat(pen: Pen, rng: Random) -> None:
    wood = tone(rng, (130, 75, 45))
    pen.polygon([(-0.45, 0.18), (0.5, 0.18), (0.36, 0), (-0.34, 0)], wood)
    pen.line([(-0.44, 0.15), (0.48, 0.15)], 0.025, shaded(wood, 1.35))
    pen.line([(0, 0.18), (0, 1)], 0.02, shaded(wood, 0.8))
    white = tone(rng, (240, 238, 230), 0.03)
    pen.polygon([(0.03, 0.24), (0.03, 0.97), (rng.uniform(0.35, 0.48), 0.26)], white)
    pen.polygon([(-0.03, 0.26), (-0.03, 0.85), (rng.uniform(-0.4, -0.25), 0.28)], shaded(white, 0.9))


# petals, their length and width, their colour, the heart's radius and colour
FLOWERS = (
    (10, 0.17, 0.045, (245, 243, 235), 0.07, (235, 185, 40)),  # a daisy
    (14, 0.17, 0.05, (245, 195, 30), 0.11, (90, 55, 30)),  # a sunflower
    (4, 0.14, 0.13, (205, 40, 35), 0.05, (45, 30, 30)),  # a poppy
    (6, 0.13, 0.08, (190, 95, 180), 0.05, (235, 200, 70)),  # an aster
)


def flower(pen: Pen, rng: Random) -> None:
    stem = tone(rng, (70, 125, 50))
    bend = rng.uniform(-0.1, 0.1)
    pen.line([(0, 0), (bend, 0.4), (bend / 2, 0.75)], 0.045, stem)
    for side in (-1, 1):
        low = rng.uniform(0.1, 0.3)
        pen.polygon([(0, low), (0.12 * side, low + 0.12), (0.25 * side, low + 0.15), (0.15 * side, low + 0.03)], stem)
    count, length, width, colour, heart, middle = FLOWERS[rng.integers(len(FLOWERS))]
    petal, turn = tone(rng, colour, 0.05), rng.uniform(0, math.tau)
    u, v = bend / 2, 0.75
    for number in range(count):
        angle = turn + math.tau * number / count
        along, across = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
        outline = [(0.02, 0), (0.6, 1), (0.9, 0.7), (1, 0), (0.9, -0.7), (0.6, -1)]
        reach = heart + length * 0.6
        corners = [
            (u + reach * f * along[0] + width * s * across[0], v + reach * f * along[1] + width * s * across[1])
            for f, s in outline
        ]
        pen.polygon(corners, shaded(petal, 0.92 + 0.08 * (number % 2)))
    pen.ellipse(u, v, heart, heart, tone(rng, middle, 0.05))


def balloon(pen: Pen, rng: Random) -> None:
    one, other = vivid(rng), vivid(rng)
    if rng.random() < 0.5:
        other = shaded(one, 0.8)
    for part, colour in ((1.0, one), (0.7, other), (0.35, one)):
        pen.ellipse(0, 0.64, 0.34 * part, 0.36, colour)
        pen.polygon([(-0.27 * part, 0.45), (0.27 * part, 0.45), (0.06 * part, 0.2), (-0.06 * part, 0.2)], colour)
    for side in (-1, 1):
        pen.line([(0.05 * side, 0.22), (0.05 * side, 0.1)], 0.012, (80, 60, 45))
    pen.box(-0.07, 0, 0.07, 0.11, tone(rng, (140, 95, 55)))


def sun(pen: Pen, rng: Random, low: bool) -> None:
    """A sun around (0, 0); `low`: a setting sun."""
    halo, disc = ((250, 190, 110), (255, 225, 150)) if low else ((255, 240, 170), (255, 250, 215))
    pen.ellipse(0, 0, 0.5, 0.5, tone(rng, halo, 0.02))
    pen.ellipse(0, 0, 0.4, 0.4, disc)
