#!/usr/bin/env python3
"""Runs every network that has demo weights, and the pixel tools, and shows the results on a page.

    python3 tools/gallery/demo.py --limn build/limn --output build/demo

Writes index.html, a page that includes all its pictures; sheet.png, an overview; and the pictures in inputs/ and made/.
Networks without weights are listed and left out. If limn fails, the page shows the error and the exit code is 1.
Needs NumPy and Pillow.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

try:
    import numpy  # noqa: F401  (imported here to report a missing package)
    from PIL import Image  # noqa: F401
except ImportError as error:
    sys.exit(f"demo: {error.name} is missing; on Debian: apt install python3-numpy python3-pil")

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gallery import inputs, instruments, page, sheet
from gallery.exhibit import Exhibit, Stage
from gallery.networks import NETWORKS, Network
from gallery.program import Program, ProgramError, processor

WEIGHTS = Path(__file__).resolve().parents[2] / "weights"


def shown(program: Program, exhibit: Exhibit, show: Callable[[Stage], None]) -> Exhibit:
    """Fills in the exhibit, as far as limn gets before it fails, and returns it."""
    try:
        show(Stage(program, exhibit))
    except ProgramError as error:
        exhibit.failure = str(error)
    return exhibit


def network(program: Program, of: Network) -> Exhibit:
    """The exhibit of a network, with those of its weights that exist."""
    exhibit = Exhibit(of.name, of.title, of.about)
    there = [name for name in of.files if (program.weights / f"{name}.safetensors").is_file()]
    if len(there) < len(of.files):
        missing = " and ".join(f"weights/{name}.safetensors" for name in of.files if name not in there)
        exhibit.missing = f"{missing}; to make the weights, run python3 {of.training}"
    if not there:
        return exhibit

    def show(stage: Stage) -> None:
        exhibit.weights = [inputs.weights_of(program, name) for name in there]
        of.show(stage)

    return shown(program, exhibit, show)


def engine(program: Program) -> str:
    """limn's version, and if a network can be explained: its instruction set, OpenBLAS core and threads."""
    version = program.run(["--version"])[0].strip()
    for name in (name for of in NETWORKS for name in of.files):
        try:
            return json.loads(program.run(["explain", name, "--json"])[0])["engine"]
        except ProgramError:  # missing or damaged; its exhibit reports that
            continue
    return version


def line(exhibit: Exhibit) -> str:
    if exhibit.failure:
        return f"{exhibit.name}: FAILED: {exhibit.failure}"
    if not exhibit.runs:
        return f"{exhibit.name}: missing weights: {exhibit.missing}"
    return f"{exhibit.name}: {exhibit.headline} ({exhibit.seconds:.2f} s)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limn", type=Path, required=True, help="the limn program")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the weights (default: weights)")
    parser.add_argument("--output", type=Path, required=True, help="folder for the page and the pictures")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be in another encoding
    arguments.output.mkdir(parents=True, exist_ok=True)
    program = Program(arguments.limn, arguments.weights, arguments.output)
    start, exhibits = time.perf_counter(), []
    try:
        about = engine(program)
        for of in NETWORKS:
            exhibits.append(network(program, of))
            print(line(exhibits[-1]), flush=True)
        for exhibit, show in (
            (instruments.pixels(), instruments.show_pixels),
            (instruments.explain(), instruments.show_explain),
        ):
            exhibits.append(shown(program, exhibit, show))
            print(line(exhibits[-1]), flush=True)
    except ProgramError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    facts = page.Facts(about, processor(), time.strftime("%Y-%m-%d %H:%M %Z"), time.perf_counter() - start)
    page.write(arguments.output / "index.html", exhibits, facts)
    sheet.write(arguments.output / "sheet.png", [exhibit for exhibit in exhibits if exhibit.name != "explain"])
    print(f"total {facts.seconds:.1f} s: {arguments.output}/index.html, {arguments.output}/sheet.png")
    failed = [exhibit for exhibit in exhibits if exhibit.failure]
    for exhibit in failed:
        print(f"demo: {exhibit.name}: {exhibit.failure}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(f"demo: {error}")
