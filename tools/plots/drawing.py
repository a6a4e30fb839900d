"""Shared by all charts: creates figures without a display and writes them as SVG and PNG."""

from __future__ import annotations

import pathlib
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 110  # the same for layout and output, because the width of letters in pixels depends on it
BEHIND = {
    "boxstyle": "square,pad=0.1",
    "facecolor": "white",
    "edgecolor": "none",
}  # the background of a number, which hides lines


def new_figure(width: float, height: float, rows: int, columns: int) -> tuple[Figure, Any]:
    """A figure and its axes, without a display; width and height in inches."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update(
        {"font.size": 10, "svg.fonttype": "none", "axes.axisbelow": True, "text.parse_math": False}  # "$" is a dollar
    )
    return pyplot.subplots(
        rows, columns, figsize=(width, height), dpi=DPI, layout="constrained", squeeze=False
    )


def settle(figure: Figure) -> None:
    """Fixes the layout. Two passes, because the first one changes the ticks."""
    for _ in range(2):
        figure.draw_without_rendering()
    figure.set_layout_engine("none")


def save(figure: Figure, folder: pathlib.Path, name: str) -> list[pathlib.Path]:
    from matplotlib import pyplot

    paths = [folder / f"{name}.{kind}" for kind in ("svg", "png")]
    for path in paths:
        figure.savefig(path, dpi=DPI)
    pyplot.close(figure)
    return paths


def wrapped(text: str, width: int) -> str:
    """Lines of at most `width` characters."""
    return "\n".join(textwrap.wrap(text, width))
