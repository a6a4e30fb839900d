"""What all charts share: figures without a display, written as SVG and PNG."""

from __future__ import annotations

import pathlib
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 110  # also while laying out: at another, letters are not as wide to the pixel
BEHIND = {
    "boxstyle": "square,pad=0.1",
    "facecolor": "white",
    "edgecolor": "none",
}  # a number: no line runs through


def new_figure(width: float, height: float, rows: int, columns: int) -> tuple[Figure, Any]:
    """matplotlib without a display; imported here, as only this needs it. Sides in inches."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"font.size": 10, "svg.fonttype": "none", "axes.axisbelow": True})
    return pyplot.subplots(
        rows, columns, figsize=(width, height), dpi=DPI, layout="constrained", squeeze=False
    )


def settle(figure: Figure) -> None:
    """Lays the figure out for good: the first time reckons with other ticks than those that it leads to."""
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
