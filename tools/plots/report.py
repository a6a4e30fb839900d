"""Reports of `limn bench`, and what their charts share."""

from __future__ import annotations

import collections
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from peers.report import number

from .drawing import wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Report = dict[str, Any]  # from `limn bench layers --json` or `limn bench kernels --json`
Entry = dict[str, Any]  # one of its layers or kernels

OPERATORS = {
    "conv2d": "#0b6e4f",
    "conv2d_transpose": "#5b7db1",
    "pointwise": "#d99a2b",
    "max_pool": "#8f6bb3",
    "average_pool": "#b79ad1",
    "softmax": "#e377c2",
    "pad": "#7f7f7f",
    "upsample": "#17becf",
    "bilinear": "#d1495b",
    "bicubic": "#a5552a",
}
OTHERS = ("#393b79", "#843c39", "#7b4173", "#637939")  # for other names
HEAD = 1.9  # inches around the bars


def colours_of(names: Iterable[str], known: dict[str, str]) -> dict[str, str]:
    """A colour for each name: known names first, in their order."""
    found = dict.fromkeys(names)
    others = [name for name in found if name not in known]
    unknown = {name: OTHERS[i % len(OTHERS)] for i, name in enumerate(others)}
    return {name: colour for name, colour in known.items() if name in found} | unknown


def total(layers: Sequence[Entry]) -> float:
    return math.fsum(layer["ms"] for layer in layers)


def percent(part: float) -> str:
    """A share as 12.3%; a small share is not rounded to 0."""
    return "<0.1%" if 0 < part < 0.0005 else f"{100 * part:.1f}%"


def shortened(name: str, most: int) -> str:
    """The name, without its middle if it is longer than `most` characters; names differ at their ends."""
    head = most // 3
    return name if len(name) <= most else name[:head] + "..." + name[head + 3 - most :]


def run_title(report: Report) -> str:
    batch, height, width = report["size"]
    median = f"median {number(report['median_ms'])} ms of {report['runs']} runs"
    return f"{report['model']}, {f'batch {batch}, ' if batch > 1 else ''}{height}x{width}: {median}"


def legend(figure: Figure, colours: dict[str, str], texts: dict[str, str]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=texts.get(name, name)) for name, colour in colours.items()]
    width = figure.get_figwidth()
    figure.legend(
        handles=handles, loc="outside upper center", ncols=max(1, int(width / 2.2)), frameon=False, fontsize=9
    )


def footer(figure: Figure, report: Report, remark: str) -> None:
    text = f"{remark} {report['cpu']}; {report['engine']}"
    figure.supxlabel(wrapped(text, int(16.5 * figure.get_figwidth())), fontsize=8.5, color="0.3")


def operator_shares(layers: Sequence[Entry]) -> dict[str, str]:
    sums: collections.Counter[str] = collections.Counter()
    for layer in layers:
        sums[layer["op"]] += layer["ms"]
    return {op: f"{op} {percent(ms / total(layers))}" for op, ms in sums.items()}
