"""The roofline of a run: each layer against the peak of the processor and the bandwidth of the memory."""

from __future__ import annotations

import itertools
import math
import pathlib
from typing import TYPE_CHECKING, Any

from peers.report import number

from .drawing import new_figure, save, settle
from .labels import Labels, Point
from .report import (
    OPERATORS,
    Report,
    colours_of,
    footer,
    legend,
    operator_shares,
    percent,
    run_title,
    shortened,
    total,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABELS = 7  # for the slowest layers
EDGE = {"edgecolor": "white", "linewidth": 0.5}
REMARK = (
    "The area of a point is its share of the time. Operations are those of the network; Winograd's algorithm "
    "needs fewer, so points may lie above the peak. Bytes are the least that must be moved; caches may hold "
    "them."
)


def area_of(share: float) -> float:
    """The area of a point in squares of 1/72 inch, with a minimum size."""
    return 18 + 1500 * share


def roof_of(report: Report, left: float, right: float) -> list[tuple[float, float]]:
    """The corners of the bounds: a slope for the bandwidth, then flat at the peak."""
    peak, bandwidth = report["peak_gflops"], report["bandwidth_gb_per_s"]
    return [(left, left * bandwidth), (peak / bandwidth, peak), (right, peak)]


def draw_roof(axes: Axes, report: Report, roof: list[tuple[float, float]]) -> list[Any]:
    """Draws the roof with labels on its parts; returns the labels."""
    axes.plot(*zip(*roof, strict=True), color="0.2", linewidth=1.4, zorder=1)
    (left, low), (ridge, peak), _ = roof
    part = 0.08
    at = left * (ridge / left) ** part, low * (peak / low) ** part
    style = {"textcoords": "offset points", "fontsize": 9, "color": "0.2"}
    turned = {"rotation": 45, "rotation_mode": "anchor", "transform_rotates_text": True}
    slope = axes.annotate(
        f"memory {number(report['bandwidth_gb_per_s'])} GB/s", at, (0, 5), **turned, **style
    )
    # Left of the ridge, where no layer is; layers with Winograd's algorithm are around the flat part.
    flat = axes.annotate(f"multiply-add peak {number(peak)} GFLOP/s", (ridge, peak), (-6, 0), ha="right", **style)
    return [slope, flat]


def draw(report: Report, folder: pathlib.Path, name: str) -> list[pathlib.Path]:
    """Draws a point per layer: operations per byte against operations per second."""
    layers = [layer for layer in report["layers"] if layer["flop"] > 0]
    time = total(report["layers"])
    colours = colours_of((layer["op"] for layer in layers), OPERATORS)
    peak, bandwidth = report["peak_gflops"], report["bandwidth_gb_per_s"]
    figure, grid = new_figure(11, 7.5, 1, 1)
    axes = grid[0, 0]
    left = min([peak / bandwidth / 8, *(layer["intensity"] for layer in layers)]) / 2
    right = max([peak / bandwidth * 8, *(layer["intensity"] for layer in layers)]) * 4
    bottom = min([left * bandwidth, *(layer["gflops"] for layer in layers)]) / 1.6
    top = max([peak, *(layer["gflops"] for layer in layers)]) * 2.2
    axes.set(xscale="log", yscale="log", xlim=(left, right), ylim=(bottom, top))
    for axis in (axes.xaxis, axes.yaxis):  # not as powers of ten, which only matplotlib's mathematics can draw
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("")
    roof = roof_of(report, left, right)
    texts = draw_roof(axes, report, roof)
    for op, colour in colours.items():
        of_this = [layer for layer in layers if layer["op"] == op]
        axes.scatter(
            [layer["intensity"] for layer in of_this],
            [layer["gflops"] for layer in of_this],
            [area_of(layer["ms"] / time) for layer in of_this],
            color=colour, alpha=0.75, zorder=2, **EDGE,
        )  # fmt: skip
    axes.set_xlabel("operations per byte, FLOP")
    axes.set_ylabel("GFLOP/s")
    axes.set_title(run_title(report), loc="left", fontsize=11)
    axes.grid(alpha=0.25, which="both")
    legend(figure, colours, operator_shares(report["layers"]))
    without = len(report["layers"]) - len(layers)
    footer(
        figure,
        report,
        REMARK + (f" Layers without arithmetic, not shown: {without}." if without else ""),
    )
    settle(figure)
    points = [
        Point(
            layer["intensity"],
            layer["gflops"],
            math.sqrt(area_of(layer["ms"] / time) / math.pi),
            f"{shortened(layer['name'], 32)}  {percent(layer['ms'] / time)}",
        )
        for layer in sorted(layers, key=lambda layer: -layer["ms"])
    ]
    labels = Labels(axes, points)
    for text in texts:
        labels.avoid_text(text)
    for start, end in itertools.pairwise(roof):
        labels.avoid_line(start, end)
    for point in points[:LABELS]:
        labels.add(point)
    return save(figure, folder, f"{name}-roofline")
