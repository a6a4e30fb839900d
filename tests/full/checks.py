"""What the full tests share: calling programs, checkpoints on their way to limn, and checks that print a line each."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reference.parameters import Weights

ROOT = pathlib.Path(__file__).resolve().parents[2]
Publish = Callable[[Weights, pathlib.Path], None]


class Failure(Exception):
    """Why a check did not pass."""


def called(command: Sequence[str | pathlib.Path]) -> str:
    """The command's standard output; Failure with its messages where it does not end well."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command[:3]))} ..: exit code {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def convert(weights: Weights, publish: Publish, folder: pathlib.Path, options: Sequence[str] = ()) -> pathlib.Path:
    """FOLDER/converted.safetensors: the weights as their publisher writes them, through tools/convert.py."""
    source, converted = folder / "published", folder / "converted.safetensors"
    publish(weights, source)
    called([sys.executable, str(ROOT / "tools/convert.py"), source, "-o", converted, *options])
    return converted


@dataclass(frozen=True)
class Limn:
    """The program, and a folder for what goes in and out."""

    program: str
    folder: pathlib.Path

    def __call__(self, *arguments: str | pathlib.Path) -> str:
        return called([self.program, *arguments])


@dataclass(frozen=True)
class Figure:
    """What a check measured; it may be `bound` at worst."""

    value: float
    unit: str
    bound: float
    larger_is_better: bool = False

    @property
    def good(self) -> bool:
        """NaN is not."""
        return self.value >= self.bound if self.larger_is_better else self.value <= self.bound


HEAD = f"{'pipeline':<55} {'figure':>9} {'bound':>9}"


@dataclass(frozen=True)
class Check:
    """A line of the table."""

    name: str
    measure: Callable[[Limn], Figure]

    def passes(self, limn: Limn) -> bool:
        """Measures and prints the line."""
        try:
            got = self.measure(limn)
        except Failure as failure:
            print(f"{self.name:<55}  FAILED: {failure}", flush=True)
            return False
        bound = f"{'>=' if got.larger_is_better else '<='} {got.bound:g}"
        verdict = "ok" if got.good else "FAILED: beyond the bound"
        print(f"{self.name:<55} {got.value:>9.4g} {bound:>9} {got.unit:<14} {verdict}", flush=True)
        return got.good
