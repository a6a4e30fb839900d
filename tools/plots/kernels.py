"""The variants of each kernel shape side by side, with the machine's bounds."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from peers.report import number

from .drawing import BEHIND, new_figure, save, settle
from .report import HEAD, Entry, Report, colours_of, footer, legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAMILIES = {  # variant names without the operator's
    "ref": "#b0b0b0",
    "blocked": "#7f7f7f",
    "plain": "#8c6d31",
    "gemm": "#d1495b",
    "kn2row": "#8f6bb3",
    "native": "#5b7db1",
    "single": "#17becf",
    "winograd": "#0b6e4f",
    "winograd_small": "#57a773",
    "winograd_lean": "#d99a2b",
    # other engines, in bench_peers' layers: lighter than their colours in its other charts
    "PyTorch": "#f2b3bc",
    "ONNX Runtime": "#bccbe3",
    "OpenVINO": "#d5c6e3",
    "ncnn": "#f3dab0",
}


class Group(NamedTuple):
    """The kernels for one shape, in rows from `top`."""

    title: str
    kernels: list[Entry]
    top: float

    @property
    def height(self) -> float:
        return max(len(self.kernels), 2) + 0.8  # two for the title


class Panel(NamedTuple):
    """Groups with a common axis."""

    title: str
    rate: str  # the name of the bound
    bound: float
    groups: list[Group]

    @property
    def height(self) -> float:
        return math.fsum(group.height for group in self.groups)


COLUMN_MOST = 48  # rows
MOVING = 4  # operations per byte, below which memory is the bound


def rate(kernel: Entry, moving: bool) -> float:
    """GB/s or GFLOP/s."""
    return kernel["bytes"] / kernel["ms"] / 1e6 if moving else kernel["gflops"]


def moves(kernels: Sequence[Entry]) -> bool:
    """Whether a shape is bound by memory rather than by arithmetic."""
    best = min(kernels, key=lambda kernel: kernel["ms"])
    return best["flop"] < MOVING * best["bytes"]


def panels_of(report: Report) -> list[Panel]:
    """The shapes bound by arithmetic, then those bound by memory, each in columns of similar height."""
    shapes: dict[tuple[str, ...], list[Entry]] = {}
    for kernel in report["kernels"]:
        shapes.setdefault((kernel["op"], kernel["where"], kernel["shape"]), []).append(kernel)
    panels = []
    for moving in (False, True):
        chosen = [item for item in shapes.items() if moves(item[1]) == moving]
        groups = [Group(f"{where or op}\n{shape}", kernels, 0) for (op, where, shape), kernels in chosen]
        rows = math.fsum(group.height for group in groups)
        column = rows / max(1, math.ceil(rows / COLUMN_MOST))
        title, unit = ("GB/s", "bandwidth_gb_per_s") if moving else ("GFLOP/s", "peak_gflops")
        panel = None
        for group in groups:
            if panel is None or panel.height + group.height / 2 > column:
                panel = Panel(title, "memory" if moving else "peak", report[unit], [])
                panels.append(panel)
            panel.groups.append(group._replace(top=panel.height))
    return panels


def family(kernel: Entry) -> str:
    return kernel["variant"].removeprefix(f"{kernel['op']}_")


def draw_panel(axes: Axes, panel: Panel, colours: dict[str, str]) -> None:
    moving = panel.rate == "memory"
    rates = [rate(kernel, moving) for group in panel.groups for kernel in group.kernels]
    longest = max([panel.bound, *rates])
    ticks = []
    for group in panel.groups:
        best = max(rate(kernel, moving) for kernel in group.kernels)
        for row, kernel in enumerate(group.kernels):
            value, at = rate(kernel, moving), group.top + row
            axes.barh(at, value, 0.82, color=colours[family(kernel)])
            weight = "bold" if value == best and len(group.kernels) > 1 else "normal"
            axes.text(
                value + longest * 0.01,
                at,
                number(value),
                va="center",
                fontsize=7.5,
                weight=weight,
                bbox=BEHIND,
            )
        ticks.append(group.top + (len(group.kernels) - 1) / 2)
    axes.axvline(panel.bound, color="0.25", linewidth=0.9, linestyle="--", zorder=1)
    axes.set_yticks(ticks, [group.title for group in panel.groups], fontsize=7.5)
    axes.set_ylim(panel.height - 0.8, -0.8)
    axes.set_xlim(0, longest * 1.12)
    axes.set_title(f"{panel.title} (line: {panel.rate} {number(panel.bound)})", loc="left", fontsize=10)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def draw(report: Report, folder: pathlib.Path, name: str) -> list[pathlib.Path]:
    """Draws a group of bars per shape, one bar per variant."""
    panels = panels_of(report)
    rows = max(panel.height for panel in panels)
    colours = colours_of((family(kernel) for kernel in report["kernels"]), FAMILIES)
    figure, grid = new_figure(max(9, 6.2 * len(panels)), 0.165 * rows + HEAD, 1, len(panels))
    for axes, panel in zip(grid.flat, panels, strict=True):
        draw_panel(axes, panel, colours)
    legend(figure, colours, {})
    footer(figure, report, "Least time of each kernel. The fastest variant of a shape is bold.")
    settle(figure)
    for axes, panel in zip(grid.flat, panels, strict=True):  # equal bar heights in all panels
        box = axes.get_position()
        height = box.height * panel.height / rows
        axes.set_position((box.x0, box.y1 - height, box.width, height))
    return save(figure, folder, f"{name}-variants")
