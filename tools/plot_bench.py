#!/usr/bin/env python3
"""Draws charts from the reports of `limn bench layers --json` and `limn bench kernels --json`.

    limn bench layers -m enhancenet --json >layers.json
    python3 tools/plot_bench.py layers.json        `make bench` does this and more

For layers: NAME-roofline, each layer against the peak of the processor and the bandwidth of the memory, and
NAME-layers, the time of each layer. For kernels: NAME-variants, the variants of each shape side by side. Each chart is
written as SVG and PNG to the output folder, replacing existing files; NAME is the name of the JSON file.

Needs matplotlib 3.7. If the Python that runs this program lacks it, pip installs it in a virtual environment, under
pip's own settings. (On Debian, run `sh tools/setup.sh -p` first.)
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import math
import pathlib
import sys
from typing import Any

from peers import environment
from plots import kernels, layers, roofline
from plots.text import all_shown

BUILD = pathlib.Path(__file__).resolve().parent.parent / "build"

RUN = {"engine": str, "cpu": str, "peak_gflops": float, "bandwidth_gb_per_s": float}
LAYERS_RUN = RUN | {"model": str, "size": list, "runs": int, "median_ms": float}
LAYER = {
    "name": str,
    "op": str,
    "ms": float,
    "flop": float,
    "bytes": float,
    "gflops": float,
    "intensity": float,
}
KERNEL = {"op": str, "variant": str, "shape": str, "where": str, "ms": float, "flop": float, "bytes": float}
KERNEL |= {"gflops": float}
ABOVE_ZERO = {"peak_gflops", "bandwidth_gb_per_s", "runs", "median_ms", "ms", "bytes"}
KINDS = {"layers": (LAYERS_RUN, LAYER), "kernels": (RUN, KERNEL)}


class Unreadable(Exception):
    """A file is not a report of limn bench, or is incomplete."""


# Reading


def fault_of(value: Any, kind: type, above_zero: bool) -> str | None:
    """What is wrong with a field, or None. A bool does not count as a number."""
    if kind is str:
        return None if isinstance(value, str) else "expected text"
    if kind is list:
        sides = (
            isinstance(value, list)
            and len(value) == 3
            and all(type(side) is int and side > 0 for side in value)
        )
        return None if sides else "expected batch, height and width"
    if type(value) not in (int, float) or not math.isfinite(value):
        return "expected a number"
    if value < 0 or (above_zero and value == 0):
        return f"expected a number {'above' if above_zero else 'not below'} 0"
    return None


def check_fields(contents: Any, fields: dict[str, type], where: str) -> None:
    if not isinstance(contents, dict):
        raise Unreadable(f"{where} is not a JSON object")
    for name, kind in fields.items():
        if name not in contents:
            raise Unreadable(f"{where}: missing field {name!r}")
        fault = fault_of(contents[name], kind, name in ABOVE_ZERO)
        if fault:
            raise Unreadable(f"{where}: {name} is {json.dumps(contents[name])[:40]}, {fault}")


def read(path: pathlib.Path) -> tuple[str, dict[str, Any]]:
    """Reads and checks a report; returns its kind, a key of KINDS, and its contents."""
    try:
        report = all_shown(json.loads(path.read_bytes()))
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError too
        raise Unreadable(f"{path} is not valid JSON: {error}") from error
    kinds = [kind for kind in KINDS if isinstance(report, dict) and kind in report]
    if len(kinds) != 1:
        raise Unreadable(f"{path} is not a report of limn bench layers or limn bench kernels")
    run, entry = KINDS[kinds[0]]
    check_fields(report, run, str(path))
    entries = report[kinds[0]]
    if not isinstance(entries, list) or not entries:
        raise Unreadable(f"{path} has no {kinds[0]}")
    for index, contents in enumerate(entries):
        check_fields(contents, entry, f"{path}: {kinds[0]}[{index}]")
    return kinds[0], report


# Program


def can_draw() -> bool:
    """Whether this Python has matplotlib 3.7, the first version with legends outside the axes."""
    try:
        numbers = importlib.metadata.version("matplotlib").split(".")
    except importlib.metadata.PackageNotFoundError:
        return False
    return (int(numbers[0]), int(numbers[1])) >= (3, 7)


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("reports", nargs="+", type=pathlib.Path, metavar="JSON", help="report of limn bench")
    parser.add_argument(
        "--output", type=pathlib.Path, metavar="FOLDER", help="folder of the charts (default: that of the first JSON)"
    )
    parser.add_argument(
        "--venv",
        type=pathlib.Path,
        default=BUILD / "peers-venv",
        metavar="FOLDER",
        help="virtual environment for matplotlib (default: build/peers-venv)",
    )
    parser.add_argument("--no-install", action="store_true", help="install nothing")
    options = parser.parse_args(arguments)
    stems = [path.stem for path in options.reports]
    for stem in stems:
        if stems.count(stem) > 1:
            parser.error(f"two reports are named {stem}, so their charts would replace each other; rename one")
    options.output = options.output or options.reports[0].parent
    return options


def draw(path: pathlib.Path, kind: str, report: dict[str, Any], folder: pathlib.Path) -> None:
    charts = {"layers": (roofline, layers), "kernels": (kernels,)}
    for chart in charts[kind]:
        for made in chart.draw(report, folder, path.stem):
            print(f"plot_bench: {made}", file=sys.stderr)


def main() -> int:
    options = parse_arguments()
    try:
        reports = [(path, *read(path)) for path in options.reports]
        if not can_draw():
            environment.ensure(options.venv, not options.no_install, needed=("matplotlib",), wanted=())
            environment.enter(options.venv)
        options.output.mkdir(parents=True, exist_ok=True)
        for path, kind, report in reports:
            draw(path, kind, report, options.output)
    except (Unreadable, environment.Unusable) as error:
        print(f"plot_bench: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"plot_bench: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
