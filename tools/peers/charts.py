"""Charts of the measurements, as SVG and PNG."""

from __future__ import annotations

import itertools
import math
import pathlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from plots.drawing import BEHIND, new_figure, save, wrapped

from . import figures
from .figures import DEFAULT, LIMN, Entry
from .report import counted, describe, every_family, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {
    LIMN: "#0b6e4f",
    "PyTorch": "#d1495b",
    "ONNX Runtime": "#5b7db1",
    "OpenVINO": "#8f6bb3",
    DEFAULT: "#c3aed6",
    "ncnn": "#d99a2b",
}
VARIANT_COLOURS = ("#3d9970", "#7cc49f", "#a9d8bd", "#1f4e79", "#4f86b8")  # of limn besides LIMN, in turn
INCHES_PER_BAR, INCHES_AROUND = 0.2, 1.9
WIDE = 6.0  # times limn's; longer bars are cut, and the number states their length


def colours(families: Sequence[str]) -> dict[str, str]:
    """A colour for each family."""
    others = itertools.cycle(VARIANT_COLOURS)
    return {family: COLOURS.get(family) or next(others) for family in families}


def bars(
    axes: Axes, entries: Sequence[Entry], value: Callable[[Entry, str], float], unit: str, title: str
) -> None:
    """Draws a group of bars per case, as multiples of limn's value; the numbers at their ends are absolute."""
    painted = colours(every_family(entries))
    width = 0.8 / len(painted)
    for row, entry in enumerate(entries):
        own = value(entry, LIMN)
        for place, family in enumerate(painted):
            at = row + (place - (len(painted) - 1) / 2) * width
            if family not in figures.families(entry):
                axes.text(0.04, at, f"{family}: absent", va="center", fontsize=8, color="0.4")
                continue
            absolute = value(entry, family)
            length = min(absolute / own, WIDE)
            axes.barh(at, length, width * 0.92, color=painted[family])
            text = number(absolute) + (f", {absolute / own:.0f}x" if absolute / own > WIDE else "")
            axes.text(length + 0.04, at, text, va="center", fontsize=8, bbox=BEHIND)
    axes.axvline(1, color="0.25", linewidth=0.8, zorder=1)
    axes.set_yticks(range(len(entries)), [entry["title"].replace(", ", "\n") for entry in entries])
    axes.set_ylim(len(entries) - 0.45, -0.55)
    axes.set_xlim(0, WIDE + 0.9)
    axes.set_title(f"{title} (numbers: {unit})", loc="left", fontsize=11)
    axes.set_xlabel("times limn's; shorter is better")
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def comparison(around: dict[str, Any], entries: Sequence[Entry], folder: pathlib.Path) -> list[pathlib.Path]:
    """Draws time at each number of threads, memory and start time, in four panels or more."""
    threads = around["threads"]
    most = str(threads[-1])
    panels = [
        (
            lambda entry, family, n=str(count): figures.quickest(entry, family, n)[1]["min_ms"],
            "ms",
            f"Time, {counted(count)}",
        )
        for count in threads
    ]
    panels.append((lambda e, family: figures.least_memory(e, family, most), "MB", "Peak memory"))
    panels.append(
        (lambda e, family: figures.first_start(e, family)["start_ms"]["min"], "ms", "Process start to result")
    )
    rows = (len(panels) + 1) // 2
    painted = colours(every_family(entries))
    height = rows * (INCHES_PER_BAR * (len(painted) + 1) * len(entries) + INCHES_AROUND) + 0.8
    figure, axes = new_figure(15, height, rows, 2)
    for (value, unit, title), place in zip(panels, axes.flat, strict=False):
        bars(place, entries, value, unit, title)
    for place in axes.flat[len(panels) :]:
        place.set_visible(False)
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=family) for family, colour in painted.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(6, len(painted)), frameon=False, fontsize=11)
    figure.supxlabel(wrapped(describe(around), 170), fontsize=9, color="0.3")
    return save(figure, folder, "peers")


def growth(
    around: dict[str, Any], points: Sequence[dict[str, Any]], folder: pathlib.Path
) -> list[pathlib.Path]:
    """Draws time and memory per megapixel against megapixels, one line per network. A flat line is best."""
    figure, axes = new_figure(15, 7, 1, 3)
    panels = (
        ("ms_per_megapixel", "ms per megapixel"),
        ("mb_per_megapixel", "peak MB per megapixel, weights included"),
        ("mb_per_further_megapixel", "peak MB per additional megapixel"),
    )
    lines = sorted({(point["network"], point["engine"], point["threads"]) for point in points})
    networks = sorted({network for network, _, _ in lines})
    most = max(threads for _, _, threads in lines)
    for place, (key, title) in zip(axes.flat, panels, strict=True):
        for network, engine, threads in lines:
            chosen = [
                p for p in points if (p["network"], p["engine"], p["threads"]) == (network, engine, threads)
            ]
            drawn = [(p["megapixels"], p[key]) for p in chosen if p[key] is not None and p[key] > 0]
            if not drawn:
                continue
            place.plot(
                *zip(*drawn, strict=True),
                marker="o" if engine == LIMN else "x",
                markersize=4,
                color=f"C{networks.index(network)}",
                linestyle="-" if threads == most else "--",
                label=f"{network}, {counted(threads)}" + ("" if engine == LIMN else f", {engine}"),
            )
        place.set_xscale("log")
        place.set_yscale("log")
        place.set_xlabel("megapixels")
        place.set_title(title, loc="left", fontsize=11)
        place.grid(alpha=0.3, which="both")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    columns = min(6, math.ceil(len(labels) / 2)) or 1
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False, fontsize=9)
    figure.supxlabel(wrapped(describe(around), 170), fontsize=9, color="0.3")
    return save(figure, folder, "growth")
