"""The commands of the limn program."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass

from . import processes
from .figures import LIMN, PRECISIONS
from .graphs import Case


def variants(sets: Sequence[str], precisions: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The options of each of limn's variants, by name: every instruction set at float32 and at each precision.

    The first is `limn`: the first instruction set, or limn's own choice, at float32.
    """
    found = {}
    for place, isa in enumerate(sets or [""]):
        for precision in PRECISIONS:
            lowered = precision != PRECISIONS[0]
            if lowered and precision not in precisions:
                continue
            name = [LIMN, *([isa] if place else []), *([precision] if lowered else [])]
            options = [*(["--isa", isa] if isa else []), *(["--precision", precision] if lowered else [])]
            found[" ".join(name)] = tuple(options)
    return found


@dataclass
class Limn:
    """The program, one network's weights, and further options of a variant."""

    program: pathlib.Path
    weights: pathlib.Path
    options: tuple[str, ...] = ()

    def bench(self, case: Case, threads: int, repetitions: int) -> list[str]:
        """The command `limn bench model`: loads, runs once untimed, then `repetitions` times."""
        return [
            *(str(self.program), "bench", "model", "--json", "-q", "-m", str(self.weights)),
            *("--size", f"{case.height}x{case.width}", "--batch", str(case.batch)),
            *("--reps", str(repetitions), "-t", str(threads), *self.options),
        ]

    def run(self, inputs: list[pathlib.Path], output: pathlib.Path, threads: int) -> list[str]:
        """The command `limn run`: loads, runs once, writes the result."""
        latent = ["--latent", str(inputs[1])] if len(inputs) > 1 else []
        command = [str(self.program), "run", "-q", "-f", "-m", str(self.weights), "-i", str(inputs[0])]
        return [*command, *latent, "-o", str(output), "-t", str(threads), *self.options]

    def measure(self, case: Case, threads: int, repetitions: int, cpus: list[int]) -> dict[str, float]:
        """The figures that `limn bench model` prints: min_ms, median_ms, load_ms, peak_rss_mb, .."""
        return json.loads(processes.launch(self.bench(case, threads, repetitions), cpus).stdout)


def version(program: pathlib.Path) -> str:
    """`limn --version`: the version, the kernels, OpenBLAS's core."""
    return processes.launch([str(program), "--version"], processes.physical_cores()).stdout.strip()
