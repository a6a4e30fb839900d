"""The arithmetic of the comparison: what is made of many milliseconds, and who is compared with whom.

A case's entry, as peers.json holds it:

    {"engines": {ENGINE: {"error": E, "threads": {"1": {"min_ms", "median_ms", "peak_mb"}, ..},
                          "start_ms": {"min", "median"}, "overhead_ms"}}, "absent": {ENGINE: REASON}, ..}

Minima are compared: on a shared machine everything that disturbs a run makes it longer.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

LIMN = "limn"
# What a user would call an engine, and the ways in which it is run: the best way counts.
FAMILIES = {
    LIMN: (LIMN,),
    "PyTorch": ("torch-eager", "torch-channels-last", "torch-frozen", "torch-optimized"),
    "ONNX Runtime": ("onnxruntime",),
    "OpenVINO": ("openvino",),
    "ncnn": ("ncnn",),
}

Entry = dict[str, Any]
Timing = dict[str, float]


def timing(rounds: Iterable[tuple[float, float]]) -> Timing:
    """Of every round's minimum and median: the least minimum, and the median of the medians."""
    minima, medians = zip(*rounds, strict=True)
    return {"min_ms": min(minima), "median_ms": statistics.median(medians)}


def relative_error(result: np.ndarray, reference: np.ndarray) -> float:
    """The largest difference as a part of the largest magnitude; infinite where something is no number."""
    if result.shape != reference.shape:
        return math.inf
    difference = float(abs(result.astype("f8") - reference).max())
    largest = float(abs(reference).max())
    return difference / largest if math.isfinite(difference) and largest > 0 else math.inf


def repetitions(fastest_ms: float, turn_seconds: float, least: int = 2, most: int = 50) -> int:
    """Runs a turn: the fastest engine's fill `turn_seconds`, and all engines make as many."""
    return max(least, min(most, math.ceil(1e3 * turn_seconds / fastest_ms)))


def geometric_mean(values: Iterable[float]) -> float:
    """The mean of ratios; not a number without any."""
    logarithms = [math.log(value) for value in values]
    return math.exp(sum(logarithms) / len(logarithms)) if logarithms else math.nan


def variants(entry: Entry, family: str) -> dict[str, Entry]:
    """The measured ways to run one engine."""
    return {name: entry["engines"][name] for name in FAMILIES[family] if name in entry["engines"]}


def families(entry: Entry) -> list[str]:
    """The engines with any measurement in the entry, limn first."""
    return [family for family in FAMILIES if variants(entry, family)]


def peer_families(entry: Entry) -> list[str]:
    return [family for family in families(entry) if family != LIMN]


def quickest(entry: Entry, family: str, threads: str) -> tuple[str, Timing]:
    """The way with the least minimum, and its times."""
    ways = {name: figures["threads"][threads] for name, figures in variants(entry, family).items()}
    return min(ways.items(), key=lambda way: way[1]["min_ms"])


def least_memory(entry: Entry, family: str, threads: str) -> float:
    """Peak in MB, of the leanest way."""
    return min(figures["threads"][threads]["peak_mb"] for figures in variants(entry, family).values())


def first_start(entry: Entry, family: str) -> Entry:
    """The figures of the way that has its first result first."""
    return min(variants(entry, family).values(), key=lambda figures: figures["start_ms"]["min"])


def fastest_peer(entry: Entry, threads: str) -> str | None:
    """The family to beat; None without any peer."""
    return min(peer_families(entry), key=lambda f: quickest(entry, f, threads)[1]["min_ms"], default=None)


def ratio(entry: Entry, threads: str) -> float | None:
    """How many times as long the fastest peer takes as limn."""
    peer = fastest_peer(entry, threads)
    if peer is None:
        return None
    return quickest(entry, peer, threads)[1]["min_ms"] / quickest(entry, LIMN, threads)[1]["min_ms"]


def mean_ratio(entries: Iterable[Entry], threads: str) -> float:
    """The geometric mean of the ratios of all cases that have one."""
    return geometric_mean(value for entry in entries if (value := ratio(entry, threads)) is not None)
