#!/usr/bin/env python3
"""limn's readers of pictures side by side with Pillow's, over a few thousand files of every kind that Pillow writes.

    python3 tests/full/readers.py [FORMAT...]        after make build/decode_pictures

Prints a line for each kind of file: how many, how many were refused as expected, the largest difference of a sample,
and the CPU time of limn and of Pillow. tests/full/main.py runs it too.

Each format has a module readers_NAME.py with two functions:

    cases(folder)       writes files there and yields a Case for each
    reference(image)    what an opened image holds as limn returns it: H x W x 3 or 4, uint8, upright
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "python")]

import decode_support
from decode_support import decode

FORMATS = ["jpeg", "png", "bmp", "pnm"]
HEAD = f"{'format':<7} {'kind':<34} {'files':>6} {'refused':>8} {'largest':>8} {'limn':>8} {'Pillow':>8}"


class Case(NamedTuple):
    path: Path
    kind: str  # of a line of the table
    most_apart: int = 0  # levels
    refused: str = ""  # words of the message with which limn refuses the file


class Line:
    """Adds up the files of one kind."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.files = self.refused = self.largest = 0
        self.limn = self.pillow = 0.0
        self.failures: list[str] = []

    def print(self, name: str) -> bool:
        times = f"{self.limn:>7.2f}s {self.pillow:>7.2f}s"
        print(f"{name:<7} {self.kind:<34} {self.files:>6} {self.refused:>8} {self.largest:>8} {times}", flush=True)
        for failure in self.failures[:5]:
            print(f"    FAILED: {failure}")
        return not self.failures


def compare(name: str, folder: Path) -> list[bool]:
    """Prints the lines of a format. True for each that is as it should be."""
    module = importlib.import_module(f"readers_{name}")
    cases = list(module.cases(folder))
    lines: dict[str, Line] = {}
    for case, got in zip(cases, decode(case.path for case in cases)):
        line = lines.setdefault(case.kind, Line(case.kind))
        line.files += 1
        line.limn += got.seconds
        if case.refused or got.pixels is None:
            line.refused += 1
            if not case.refused or case.refused not in got.message:
                line.failures.append(f"{case.path.name}: '{got.message}', '{case.refused}' expected")
            continue
        start = time.process_time()
        with Image.open(case.path) as image:
            image.load()
            line.pillow += time.process_time() - start
            want = module.reference(image)
        if want.shape != got.pixels.shape:
            line.failures.append(f"{case.path.name}: {got.pixels.shape}, {want.shape} expected")
            continue
        apart = int(np.abs(got.pixels.astype(int) - want).max())
        line.largest = max(line.largest, apart)
        if apart > case.most_apart:
            line.failures.append(f"{case.path.name}: {apart} levels apart, at most {case.most_apart} expected")
    return [line.print(name) for line in lines.values()]


def use_decoder_of(limn: str) -> None:
    """The decode_pictures that was built along with this program."""
    decode_support.DECODER = Path(limn).parent / "decode_pictures"


def run(formats: list[str]) -> Iterator[bool]:
    print(HEAD)
    for name in formats:
        with tempfile.TemporaryDirectory() as folder:
            yield from compare(name, Path(folder))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help=f"of {', '.join(FORMATS)} (default: all)")
    start = time.perf_counter()
    results = list(run(parser.parse_args().formats or FORMATS))
    print(f"{time.perf_counter() - start:.0f} s; {results.count(True)} kinds as expected, {results.count(False)} not")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
