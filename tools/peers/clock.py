"""Checks limn's own figures: its times against those of whole processes, its memory against the kernel's.

The time per run is the difference between two processes that run the network a different number of times; loading and
starting cancel out.
"""

from __future__ import annotations

import json
import math
import statistics

from . import processes
from .graphs import Case
from .limn import Limn

FEW = 2
MOST = 4000
SPAN_SECONDS = 3.0  # time of the additional runs of the longer process


def slope(few: tuple[int, float], many: tuple[int, float]) -> float:
    """The time per run, from two pairs of (runs, time of the whole process)."""
    return (many[1] - few[1]) / (many[0] - few[0])


def check(limn: Limn, case: Case, threads: int, cpus: list[int], pairs: int) -> dict[str, float]:
    """Returns `slope_ms`, wall time per run, from pairs of processes; `bench_ms`, limn's own median; and both peaks."""
    first = limn.measure(case, threads, FEW, cpus)
    many = FEW + min(MOST, max(2, math.ceil(1e3 * SPAN_SECONDS / first["median_ms"])))
    slopes, medians, peaks = [], [], []
    for _ in range(pairs):
        short = processes.launch(limn.bench(case, threads, FEW), cpus)
        long = processes.launch(limn.bench(case, threads, many), cpus)
        slopes.append(1e3 * slope((FEW, short.seconds), (many, long.seconds)))
        own = json.loads(long.stdout)
        medians.append(own["median_ms"])
        peaks.append((own["peak_rss_mb"], long.peak_mb))
    wall, bench = statistics.median(slopes), statistics.median(medians)
    own_peak, kernel_peak = peaks[-1]
    return {
        "threads": threads,
        "runs": many,
        "slope_ms": wall,
        "bench_ms": bench,
        "time_ratio": wall / bench,
        "bench_peak_mb": own_peak,
        "kernel_peak_mb": kernel_peak,
        "memory_ratio": own_peak / kernel_peak,
    }
