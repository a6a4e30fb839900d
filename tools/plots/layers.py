"""The time of each layer of a run: bars in the order of execution."""

from __future__ import annotations

import math
import pathlib
import re
from collections.abc import Sequence
from typing import NamedTuple

from peers.report import number

from .drawing import new_figure, save
from .report import (
    HEAD,
    OPERATORS,
    Entry,
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

ROWS_MOST = 100  # more rows are merged
ROW = 0.19  # inches


class Row(NamedTuple):
    """A bar: one layer, or several consecutive ones."""

    title: str
    layers: list[Entry]


def prefix(name: str, words: int) -> str:
    """The first words of a name; dots and slashes separate words."""
    ends = [match.start() for match in re.finditer(r"[./]", name)]
    return name[: ends[words - 1]] if words <= len(ends) else name


def together(layers: Sequence[Entry], keys: Sequence[str]) -> list[Row]:
    """Merges consecutive layers with the same key into one row."""
    rows: list[Row] = []
    last = None
    for layer, key in zip(layers, keys, strict=True):
        if key != last:
            rows.append(Row(key, []))
        rows[-1].layers.append(layer)
        last = key
    return rows


def counted_title(row: Row) -> str:
    if len(row.layers) == 1:
        return row.layers[0]["name"]
    return f"{row.title} ({len(row.layers)} layers)"


def rows_of(layers: Sequence[Entry], most: int = ROWS_MOST) -> list[Row]:
    """One row per layer; if there are too many, consecutive layers with the same prefix share a row."""
    if len(layers) <= most:
        return [Row(layer["name"], [layer]) for layer in layers]
    longest = max(len(re.findall(r"[./]", layer["name"])) for layer in layers)
    for words in range(longest, 0, -1):
        rows = together(layers, [prefix(layer["name"], words) for layer in layers])
        if len(rows) <= most:
            return [Row(counted_title(row), row.layers) for row in rows]
    size = math.ceil(len(layers) / most)
    runs = [list(layers[i : i + size]) for i in range(0, len(layers), size)]
    return [
        Row(f"{run[0]['name']} .. {run[-1]['name']}" if len(run) > 1 else run[0]["name"], run) for run in runs
    ]


def draw(report: Report, folder: pathlib.Path, name: str) -> list[pathlib.Path]:
    """Draws the bars."""
    layers = report["layers"]
    rows = rows_of(layers)
    time = total(layers)
    colours = colours_of((layer["op"] for layer in layers), OPERATORS)
    figure, grid = new_figure(11, ROW * len(rows) + HEAD, 1, 1)
    axes = grid[0, 0]
    longest = max(total(row.layers) for row in rows)
    for at, row in enumerate(rows):
        start = 0.0
        for op, colour in colours.items():
            ms = total([layer for layer in row.layers if layer["op"] == op])
            axes.barh(at, ms, 0.78, left=start, color=colour)
            start += ms
        axes.text(start + longest * 0.006, at, percent(start / time), va="center", fontsize=8)
    axes.set_yticks(range(len(rows)), [shortened(row.title, 52) for row in rows], fontsize=8)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, longest * 1.08)
    axes.set_xlabel("ms")
    axes.set_title(run_title(report), loc="left", fontsize=11)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    legend(figure, colours, operator_shares(layers))
    remark = (
        f"{len(layers)} layers in the order of execution, the median of each; {number(time)} ms in total."
    )
    footer(figure, report, remark)
    return save(figure, folder, f"{name}-layers")
