"""Places labels next to points, without overlapping each other or lines, and covering few other points."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

Line = list[tuple[float, float]]  # pixels along it


class Point(NamedTuple):
    """A round mark: x and y in the units of the axes, radius in points of 1/72 inch."""

    x: float
    y: float
    radius: float
    text: str = ""


class Box(NamedTuple):
    """A rectangle in pixels, with the fields of matplotlib's Bbox."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def middle(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def nearest(self, x: float, y: float) -> tuple[float, float]:
        """The pixel of the box nearest to (x, y)."""
        return min(max(x, self.x0), self.x1), min(max(y, self.y0), self.y1)

    def meets(self, other: Box) -> bool:
        return self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1

    def holds(self, x: float, y: float) -> bool:
        return self.x0 < x < self.x1 and self.y0 < y < self.y1

    def crosses(self, line: Line) -> bool:
        return any(self.holds(x, y) for x, y in line)

    def lies_in(self, other: Box | Bbox) -> bool:
        return self.x0 >= other.x0 and self.x1 <= other.x1 and self.y0 >= other.y0 and self.y1 <= other.y1


def line_of(start: Sequence[float], end: Sequence[float]) -> Line:
    """Pixels of a straight line, in steps smaller than a letter."""
    count = math.ceil(math.dist(start, end) / 3) + 1
    dx, dy = (end[0] - start[0]) / count, (end[1] - start[1]) / count
    return [(start[0] + i * dx, start[1] + i * dy) for i in range(count + 1)]


SIZE = 8  # of the letters
GAPS, TURNS = (3, 9, 18, 30, 45, 64, 88, 120), 24  # distances from a mark in points of 1/72 inch; directions


def around(mark: Box, width: float, height: float, scale: float) -> Iterator[Box]:
    """Places around a mark for a label of width x height pixels, the nearest first and the right side before others.
    `scale`: pixels per point."""
    turns = sorted(range(TURNS), key=lambda turn: min(turn, TURNS - turn))
    x, y = mark.middle
    for gap, turn in itertools.product(GAPS, turns):
        right, up = math.cos(2 * math.pi * turn / TURNS), math.sin(2 * math.pi * turn / TURNS)
        distance = (mark.x1 - mark.x0) / 2 + gap * scale
        left = x + distance * right - width * (1 - right) / 2  # the label leans away from the mark
        below = y + distance * up - height * (1 - up) / 2
        yield Box(left, below, left + width, below + height)


class Labels:
    """Texts next to points, inside the axes, without overlapping each other or lines. The layout must be final."""

    def __init__(self, axes: Axes, points: Sequence[Point]) -> None:
        self.axes = axes
        self.scale = axes.figure.dpi / 72
        self.marks = [self.mark(point) for point in points]
        self.boxes: list[Box] = []
        self.lines: list[Line] = []

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        return tuple(self.axes.transData.transform((x, y)))

    def mark(self, point: Point) -> Box:
        x, y = self.pixel(point.x, point.y)
        half = point.radius * self.scale
        return Box(x - half, y - half, x + half, y + half)

    def avoid_text(self, text: Any) -> None:
        self.boxes.append(Box(*text.get_window_extent().extents))

    def avoid_line(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Keeps labels off a line, given in the units of the axes."""
        self.lines.append(line_of(self.pixel(*start), self.pixel(*end)))

    def allowed(self, place: Box, leader: Line) -> bool:
        return (
            place.lies_in(self.axes.get_window_extent())
            and not any(place.meets(box) or box.crosses(leader) for box in self.boxes)
            and not any(place.crosses(line) for line in self.lines)
        )

    def add(self, point: Point) -> None:
        """Adds a label near its mark, covering few others. A label without a free place is left out."""
        from matplotlib.text import Text

        pad = 2 * self.scale
        text = Text(0, 0, point.text, fontsize=SIZE, figure=self.axes.figure)
        extent = text.get_window_extent(self.axes.figure.canvas.get_renderer())
        mark = self.mark(point)
        strange = [other for other in self.marks if not other.holds(*mark.middle)]
        best, least = None, math.inf
        for index, place in enumerate(around(mark, extent.width + 2 * pad, extent.height, self.scale)):
            leader = line_of(place.nearest(*mark.middle), mark.middle)
            if place.meets(mark) or not self.allowed(place, leader):
                continue
            cost = index // TURNS + sum(4 * place.meets(other) + other.crosses(leader) for other in strange)
            if cost < least:
                best, least = place, cost
        if best:
            self.draw(point, best, pad)

    def draw(self, point: Point, place: Box, pad: float) -> None:
        """Draws the text, `pad` pixels from the sides of its place, and a line from the place to the mark."""
        x, y = self.pixel(point.x, point.y)
        end = place.nearest(x, y)
        self.boxes.append(place)
        self.lines.append(line_of(end, (x, y)))
        shared = {"xy": (point.x, point.y), "textcoords": "offset points"}
        text = self.axes.annotate(
            point.text,
            xytext=((place.x0 + pad - x) / self.scale, (place.y0 - y) / self.scale),
            fontsize=SIZE,
            **shared,
        )
        line = {"arrowstyle": "-", "linewidth": 0.6, "color": "0.35", "shrinkA": 0, "shrinkB": point.radius}
        leader = self.axes.annotate(
            "", xytext=((end[0] - x) / self.scale, (end[1] - y) / self.scale), arrowprops=line, **shared
        )
        for mark in (text, leader):
            mark.set_in_layout(False)
